"""What is due is evaluated in batches; whoever dies in the middle, the next goes on from there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from typing_extensions import override

from bench.replenishment.comparing import Found, differences
from bench.replenishment.world import HOUSE, TODAY, MemoryRecords, World
from canonical.entities import EntityName
from canonical.errors import ConflictError, Reason, UnavailableError
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ports import Batch
from canonical.replenishment import Evaluated
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.replenishment.evaluations import Evaluations, Touch
from runtime.replenishment.risks import OpenRisks
from runtime.store.process_tables import EXCEPTIONS
from runtime.store.store import Store
from tests.fixtures.waiting import until
from workflows.replenishment.evaluating import Evaluator
from workflows.replenishment.reporting import cause_of, problem_cause_of
from workflows.replenishment.working import UNREAD, Counts, Pace, Ports, Replenisher

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
WORLD = World(items=20, locations=6)
BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Shelf:
    """Takes proposals; waits for ever before some batch, where a test says so."""

    def __init__(self) -> None:
        self.taken: list[Sequence[Evaluated]] = []
        self.hang_at: int | None = None
        self.hangs = False

    async def take(self, evaluated: Sequence[Evaluated], *, at: datetime) -> None:
        del at
        if len(self.taken) == self.hang_at:
            self.hangs = True
            await asyncio.Event().wait()
        self.taken.append(evaluated)

    def counts(self) -> Counter[tuple[str, str]]:
        return Counter((e.item, e.location) for batch in self.taken for e in batch)


class Desk:
    """Exceptions, in the store's table as far as others look at it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reported: dict[str, Trouble] = {}
        self.over_for: dict[str, str] = {}

    async def report(self, trouble: Trouble) -> str:
        if trouble.cause not in self.reported:
            needed = [c for c in EXCEPTIONS.columns if not c.nullable]
            row: dict[str, Any] = {
                c.name: False if isinstance(c.type, sa.Boolean) else "" for c in needed
            }
            row |= {"id": trouble.cause, "cause": trouble.cause, "occurrences": 1}
            row |= {"opened_at": NOON, "updated_at": NOON}
            await self._store.write(lambda c: c.execute(sa.insert(EXCEPTIONS).values(row)))
        self.reported[trouble.cause] = trouble
        return trouble.cause

    async def over(self, cause: str, *, why: str) -> None:
        self.over_for[cause] = why
        gone = sa.delete(EXCEPTIONS).where(EXCEPTIONS.c.cause == cause)
        await self._store.write(lambda c: c.execute(gone))


