"""Notifications in a manifest: what is taken, what is refused and how, what comes of it."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from app.manifest.exceptions import ExceptionsConfig
from app.manifest.notifications import NotificationsConfig
from canonical.exceptions import ExceptionSeverity
from connectors.kit.secrets import Vault
from workflows.notifications.ports import NoticeKind

HOOK: dict[str, Any] = {
    "kind": "webhook",
    "url": "https://chat.example/hook",
    "secrets": [{"env": "HOOK"}],
}
MAIL: dict[str, Any] = {"kind": "email", "host": "mail.example", "sender": "sg@example.com"}
VAULT = Vault(
    {"HOOK": "whsec_" + base64.b64encode(b"x" * 24).decode(), "BAD": "?", "ODD": "pässword"}, Path()
)


PAPER = Path(__file__).parents[4] / "docs" / "exceptions.md"


def test_what_the_docs_show_is_taken() -> None:
    text = PAPER.read_text(encoding="utf-8")
    blocks = [b for b in text.split("\n\n") if b.startswith("    processes:")]
    said = [yaml.safe_load(block)["processes"] for block in blocks]
    (exceptions,) = [each["exceptions"] for each in said if "exceptions" in each]
    (notifications,) = [each["notifications"] for each in said if "notifications" in each]
    assert len(ExceptionsConfig.model_validate(exceptions).rules().owners) == 3
    routing = NotificationsConfig.model_validate(notifications).routing()
    assert [route.channel for route in routing.routes] == ["chat", "mail", "mail"]
    for kind in NoticeKind:
        assert f"`{kind.value}`" in text


def channel(**one: Any) -> NotificationsConfig:
    return NotificationsConfig.model_validate({"channels": {"one": one}})


def refused(config: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        NotificationsConfig.model_validate(config)
    return str(caught.value)


def test_what_is_declared_is_what_routing_goes_by() -> None:
    config = NotificationsConfig.model_validate(
        {
            "channels": {"chat": HOOK, "mail": MAIL},
            "routes": [
                {"channel": "chat", "from_severity": "HIGH", "owners": ["ann"]},
                {"channel": "mail", "kinds": ["approval.reminder"], "to": ["role:buyer"]},
            ],
            "addresses": {"role:buyer": ["bob@example.com"]},
            "otherwise": ["desk@example.com"],
            "tries": 3,
            "first_pause_s": 5,
        }
    )
    routing = config.routing()
    assert routing.letters == {"mail"}
    assert routing.addresses == {"role:buyer": ("bob@example.com",)}
    assert routing.otherwise == ("desk@example.com",)
    high, reminders = routing.routes
    assert (high.channel, high.least, high.owners) == (
        "chat",
        ExceptionSeverity.HIGH,
        frozenset({"ann"}),
    )
    assert reminders.kinds == {NoticeKind.APPROVAL_REMINDER}
    assert (config.pace().tries, config.pace().first_s, config.pace().longest_s) == (3, 5.0, 3600.0)
    ways = config.ways(VAULT, lambda: datetime.now(UTC))
    assert sorted(ways) == ["chat", "mail"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"url": "http://chat.example/"}, "must begin with https://, or say `private: true`"),
        ({"url": "ftp://chat.example/"}, "begins with https://"),
        ({"url": "https://ann:pw@chat.example/"}, "without user, password"),
        ({"secrets": []}, "at least 1 item"),
        ({"secrets": ["whsec_abc"]}, "a secret is not written into the manifest"),
        ({"timeout_s": 0}, "greater than 0"),
        ({"proxy": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_a_webhook_that_is_not_safe_is_refused(change: dict[str, Any], message: str) -> None:
    assert message in refused({"channels": {"one": {**HOOK, **change}}})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sender": "sg@example.com\r\nBcc: x@example.com"}, "should match pattern"),
        ({"sender": "Supplygraph <sg@example.com>"}, "should match pattern"),
        ({"user": "sg"}, "give user and password, or neither"),
        (
            {"user": "sg", "password": {"env": "P"}, "security": "none"},
            "a password is not sent unencrypted",
        ),
        ({"security": "maybe"}, "'starttls', 'tls' or 'none'"),
        ({"kind": "fax"}, "'webhook', 'email'"),
    ],
)
def test_a_mail_server_that_is_not_safe_is_refused(change: dict[str, Any], message: str) -> None:
    assert message in refused({"channels": {"one": {**MAIL, **change}}})


@pytest.mark.parametrize(
    "config, message",
    [
        ({"routes": [{"channel": "chat"}]}, "no such channel; there are: none"),
        ({"addresses": {"ann": ["ann@example.com"]}}, "should match pattern"),
        ({"addresses": {"owner:ann": ["a@b.example, c@d.example"]}}, "should match pattern"),
        ({"otherwise": ["nobody"]}, "should match pattern"),
        ({"routes": [{"channel": "x", "kinds": ["all"]}]}, "exception.opened"),
        ({"tries": 0}, "greater than or equal to 1"),
    ],
)
def test_what_leads_nowhere_is_refused(config: dict[str, Any], message: str) -> None:
    assert message in refused(config)


def test_secrets_must_be_there_and_fit() -> None:
    with pytest.raises(ValueError, match="one: the environment variable NONE is not set"):
        channel(**HOOK | {"secrets": [{"env": "NONE"}]}).ways(VAULT, lambda: datetime.now(UTC))
    with pytest.raises(ValueError, match="the secret is no base64 text"):
        channel(**HOOK | {"secrets": [{"env": "BAD"}]}).ways(VAULT, lambda: datetime.now(UTC))
    login = {"user": "sg", "password": {"env": "ODD"}}
    with pytest.raises(ValueError, match="must be of ASCII letters"):
        channel(**MAIL | login).ways(VAULT, lambda: datetime.now(UTC))
    with pytest.raises(ValueError, match=r"the file no\.pem cannot be read as certificates"):
        channel(**HOOK | {"ca_file": "no.pem"}).ways(VAULT, lambda: datetime.now(UTC))
