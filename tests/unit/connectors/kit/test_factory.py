"""What is wrong with a backend's configuration is found all at once, each with its place."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from canonical.entities import EntityName
from connectors.config import BackendConfig, BackendConfigError
from connectors.factory import open_backend, resolve_backend
from connectors.kit.mapping.presets import preset_names
from connectors.kit.services import Services

REST: dict[str, Any] = {"protocol": "rest", "url": "https://erp.example/api"}
ITEMS: dict[str, Any] = {"item": {"dataset": "items", "key": "id", "fields": {"sku": "code"}}}


def mistakes(**given: Any) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(BackendConfigError) as caught:
        resolve_backend("erp", BackendConfig.model_validate(given))
    assert caught.value.backend == "erp"
    return {m.path: m.message for m in caught.value.mistakes}


async def opening_mistakes(environ: dict[str, str], **given: Any) -> dict[Any, str]:
    services = Services(environ=environ, base_dir=Path("/nowhere"))
    with pytest.raises(BackendConfigError) as caught:
        await open_backend("erp", BackendConfig.model_validate(given), services)
    return {m.path: m.message for m in caught.value.mistakes}


@pytest.mark.parametrize("preset", preset_names())
def test_every_shipped_preset_is_sound(preset: str) -> None:
    jsonrpc = preset in {"odoo", "tryton"}
    session = {"kind": "session", "username": "ann", "password": {"env": "PASSWORD"}}
    resolved = resolve_backend(
        "erp",
        BackendConfig.model_validate(
            {
                "preset": preset,
                "url": "https://erp.example",
                "auth": session if jsonrpc else {"kind": "none"},
                "settings": {"database": "erp"} if jsonrpc else {},
            }
        ),
    )
    assert EntityName.ITEM in resolved.preset.entities


def test_a_manifest_changes_its_preset_key_by_key() -> None:
    resolved = resolve_backend(
        "erp",
        BackendConfig.model_validate(
            {
                "preset": "coupa",
                "url": "https://erp.example",
                "policy": {
                    "rate_per_s": 5,
                    "breaker": {"failures": 2},
                    "maintenance": [{"days": ["SUN"], "from": "01:00", "to": "03:00"}],
                },
                "units": {"EA": "PC"},
                "settings": {"time_zone": "Europe/Berlin"},
                "entities": {
                    "item": {"fields": {"category": None, "name": "title"}},
                    "receipt": None,
                },
            }
        ),
    )
    assert resolved.policy.rate_per_s == 5
    assert resolved.policy.burst == 15  # the preset's
    assert (resolved.policy.breaker.failures, resolved.policy.breaker.open_s) == (2, 10)
    assert resolved.policy.maintenance[0].start == "01:00"
    assert resolved.mapping.units["EA"] == "PC"
    assert resolved.mapping.time_zone == "Europe/Berlin"
    fields = resolved.preset.entities[EntityName.ITEM].fields
    assert "category" not in fields
    assert "sku" in fields
    assert EntityName.RECEIPT not in resolved.preset.entities


def test_the_row_budget_is_the_policys() -> None:
    config = BackendConfig.model_validate(
        REST | {"entities": ITEMS, "policy": {"max_scanned_rows": 77}}
    )
    assert resolve_backend("erp", config).mapping.max_scanned_rows == 77


def test_an_unknown_preset_is_named_with_those_there_are() -> None:
    found = mistakes(preset="copua", url="https://erp.example")
    assert "coupa" in found["preset",]


def test_all_mistakes_are_found_at_once() -> None:
    found = mistakes(
        protocol="rest",
        url="https://ann:hunter2@erp.example",
        auth={"kind": "session", "username": "ann", "password": {"env": "P"}},
        settings={"pagess": {}, "time_zone": "Berlin"},
        entities=ITEMS,
    )
    assert set(found) == {("settings", "pagess"), ("settings",), ("url",), ("auth", "kind")}
    assert found["settings", "pagess"] == "there is no such key"
    assert "'Berlin'" in found["settings",]
    assert "hunter2" not in str(found)


def test_a_mistake_in_a_mapping_names_its_place() -> None:
    wrong = {"item": {"dataset": "items", "key": "id", "fields": {"sku": {"pth": "code"}}}}
    assert list(mistakes(**REST, entities=wrong)) == [("entities", "item", "fields", "sku")]
    unknown = {"item": {"dataset": "items", "key": "id", "fields": {"skuu": "code"}}}
    assert "skuu" in next(iter(mistakes(**REST, entities=unknown).values()))
    assert ("entities", "item", "key") in mistakes(
        **REST, entities={"item": {"dataset": "items", "fields": {"sku": "code"}}}
    )


@pytest.mark.parametrize(
    "given, message",
    [
        ({"url": "https://x"}, "exactly one of `preset` and `protocol`"),
        ({"preset": "coupa", "protocol": "rest", "url": "https://x"}, "exactly one of"),
        ({"preset": "coupa"}, "url"),
        ({"preset": "coupa", "url": "https://x", "polcy": {}}, "polcy"),
        ({"preset": "coupa", "url": "https://x", "policy": {"timeout_s": "inf"}}, "finite"),
        ({"preset": "coupa", "url": "https://x", "auth": {"kind": "basik"}}, "basik"),
        ({"preset": "coupa", "url": "https://x", "proxy": "http://u:p@proxy"}, "proxy"),
    ],
)
def test_what_has_no_proper_form_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BackendConfig.model_validate(given)


@pytest.mark.parametrize(
    "protocol, url, message",
    [
        ("rest", "ftp://erp.example", "no address of a web service"),
        ("rest", "erp.example", "no address of a web service"),
        ("rest", "https://erp.example/api?key=1", "query"),
        ("sql", "postgresql://ann:hunter2@erp.example/db", "holds a password"),
    ],
)
def test_addresses_are_checked(protocol: str, url: str, message: str) -> None:
    found = mistakes(protocol=protocol, url=url, entities=ITEMS)
    assert message in found["url",]


async def test_missing_secrets_are_found_when_it_is_opened() -> None:
    auth = {"kind": "basic", "username": {"env": "USER_NAME"}, "password": {"file": "password"}}
    found = await opening_mistakes(
        {}, protocol="rest", url={"env": "ERP_URL"}, auth=auth, ca_file="ca.pem", entities=ITEMS
    )
    assert found == {
        ("url",): "the environment variable ERP_URL is not set",
        ("auth", "username"): "the environment variable USER_NAME is not set",
        ("auth", "password"): "the file password cannot be read: No such file or directory",
        ("ca_file",): "there is no file ca.pem",
    }


async def test_addresses_by_reference_are_checked_when_it_is_opened() -> None:
    found = await opening_mistakes(
        {"ERP_URL": "https://ann:hunter2@erp.example"},
        protocol="rest",
        url={"env": "ERP_URL"},
        entities=ITEMS,
    )
    assert "holds credentials" in found["url",]
    assert "hunter2" not in str(found)


async def test_a_database_without_its_driver_or_kind_is_a_mistake() -> None:
    found = await opening_mistakes({}, protocol="sql", url="cobol://erp/db", entities=ITEMS)
    assert "'cobol'" in str(found)
