"""API keys over a real store: what is kept of them, who is let in, and what guessing costs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import event

from canonical.errors import ConflictError, NotFoundError, UnauthenticatedError, UnavailableError
from runtime.events.ledger import Ledger
from runtime.security import api_keys
from runtime.security.api_keys import ISSUER, APIKeys
from runtime.security.callers import Callers
from runtime.security.development import (
    development_config,
    mint_development_token,
    new_development_key,
)
from runtime.security.key_records import Grants, KeyDesk, KeyOrder, NewKey
from runtime.security.key_texts import new_key
from runtime.security.principal import Principal, Role
from runtime.security.tokens import TokenVerifier
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.store.tables import API_KEYS
from tests.fakes.acts import audited

BEGIN = datetime(2026, 11, 25, 12, tzinfo=UTC)
GRANTS = Grants(
    roles=frozenset({Role.MACHINE}), scopes=frozenset({"orders:read"}), regions=("EU", "US")
)


class House:
    """Operators who make keys, a process that checks them, and a clock."""

    def __init__(self, store: Store) -> None:
        self.now = BEGIN
        self.store = store
        self.ledger = Ledger(store, now=lambda: self.now)
        self.desk = KeyDesk(self.ledger)
        self.keys = self.process()
        self.asked: list[str] = []
        event.listen(store._engine.sync_engine, "before_cursor_execute", self._note)

    def process(self) -> APIKeys:
        return APIKeys(self.store, clock=self._seconds, monotonic=self._seconds)

    async def make(self, name: str = "wms", days: int = 30, grants: Grants = GRANTS) -> NewKey:
        order = KeyOrder(
            name=name, grants=grants, expires_at=self.now + timedelta(days=days), actor="ada"
        )
        made = await self.desk.create(order)
        self.asked.clear()
        return made

    async def refused(self, text: str) -> str:
        with pytest.raises(UnauthenticatedError) as caught:
            await self.keys.verify(text)
        return caught.value.message

    def _seconds(self) -> float:
        return self.now.timestamp()

    def _note(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        if "api_keys" in statement:
            self.asked.append(statement.split(maxsplit=1)[0])


@pytest.fixture
async def house(store: Store) -> AsyncIterator[House]:
    house = House(store)
    yield house
    await house.keys.aclose()
    await house.ledger.aclose()


async def test_whoever_holds_a_key_is_what_it_grants(house: House) -> None:
    made = await house.make()
    principal = await house.keys.verify(made.text)
    assert principal == Principal(
        subject="wms",
        roles=frozenset({Role.MACHINE}),
        suppliers=None,
        expires_at=BEGIN + timedelta(minutes=15),  # then connections are asked for it again
        issuer=ISSUER,
        scopes=frozenset({"orders:read"}),
        regions=("EU", "US"),
        companies=None,
        key_id=made.record.key_id,
    )


async def test_a_supplier_is_bound_whatever_its_key_says(house: House) -> None:
    made = await house.make(grants=Grants(roles=frozenset({Role.SUPPLIER})))
    assert (await house.keys.verify(made.text)).suppliers == ()


async def test_nothing_that_is_kept_opens_anything(house: House) -> None:
    made = await house.make()
    async with house.store._reading.connect() as connection:
        rows = [tuple(row) for row in await connection.execute(sa.select(API_KEYS))]
    audit = [str(entry) for entry in await audited(house.store)]
    secret = made.text[16:59]
    assert made.record.key_id in str(rows)
    assert made.record.key_id in str(audit)
    assert secret not in str((rows, audit))
    assert await house.refused(f"sg_{made.record.key_id}_{made.record.digest.hex()}") == (
        "the API key is malformed: it is `sg_`, 12 characters, `_` and 49 more, as it was shown"
    )


async def test_a_revoked_key_is_refused_within_a_minute_everywhere(house: House) -> None:
    made = await house.make()
    await house.keys.verify(made.text)
    await house.desk.revoke(made.record.key_id, actor="ada", reason="it was in a repository")
    elsewhere = house.process()
    with pytest.raises(UnauthenticatedError, match="was revoked at 2026-11-25T12:00:00Z"):
        await elsewhere.verify(made.text)
    house.now += timedelta(seconds=59)
    await house.keys.verify(made.text)
    house.now += timedelta(seconds=1)
    assert "was revoked" in await house.refused(made.text)
    await elsewhere.aclose()


async def test_a_key_ends_when_it_says_even_while_it_is_remembered(house: House) -> None:
    made = await house.make(days=1)
    house.now = made.record.expires_at - timedelta(seconds=1)
    assert (await house.keys.verify(made.text)).expires_at == made.record.expires_at
    house.now += timedelta(seconds=1)
    told = await house.refused(made.text)
    assert told.startswith(f"the API key {made.record.key_id} has expired at 2026-11-26T12:00:00Z")


async def test_a_key_is_replaced_without_a_gap(house: House) -> None:
    old = await house.make()
    house.now += timedelta(minutes=1)
    new = await house.desk.rotate(
        old.record.key_id,
        expires_at=house.now + timedelta(days=90),
        old_until=house.now + timedelta(days=1),
        actor="bob",
    )
    before, after = [await house.keys.verify(made.text) for made in (old, new)]
    assert before.key_id == old.record.key_id
    assert replace(before, key_id=after.key_id) == after  # the same machine
    house.now += timedelta(days=1)
    assert "has expired" in await house.refused(old.text)
    assert (await house.keys.verify(new.text)).subject == "wms"
    assert [(r.key_id, r.state(house.now)) for r in await house.desk.all()] == [
        (new.record.key_id, "active"),
        (old.record.key_id, "expired"),
    ]


async def test_every_change_is_audited(house: House) -> None:
    first = await house.make()
    second = await house.desk.rotate(
        first.record.key_id, expires_at=house.now, old_until=house.now, actor="bob"
    )
    await house.desk.revoke(first.record.key_id, actor="eve", reason="lost")
    entries = {(e.actor, e.action, e.subject): e.details for e in await audited(house.store)}
    assert set(entries) == {
        ("ada", "api_key.created", f"api_key:{first.record.key_id}"),
        ("bob", "api_key.rotated", f"api_key:{second.record.key_id}"),
        ("eve", "api_key.revoked", f"api_key:{first.record.key_id}"),
    }
    rotated = entries["bob", "api_key.rotated", f"api_key:{second.record.key_id}"]
    assert rotated["replaces"] == first.record.key_id
    assert rotated["grants"]["scopes"] == ["orders:read"]


async def test_what_cannot_be_done_is_told_and_leaves_nothing(house: House) -> None:
    made = await house.make()
    key_id, later = made.record.key_id, house.now + timedelta(days=1)
    await house.desk.revoke(key_id, actor="ada", reason="x")

    async def no(work: Awaitable[object], kind: type[Exception], told: str) -> None:
        with pytest.raises(kind, match=told):
            await work

    desk = house.desk
    rotating = {"expires_at": later, "old_until": later, "actor": "ada"}
    await no(desk.revoke(key_id, actor="a", reason="x"), ConflictError, "revoked already")
    await no(desk.rotate(key_id, **rotating), ConflictError, "create a new one")  # type: ignore[arg-type]
    await no(desk.revoke("nobody", actor="a", reason="x"), NotFoundError, "no key 'nobody'")
    again = await house.make()  # a name is free again once its key is revoked
    await no(house.make(), ConflictError, f"rotate {again.record.key_id}")
    assert len(await audited(house.store)) == 3


# What strangers can cost.


async def test_rubbish_costs_no_look_up(house: House) -> None:
    made = await house.make()
    for text in ("sg_", made.text[:-1] + "é", made.text[:-1], "sg_" + "x" * 5_000):
        assert "malformed" in await house.refused(text)
    assert house.asked == []


async def test_an_id_costs_one_look_up_a_minute(house: House) -> None:
    made = await house.make()
    wrong = new_key(secrets.token_bytes)
    for _ in range(20):
        assert "is not known here" in await house.refused(wrong)
    assert house.asked == ["SELECT"]
    house.now += timedelta(seconds=60)
    await house.refused(wrong)
    assert house.asked == ["SELECT"] * 2

    def guess(_: int) -> bytes:  # the id is right, the secret is not
        return bytes(32)

    forged = _with_id(new_key(guess), made.record.key_id)
    for _ in range(20):
        assert "is not known here" in await house.refused(forged)
    await house.keys.verify(made.text)
    assert house.asked == ["SELECT"] * 3


async def test_many_at_once_share_a_question(house: House) -> None:
    made = await house.make()
    wrong = [new_key(secrets.token_bytes) for _ in range(1_200)]
    asking = [*map(house.keys.verify, wrong), house.keys.verify(made.text)]
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert sum(isinstance(one, UnauthenticatedError) for one in found) == 1_200
    assert isinstance(found[-1], Principal)
    assert house.asked == ["SELECT"] * 3  # 500 ids each


async def test_guesses_crowd_nobody_out_and_memory_is_bounded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "_MOST", 10)
    made = await house.make()
    await house.keys.verify(made.text)
    wrong = [new_key(secrets.token_bytes) for _ in range(30)]
    await asyncio.gather(*map(house.keys.verify, wrong), return_exceptions=True)
    assert (len(house.keys._known), len(house.keys._unknown)) == (1, 10)
    house.asked.clear()
    await house.keys.verify(made.text)
    assert house.asked == []


async def test_who_gives_up_waiting_takes_the_answer_from_nobody(house: House) -> None:
    made = await house.make()
    first, second = (asyncio.create_task(house.keys.verify(made.text)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).subject == "wms"
    assert house.asked == ["SELECT"]


async def test_a_store_that_is_away_is_told_so_and_asked_again(house: House) -> None:
    nowhere = Store(StoreSettings(url="postgresql://u@127.0.0.1:1/x", deadline_s=0.1))
    keys = APIKeys(nowhere)
    made = await house.make()
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await keys.verify(made.text)
    await keys.aclose()
    await nowhere.aclose()


async def test_use_is_noted_to_some_minutes(house: House) -> None:
    made = await house.make()

    async def used() -> datetime | None:
        await house.keys.flush()
        (record,) = await house.desk.all()
        return record.last_used_at

    assert await used() is None
    await house.keys.verify(made.text)
    assert await used() == BEGIN
    house.now += timedelta(minutes=9)
    await house.keys.verify(made.text)
    assert await used() == BEGIN
    house.now += timedelta(minutes=1)
    await house.keys.verify(made.text)
    assert await used() == BEGIN + timedelta(minutes=10)
    assert house.asked.count("UPDATE") == 2


async def test_tokens_and_keys_are_told_apart(house: House) -> None:
    secret = new_development_key()
    callers = Callers(TokenVerifier(development_config(secret)), house.keys)
    made = await house.make()
    token = mint_development_token(secret, "ada", [Role.PLANNER], None, 60)
    assert [(await callers.verify(one)).subject for one in (made.text, token)] == ["wms", "ada"]
    await callers.aclose()


def _with_id(text: str, key_id: str) -> str:
    """A well-formed key of a given id: anybody can make the checksum."""
    from runtime.security.key_texts import _checksum  # noqa: PLC0415  # for this alone

    body = f"sg_{key_id}{text[15:59]}"
    return body + _checksum(body)
