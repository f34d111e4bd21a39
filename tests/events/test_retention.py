"""What is too old goes, by type; whoever wants to go on from there is told so."""

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from canonical.entities import EntityName
from canonical.errors import MisconfiguredError
from canonical.events import (
    INVENTORY_CHANGED,
    THRESHOLD_BREACHED,
    Event,
    InventoryChanged,
    InventoryThreshold,
)
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger, PositionTooOldError
from runtime.events.retention import LEASE, Retention, RetentionSettings
from runtime.events.writing import Writing
from runtime.store.store import Store
from runtime.store.tables import DELIVERIES, EVENT_SUBJECTS
from tests.events.making import NOON

STOCK = EntityName.INVENTORY


def stock_event(number: int, *, threshold: bool = False) -> Event:
    one = Decimal(1)
    return Event(
        type=(THRESHOLD_BREACHED if threshold else INVENTORY_CHANGED).type,
        system="erp",
        source_event_id=f"s-{number}",
        key="K",
        subjects=("inventory:K", "item:A", "item:A"),
        occurred_at=NOON,
        data=InventoryThreshold(item="A", location="L", threshold=one, available=one, rule="r")
        if threshold
        else InventoryChanged(item="A", location="L", available=one),
        correlation_id="c",
    )


class Log:
    """A log of stock over a hundred days: every fifth event is a threshold's."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self.ledger = Ledger(store, now=lambda: self.now)
        self.leases = Leases(store, now=lambda: self.now)

    async def fill(self) -> None:
        async def work(writing: Writing) -> None:
            for day in range(1, 101):
                self.now = NOON + timedelta(days=day)
                await writing.append([stock_event(day, threshold=day % 5 == 0)])

        await self.ledger.write(work)

    def retention(self, **settings: int) -> Retention:
        days = {INVENTORY_CHANGED.type: settings.pop("changed", 90)}
        return Retention(
            self.ledger,
            self.leases,
            holder="p",
            settings=RetentionSettings(days=days, **settings),
            batch=7,
        )


@pytest.fixture
async def log(store: Store) -> Log:
    log = Log(store)
    await log.fill()
    return log


async def test_what_is_too_old_goes_by_type(log: Log) -> None:
    removed = await log.retention(changed=40).run()

    # Recorded before day 60: 59 events, of which 11 are of thresholds, which are kept longer.
    assert removed is not None
    assert removed[INVENTORY_CHANGED.type] == 48
    assert sum(removed.values()) == 48
    assert await log.ledger.oldest(STOCK) == 60
    history = (await log.ledger.of_subjects(["item:A"]))["item:A"]
    assert [event.position for event in history] == [*range(5, 60, 5), *range(60, 101)]
    assert [e.position for e in await log.ledger.read(STOCK, 59, 100)] == list(range(60, 101))
    with pytest.raises(PositionTooOldError, match="the oldest that can be resumed from is 59"):
        await log.ledger.read(STOCK, 58, 100)
    subjects = sa.select(sa.func.count()).select_from(EVENT_SUBJECTS)
    assert await log.store.read(lambda connection: connection.scalar(subjects)) == 2 * 52
    assert await log.ledger.heads() == {STOCK: 100}
    assert sum((await log.retention(changed=40).run() or {"none": -1}).values()) == 0


async def test_one_process_at_a_time_forgets(log: Log) -> None:
    assert await log.leases.acquire(LEASE, "another", 30) is not None
    assert await log.retention(changed=1).run() is None
    assert await log.ledger.oldest(STOCK) == 1


async def test_old_deliveries_are_forgotten(log: Log) -> None:
    for day in (1, 50):
        log.now = NOON + timedelta(days=day)
        taken = {f"d-{day}": "recorded"}
        await log.ledger.write(lambda writing, taken=taken: writing.take("erp", taken))  # type: ignore[misc]
    log.now = NOON + timedelta(days=60)
    await log.retention(deliveries_days=30).run()
    left = await log.store.read(lambda c: c.scalars(sa.select(DELIVERIES.c.delivery_id)))
    assert left.all() == ["d-50"]


@pytest.mark.parametrize(
    "days", [{"supplygraph.nothing.v1": 3}, {INVENTORY_CHANGED.type: 0}], ids=["type", "days"]
)
async def test_a_retention_that_makes_no_sense_is_refused(
    store: Store, days: dict[str, int]
) -> None:
    ledger = Ledger(store)
    leases = Leases(store, now=ledger.now)
    with pytest.raises(MisconfiguredError, match=r"^events: retention of"):
        Retention(ledger, leases, holder="p", settings=RetentionSettings(days=days))


async def test_events_are_streamed_by_type_and_time(log: Log) -> None:
    since, until = NOON + timedelta(days=11), NOON + timedelta(days=31)

    async def found(*types: str) -> list[list[int]]:
        return [
            [event.position for event in events]
            async for events in log.ledger.of_types(types, since, until, chunk=8)
        ]

    assert await found(THRESHOLD_BREACHED.type) == [[15, 20, 25, 30]]
    both = await found(THRESHOLD_BREACHED.type, INVENTORY_CHANGED.type)
    assert both == [[*range(11, 19)], [*range(19, 27)], [*range(27, 31)]]
