"""`supplygraph keys` over a real store: what is printed, where, and what it leads to."""

import asyncio
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.event_log import migrated
from canonical.errors import UnauthenticatedError
from runtime.security.api_keys import APIKeys
from runtime.security.principal import Principal, scope_key
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fakes.acts import audited
from tests.fixtures.stores import POSTGRESQL
from tests.unit.app.manifest.sound import ENVIRON, SOUND

SCOPED = ("--scope", "orders:read")


class House:
    """A manifest and its store; `run` runs `supplygraph keys`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.manifest = folder / "supplygraph.yaml"
        text = SOUND.replace("{env: KEY}", "{env: KEY}\n  api_keys: {max_days: 40}")
        self.manifest.write_text(text, encoding="utf-8")
        self.url = url

    def run(self, *arguments: str) -> Result:
        environ = {
            **ENVIRON, "SUPPLYGRAPH_MANIFEST": str(self.manifest), "DATABASE_URL": self.url
        }  # fmt: skip
        return CliRunner(env=environ).invoke(app, ["keys", *arguments])

    def listed(self, *options: str) -> list[dict[str, Any]]:
        printed = self.run("list", "--json", *options).stdout.splitlines()
        return [json.loads(line) for line in printed]

    def verified(self, text: str) -> Principal:
        async def done() -> Principal:
            store = Store(StoreSettings(url=self.url))
            keys = APIKeys(store)
            try:
                return await keys.verify(text)
            finally:
                await keys.aclose()
                await store.aclose()

        return asyncio.run(done())

    def audit(self) -> list[tuple[str, str, str]]:
        async def done() -> list[tuple[str, str, str]]:
            store = Store(StoreSettings(url=self.url))
            try:
                return [(e.actor, e.action, e.subject) for e in await audited(store)]
            finally:
                await store.aclose()

        return asyncio.run(done())


@pytest.fixture(params=["sqlite", POSTGRESQL])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    if request.param == "sqlite":
        return _migrated(tmp_path, f"sqlite:///{tmp_path / 'store.db'}")
    return _migrated(tmp_path, request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One in which nothing is made."""
    folder = tmp_path_factory.mktemp("empty")
    return _migrated(folder, f"sqlite:///{folder / 'store.db'}")


def _migrated(folder: Path, url: str) -> House:
    house = House(folder, url)
    asyncio.run(migrated(StoreSettings(url=url)))
    return house


def test_a_key_lives_from_its_making_to_its_end(house: House) -> None:
    wanted = ("--scope", "items:read", "--region", "EU", "--company", "10", "--expires", "40d")
    result = house.run("create", "wms-eu", *SCOPED, *wanted)
    assert result.exit_code == 0, result.output
    text = result.stdout.strip()
    key_id = text[3:15]
    assert f"Key {key_id} of wms-eu, valid until" in result.stderr
    assert text not in result.stderr

    principal = house.verified(text)
    assert (principal.subject, *principal.roles) == ("wms-eu", "machine")
    assert principal.scopes == {"orders:read", "items:read"}
    assert (principal.regions, principal.companies, principal.suppliers) == (("EU",), ("10",), None)

    new = house.run("rotate", key_id, "--grace", "1h").stdout.strip()
    assert scope_key(house.verified(new)) == scope_key(principal)
    assert {(k["key_id"], k["state"]) for k in house.listed()} == {
        (key_id, "active"),
        (new[3:15], "active"),
    }
    done = house.run("revoke", f"sg_{key_id}", "--reason", "replaced")
    assert done.stdout.startswith(f"Key {key_id} of wms-eu is revoked")
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        house.verified(text)
    assert [k["key_id"] for k in house.listed()] == [new[3:15]]
    assert {k["key_id"]: k["state"] for k in house.listed("--all")}[key_id] == "revoked"
    table = house.run("list").stdout
    assert "machine items:read orders:read in EU for 10" in table
    assert text[16:] not in table + str(house.listed("--all"))
    me = pwd.getpwuid(os.getuid()).pw_name
    assert house.audit() == [
        (me, "api_key.revoked", f"api_key:{key_id}"),
        (me, "api_key.rotated", f"api_key:{new[3:15]}"),
        (me, "api_key.created", f"api_key:{key_id}"),
    ]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("create", "WMS", *SCOPED), "small letters"),
        (("create", "wms"), "name some, as orders:read"),
        (("create", "wms", "--scope", "orders"), "there is no scope 'orders'"),
        (("create", "wms", "-r", "robot"), "there is no role 'robot'"),
        (("create", "wms", "-r", "supplier"), "--supplier CODE"),
        (("create", "wms", *SCOPED, "--expires", "41d"), "up to 40 days (identity.api_keys"),
        (("create", "wms", *SCOPED, "--expires", "0"), "up to 40 days"),
        (("create", "wms", *SCOPED, "--expires", "soon"), "no duration"),
        (("rotate", "nobody"), "the 12 characters behind"),
        (("rotate", "000000000000", "--expires", "30d"), "there is no key '000000000000'"),
        (("revoke", "000000000000", "--reason", " "), "say why"),
        (("revoke", f"sg_{'0' * 12}_{'0' * 49}", "--reason", "x"), "never give the whole key"),
    ],
)
def test_what_cannot_be_done_is_told(empty: House, arguments: tuple[str, ...], said: str) -> None:
    result = empty.run(*arguments)
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.replace("│", " ").split())
    assert empty.listed("--all") == []
