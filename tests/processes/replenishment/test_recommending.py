"""From what is due to recommendations that say how they came about, and stand until it changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from typing_extensions import override

from bench.replenishment.world import HOUSE, TODAY, MemoryRecords, World
from canonical.entities import EntityName
from canonical.events import ITEM_CHANGED, Event, ItemChanged
from canonical.inventory import InventoryPosition
from canonical.ports import Batch
from canonical.recommendations import RecommendationStatus
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.replenishment.evaluations import Evaluations
from runtime.replenishment.recommendations import Recommendations
from runtime.replenishment.risks import OpenRisks
from runtime.store.store import Store
from tests.fakes.proposals import in_two_weeks
from tests.processes.replenishment.test_working import Desk
from workflows.replenishment.calculation import recalculate
from workflows.replenishment.evaluating import Evaluator
from workflows.replenishment.touching import touched
from workflows.replenishment.working import Pace, Ports, Replenisher

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
WORLD = World(items=6, locations=4)


class Stocked(MemoryRecords):
    """A world in which one item is there in plenty from some time on."""

    plenty: str | None = None

    @override
    async def by_keys(self, entity: EntityName, *asked: Any, **more: Any) -> Batch:
        found = await super().by_keys(entity, *asked, **more)
        return Batch([self._more(r) for r in found.records])

    def _more(self, record: Any) -> Any:
        if isinstance(record, InventoryPosition) and record.item == self.plenty:
            return replace(record, available=Decimal(1_000_000))
        return record


def changed(sku: str) -> Event:
    """An item has changed."""
    return Event(
        type=ITEM_CHANGED.type,
        system="erp",
        source_event_id=sku,
        key=sku,
        subjects=(f"item:{sku}",),
        occurred_at=NOON,
        data=ItemChanged(sku=sku, changed=("safety_stock",)),
        correlation_id=f"of-{sku}",
    )


class Night:
    """A worker whose recommendations are kept in a store."""

    def __init__(self, store: Store) -> None:
        self.ledger = Ledger(store, now=lambda: NOON, random=Random(7))
        self.records = Stocked(WORLD)
        self.queue = Evaluations(store, debounce=timedelta(0), longest=timedelta(0))
        self.kept = Recommendations(self.ledger, expires_at=in_two_weeks, quiet=timedelta(days=7))
        ports = Ports(
            records=self.records,
            proposals=self.kept,
            troubles=Desk(store),
            risks=OpenRisks(store),
            evaluations=self.queue,
            ledger=self.ledger,
            leases=Leases(store, now=lambda: NOON),
        )
        evaluator = Evaluator(self.records, HOUSE, today=lambda: TODAY)
        self.worker = Replenisher(
            evaluator, ports, Pace(items=4, zone=UTC), now=lambda: NOON, new_id=lambda: "c-own"
        )

    async def evaluate(self) -> Sequence[Event]:
        """Evaluate everything; what was told of recommendations meanwhile."""
        before = len(await self.told())
        await self.queue.touch(touched([changed(sku) for sku in WORLD.skus]), at=NOON)
        await self.worker.drain()
        return (await self.told())[before:]

    async def told(self) -> Sequence[Event]:
        return await self.ledger.read(EntityName.RECOMMENDATION, 0, 1_000)


async def test_what_is_recommended_says_how_it_came_about(file_store: Store) -> None:
    night = Night(file_store)
    events = await night.evaluate()
    assert len(events) == 13
    lines = await night.kept.explain([e.key for e in events])
    for event in events:
        frozen = await night.kept.frozen(event.key)
        record = frozen.recommended.record
        assert record.correlation_id == event.correlation_id == f"of-{record.item}"
        again = recalculate(frozen.inputs)
        assert again.proposal is not None
        assert again.proposal.inputs == frozen.inputs
        assert again.lines == tuple(lines[event.key])
        assert (again.proposal.quantity, again.proposal.reason, again.proposal.cost) == (
            record.quantity,
            record.reason,
            record.estimated_cost,
        )


async def test_it_stands_until_another_evaluation_says_otherwise(file_store: Store) -> None:
    night = Night(file_store)
    first = {e.key: e for e in await night.evaluate()}
    assert await night.evaluate() == []
    night.records.plenty = next(iter(first.values())).data.item
    over = await night.evaluate()
    assert {e.data.status for e in over} == {RecommendationStatus.SUPERSEDED}
    assert {e.key for e in over} == {
        key for key, e in first.items() if e.data.item == night.records.plenty
    }