class House:
    """Everything that the worker needs, over a store."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self.clock = Clock()
        self.records: Any = MemoryRecords(WORLD)
        self.shelf = Shelf()
        self.desk = Desk(store)
        self.queue = Evaluations(
            store, debounce=timedelta(seconds=10), longest=timedelta(seconds=60)
        )
        self.leases = Leases(store, now=self.clock)
        self.ids = count(1)
        self.ports = Ports(
            records=self.records,
            proposals=self.shelf,
            troubles=self.desk,
            risks=OpenRisks(store),
            evaluations=self.queue,
            ledger=ledger,
            leases=self.leases,
        )

    def worker(self, *, items: int = 4, nightly_at: time | None = None) -> Replenisher:
        return Replenisher(
            Evaluator(self.records, HOUSE, today=lambda: TODAY),
            replace(self.ports, records=self.records),
            Pace(items=items, look_s=0.01, nightly_at=nightly_at, zone=BERLIN),
            now=self.clock,
            new_id=lambda: f"c-{next(self.ids)}",
        )

    async def lease(self, holder: str = "one") -> Lease:
        lease = await self.leases.acquire("replenishment", holder, 60)
        assert lease is not None
        return lease

    async def demand(self, *skus: str, location: str | None = None) -> None:
        touches = [
            Touch(item=s, location=location, cause="test", correlation_id=f"of-{s}") for s in skus
        ]
        await self.queue.demand(touches, at=self.clock())


@pytest.fixture
async def house(file_store: Store) -> AsyncIterator[House]:
    ledger = Ledger(file_store)
    yield House(file_store, ledger)
    await ledger.aclose()


async def test_a_night_evaluates_everything_in_batches(house: House) -> None:
    worker = house.worker(nightly_at=time(2))
    assert await worker.nightly(await house.lease()) == 20
    counts = await worker.drain()
    assert counts == Counts(
        batches=5, items=20, evaluated=120, proposed=41, risks=13, problems=4, unread=0
    )
    # A page of the list and seven questions a batch, whatever the number of locations.
    assert house.records.calls == 1 + 5 * 7
    found = Found()
    for batch in house.shelf.taken:
        found.take(batch)
    found.warn(house.desk.reported.values())
    assert list(differences(WORLD, found, WORLD.skus)) == []
    assert set(house.shelf.counts().values()) == {1}


async def test_it_is_night_once_a_day_where_the_house_is(house: House) -> None:
    worker = house.worker(nightly_at=time(2))
    lease = await house.lease()
    assert await worker.nightly(lease) == 20
    house.clock.now = datetime(2026, 11, 26, 0, 59, tzinfo=UTC)  # 01:59 there
    assert await worker.nightly(lease) == 0
    house.clock.now = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
    assert await worker.nightly(lease) == 20
    assert await worker.nightly(lease) == 0
    assert await house.worker(nightly_at=None).nightly(lease) == 0


async def test_one_that_lost_its_lease_does_not_say_that_the_night_is_done(house: House) -> None:
    lease = await house.lease()
    house.clock.now += timedelta(minutes=2)
    await house.lease("two")
    worker = house.worker(nightly_at=time(2))
    with pytest.raises(ConflictError):
        await worker.nightly(lease)
    assert await worker.nightly(await house.lease("two")) == 20


async def test_the_next_goes_on_where_one_has_died(house: House) -> None:
    await house.demand(*WORLD.skus)
    house.shelf.hang_at = 2
    dying = asyncio.ensure_future(house.worker().drain())
    await until(lambda: house.shelf.hangs)
    dying.cancel()
    await asyncio.wait([dying])
    house.shelf.hang_at = None
    counts = await house.worker().drain()
    assert counts.batches == 3
    assert len(house.shelf.counts()) == 120
    assert set(house.shelf.counts().values()) == {1}
    assert (await house.queue.waiting()).count == 0


async def test_what_is_touched_while_it_is_evaluated_is_evaluated_again(house: House) -> None:
    class Moving(MemoryRecords):
        @override
        async def by_keys(self, entity: EntityName, *asked: Any, **more: Any) -> Batch:
            if entity is EntityName.LOCATION and self.calls < 7:
                await house.demand(WORLD.skus[1])
            return await super().by_keys(entity, *asked, **more)

    house.records = Moving(WORLD)
    await house.demand(WORLD.skus[0], WORLD.skus[1])
    counts = await house.worker().drain()
    assert (counts.batches, counts.items) == (2, 3)
    assert {item: n for (item, _), n in house.shelf.counts().items()} == {
        WORLD.skus[0]: 1,
        WORLD.skus[1]: 2,
    }


async def test_everything_carries_the_id_of_what_set_it_off(house: House) -> None:
    await house.demand(WORLD.skus[0])
    await house.demand(WORLD.skus[1], location="L-03")
    await house.worker().drain()
    ids = {(e.item, e.correlation_id) for batch in house.shelf.taken for e in batch}
    assert ids == {(sku, f"of-{sku}") for sku in WORLD.skus[:2]}
    assert {e.location for e in house.shelf.taken[0] if e.item == WORLD.skus[1]} == {"L-03"}


async def test_what_cannot_be_read_waits_and_people_are_told(house: House) -> None:
    class Away(MemoryRecords):
        @override
        async def by_keys(
            self, entity: EntityName, column: str, keys: Sequence[str], *asked: Any, **more: Any
        ) -> Batch:
            found = await super().by_keys(entity, column, keys, *asked, **more)
            if entity is not EntityName.FORECAST:
                return found
            away = UnavailableError("planning", Reason.TIMEOUT, "no answer within 60 s")
            return Batch(found.records, dict.fromkeys(WORLD.skus[:2], away))

    house.records = Away(WORLD)
    await house.demand(*WORLD.skus[:3])
    counts = await house.worker().drain()
    assert (counts.evaluated, counts.unread) == (6, 2)
    assert {item for item, _ in house.shelf.counts()} == {WORLD.skus[2]}
    trouble = house.desk.reported[UNREAD]
    assert trouble.category is ExceptionCategory.BACKEND_UNAVAILABLE
    assert trouble.message == (
        "Item I-00000 and 1 more cannot be evaluated: planning: no answer within 60 s. It is "
        "tried again every 5 minutes; nothing is ordered for it meanwhile."
    )
    house.records = MemoryRecords(WORLD)
    assert (await house.worker().drain()).batches == 0
    house.clock.now += timedelta(minutes=5)
    assert (await house.worker().drain()).evaluated == 12
    assert house.desk.over_for[UNREAD] == "figures can be read again"


async def test_what_is_no_longer_so_is_over(house: House) -> None:
    sku = WORLD.skus[0]
    await house.demand(*WORLD.skus)
    await house.worker().drain()
    risks = [cause for cause in house.desk.reported if cause.endswith("/stockout")]
    problems = [cause for cause in house.desk.reported if cause.endswith("/problem")]
    assert (len(risks), len(problems)) == (13, 2)
    past = [cause_of(sku, "L-00"), problem_cause_of(sku)]
    for cause in past:
        assert cause not in house.desk.reported
        category = ExceptionCategory.STOCKOUT_RISK
        trouble = Trouble(cause=cause, category=category, message="", correlation_id="c")
        await house.desk.report(trouble)
    await house.demand(sku, location="L-00")
    await house.worker().drain()
    # One place says nothing of the others, where the item may not be evaluated still.
    assert list(house.desk.over_for) == past[:1]
    await house.demand(*WORLD.skus)
    await house.worker().drain()
    assert house.desk.over_for == dict.fromkeys(past, "an evaluation finds that it is no longer so")


async def test_it_works_until_it_is_stopped(house: House) -> None:
    running = asyncio.ensure_future(house.worker(nightly_at=time(2)).run("one", Random(1)))
    await until(lambda: len(house.shelf.counts()) == 120)
    await house.demand(WORLD.skus[0])
    await until(lambda: house.shelf.counts()[WORLD.skus[0], "L-00"] == 2)
    running.cancel()
    await asyncio.wait([running])
    assert not await house.leases.is_held("replenishment")
