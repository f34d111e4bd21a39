"""One process at a time does what only one may do, and one that was replaced does no harm."""

import asyncio
from datetime import datetime, timedelta

import pytest

from canonical.entities import EntityName
from canonical.errors import ConflictError
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.store.store import Store
from tests.events.making import NOON, order_event


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(store: Store, clock: Clock) -> Leases:
    return Leases(store, now=clock)


async def test_one_of_many_gets_it(leases: Leases) -> None:
    got = await asyncio.gather(*(leases.acquire("watch:erp", f"p-{n}", 30) for n in range(5)))
    held = [lease for lease in got if lease is not None]
    assert [lease.token for lease in held] == [1]
    assert held[0].until == NOON + timedelta(seconds=30)
    assert await leases.acquire("watch:crm", "p-9", 30) is not None


async def test_it_ends_by_itself_unless_renewed(leases: Leases, clock: Clock) -> None:
    first = await leases.acquire("w", "one", 30)
    assert first is not None
    clock.pass_by(20)
    renewed = await leases.renew(first, 30)
    assert renewed == Lease("w", "one", 1, NOON + timedelta(seconds=50))
    clock.pass_by(20)
    assert await leases.acquire("w", "two", 30) is None
    clock.pass_by(10)
    second = await leases.acquire("w", "two", 30)
    assert second is not None
    assert second.token == 2
    assert await leases.renew(first, 30) is None
    await leases.release(first)
    assert await leases.acquire("w", "one", 30) is None
    await leases.release(second)
    third = await leases.acquire("w", "one", 30)
    assert third is not None
    assert third.token == 3


async def test_a_position_is_kept_with_the_events_and_only_by_the_holder(
    store: Store, leases: Leases, clock: Clock
) -> None:
    ledger = Ledger(store, now=clock)
    first = await leases.acquire("w", "one", 30)
    assert first is not None

    async def step(writing: Writing, lease: Lease, number: int) -> None:
        await writing.append([order_event(number)])
        await writing.place(lease, "w", {"since": number})

    assert await leases.position("w") is None
    await ledger.write(lambda writing: step(writing, first, 1))
    assert await leases.position("w") == {"since": 1}
    clock.pass_by(31)
    second = await leases.acquire("w", "two", 30)
    assert second is not None
    with pytest.raises(ConflictError, match="another process has taken this over"):
        await ledger.write(lambda writing: step(writing, first, 2))
    await ledger.write(lambda writing: step(writing, second, 3))
    assert await leases.position("w") == {"since": 3}
    kept = await ledger.read(EntityName.PURCHASE_ORDER, 0, 10)
    assert [event.key for event in kept] == ["1", "3"]
