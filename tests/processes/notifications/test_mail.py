"""Letters to a real mail server: to whom they are for, over TLS, and nothing slipped in."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.notifying.mail import Mail, MailSettings, Security, letter_of
from tests.fixtures.certificates import certificate
from tests.fixtures.mailbox import MailServer, mail_server
from workflows.notifications.ports import Notice, NoticeKind
from workflows.notifications.routing import Message
from workflows.notifications.sending import NotSentError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRUST = ssl.create_default_context()
NOTICE = Notice(
    kind=NoticeKind.CONFIRMATION_REMINDER,
    key="k",
    subject="Bestätigung für Bestellung 45 überfällig",
    text="Bitte bestätigen:\n.Zeile 1\n100 Stück für 5 €",
    about="purchase_order:45",
    correlation_id="c-45",
)
MESSAGE = Message(message_id="m-1", channel="mail", address="ann@example.com", notice=NOTICE)


def mail(server: MailServer, **more: Any) -> Mail:
    given = {"security": Security.NONE, "host": "localhost", "trust": TRUST, **more}
    settings = MailSettings(port=server.port, sender="sg@shop.example", timeout_s=5.0, **given)
    return Mail(settings, now=lambda: NOW)


async def test_a_letter_comes_as_it_was_written() -> None:
    async with mail_server() as server:
        await mail(server).send(MESSAGE)
        await mail(server).send(MESSAGE)
    (to, letter), (_, again) = server.letters
    assert to == "ann@example.com"
    assert letter["From"] == "sg@shop.example"
    assert letter["To"] == "ann@example.com"
    assert letter["Subject"] == NOTICE.subject
    assert letter["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert letter["Message-ID"] == again["Message-ID"] == "<m-1@shop.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Supplygraph-Correlation"] == "c-45"
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content().replace("\r\n", "\n") == NOTICE.text + "\n"


async def test_it_signs_in_over_starttls_and_only_to_whom_it_trusts(tmp_path: Path) -> None:
    context = certificate(tmp_path, "mail")
    trust = ssl.create_default_context(cafile=tmp_path / "mail.pem")
    async with mail_server(context) as server:
        server.login = ("sg", "a password")
        known = {"security": Security.STARTTLS, "user": "sg", "password": "a password"}
        await mail(server, trust=trust, **known).send(MESSAGE)
        assert len(server.letters) == 1
        assert server.seen.index("STARTTLS") < server.seen.index("AUTH")

        server.seen.clear()
        with pytest.raises(NotSentError, match="cannot be reached"):
            await mail(server, **known).send(MESSAGE)
        assert "AUTH" not in server.seen

        with pytest.raises(NotSentError, match="does not take our user and password") as caught:
            await mail(server, trust=trust, **known | {"password": "x"}).send(MESSAGE)
        assert not caught.value.final
    async with mail_server() as plain:  # one that offers no TLS is told no password
        with pytest.raises(NotSentError):
            await mail(plain, trust=trust, **known).send(MESSAGE)
        assert "AUTH" not in plain.seen


async def test_it_speaks_tls_from_the_first_byte_where_that_is_said(tmp_path: Path) -> None:
    context = certificate(tmp_path, "mail")
    trust = ssl.create_default_context(cafile=tmp_path / "mail.pem")
    async with mail_server(context, at_once=True) as server:
        await mail(server, security=Security.TLS, trust=trust).send(MESSAGE)
    assert len(server.letters) == 1


@pytest.mark.parametrize(
    "command, reply, said, final",
    [
        ("RCPT", "550 no such user", "the mail server says 550 no such user", True),
        ("RCPT", "450 try later", "the mail server says 450 try later", False),
        ("MAIL", "421 too busy", "the mail server says 421 too busy", False),
        ("DATA", "554 spam", "the mail server says 554 spam", True),
    ],
)
async def test_what_the_mail_server_refuses_is_told(
    command: str, reply: str, said: str, final: bool
) -> None:
    async with mail_server() as server:
        server.refuse[command] = reply
        with pytest.raises(NotSentError) as caught:
            await mail(server).send(MESSAGE)
    assert (caught.value.message, caught.value.final) == (said, final)
    assert server.letters == []


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    gone = MailServer()
    gone.port = 1
    with pytest.raises(NotSentError, match="cannot be reached") as caught:
        await mail(gone, host="127.0.0.1").send(MESSAGE)
    assert not caught.value.final


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com\r\nBcc: all@example.com",
        "a@example.com, b@example.com",
        "",
        None,
        "nobody@",
    ],
)
async def test_an_address_that_is_not_one_is_refused(address: str | None) -> None:
    async with mail_server() as server:
        with pytest.raises(NotSentError, match="is not one") as caught:
            await mail(server).send(replace(MESSAGE, address=address))
    assert caught.value.final
    assert server.letters == []


@pytest.mark.parametrize("field", ["subject", "correlation_id"])
def test_a_line_end_in_a_head_is_refused(field: str) -> None:
    notice = replace(NOTICE, **{field: "x\r\nBcc: all@example.com"})
    with pytest.raises(NotSentError, match="is not one"):
        letter_of(replace(MESSAGE, notice=notice), "sg@shop.example", NOW)
