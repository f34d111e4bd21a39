"""What reading costs by itself: the loaders between systems that answer at once, and plain dicts.

    python -m bench.reading [--fresh SECONDS] [--warm]

The reads of a joined question (200 orders of 5 lines, their suppliers and items, stock and
forecasts of these) and of a small one (an order, its supplier, its items) are made through the
loaders, over systems whose records are ready; and by hand, records grouped into dicts. Prints CPU
milliseconds of each, the median of many rounds, interleaved.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

import uvloop

from canonical.criteria import Criteria, Sort, values_at
from canonical.entities import ENTITIES, KEY, EntityName, columns_of
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.ports import Ask, Batch, ListQuery, Page
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine
from canonical.records import Provenance, Record
from canonical.suppliers import Supplier
from execution.scheduling import LevelScheduler
from loaders.catalog import Catalog, Freshness, Supply
from loaders.context import ReadContext
from loaders.journal import Journal
from loaders.keyed import KeyedReader
from loaders.lists import ListQuestion, ListReader
from loaders.reads import Reads
from loaders.shelf import FORMAT
from runtime.cache.record_cache import RecordCache

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ORDERS, LINES, ITEMS, SUPPLIERS = 200, 5, 430, 60
COLUMNS = {
    EntityName.PURCHASE_ORDER: {"number", "supplier", "lines", "lines.item", "lines.quantity"},
    EntityName.SUPPLIER: {"code", "name"},
    EntityName.ITEM: {"sku", "name"},
    EntityName.INVENTORY: {"item", "location", "on_hand"},
    EntityName.FORECAST: {"item", "period_start", "quantity"},
}


class Ready:
    """A system that answers at once: its records are ready, by the keys of each column."""

    def __init__(self, entity: EntityName, records: Sequence[Record], columns: set[str]) -> None:  # noqa: ARG002
        self.system = "erp"
        self.entity = entity
        self.columns = frozenset(columns_of(ENTITIES[entity].record))
        self.records = list(records)
        self._index: dict[str, dict[str, list[Record]]] = {}
        self._answers: dict[tuple[str, ...], list[Record]] = {}

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],  # noqa: ARG002  # the port's
        ask: Ask,  # noqa: ARG002
        criteria: Criteria = (),  # noqa: ARG002
    ) -> Batch:
        """As `canonical.ports.Source.by_keys`."""
        name = (column, *keys)
        if name not in self._answers:
            index = self._by(column)
            self._answers[name] = [r for k in keys for r in index.get(k, ())]
        return Batch(self._answers[name])

    async def read(
        self,
        rows: Sequence[Mapping[str, Any]],  # noqa: ARG002  # the port's
        columns: frozenset[str],  # noqa: ARG002
        ask: Ask,  # noqa: ARG002
    ) -> Batch:
        """As `canonical.ports.Source.read`."""
        return Batch(self.records)

    async def page(self, query: ListQuery, ask: Ask) -> Page:  # noqa: ARG002  # the port's
        """As `canonical.ports.Source.page`."""
        return Page(self.records[: query.limit], more=len(self.records) > query.limit)

    def _by(self, column: str) -> dict[str, list[Record]]:
        if column not in self._index:
            index: dict[str, list[Record]] = {}
            for record in self.records:
                found = [record.provenance.key] if column == KEY else values_at(record, column)
                for key in dict.fromkeys(found):
                    index.setdefault(key, []).append(record)
            self._index[column] = index
        return self._index[column]


def sources() -> dict[EntityName, Ready]:
    def origin(key: str) -> Provenance:
        return Provenance("erp", key, NOW)

    orders = [
        PurchaseOrder(
            provenance=origin(f"K{n:05}"),
            number=f"PO{n:05}",
            supplier=f"S{n % SUPPLIERS}",
            lines=tuple(
                PurchaseOrderLine(item=f"I{(n * LINES + i) % ITEMS}", quantity=Decimal(i + 1))
                for i in range(LINES)
            ),
        )
        for n in range(ORDERS)
    ]
    made: dict[EntityName, Sequence[Record]] = {
        EntityName.PURCHASE_ORDER: orders,
        EntityName.SUPPLIER: [
            Supplier(provenance=origin(f"S{n}"), code=f"S{n}", name=f"Supplier {n}")
            for n in range(SUPPLIERS)
        ],
        EntityName.ITEM: [
            Item(provenance=origin(f"I{n}"), sku=f"I{n}", name=f"Item {n}") for n in range(ITEMS)
        ],
        EntityName.INVENTORY: [
            InventoryPosition(
                provenance=origin(f"I{n}/{at}"), item=f"I{n}", location=f"L{at}", on_hand=Decimal(n)
            )
            for n in range(ITEMS)
            for at in range(2)
        ],
        EntityName.FORECAST: [
            Forecast(
                provenance=origin(f"F{n}/{w}"),
                item=f"I{n}",
                period_start=date(2026, 11, 23 + w),
                quantity=Decimal(n + w),
            )
            for n in range(ITEMS)
            for w in range(4)
        ],
    }
    return {name: Ready(name, records, COLUMNS[name]) for name, records in made.items()}


class House:
    """Readers over the systems."""

    def __init__(self, fresh_s: float, cache: RecordCache | None = None) -> None:
        self.ready = sources()
        self.cache = cache or RecordCache(None, version=FORMAT)
        freshness = Freshness(fresh_s, 10 * fresh_s, fresh_s, 1)
        self.catalog = Catalog(
            {n: [Supply(s, None, s.columns)] for n, s in self.ready.items()},
            dict.fromkeys(EntityName, freshness),
        )
        self.keyed = KeyedReader(self.catalog, self.cache)
        self.lists = ListReader(self.catalog, self.keyed, self.cache)

    def reads(self) -> Reads:
        """The reads of one operation."""
        journal = Journal()
        ask = Ask(asyncio.get_running_loop().time() + 15, "bench", journal)
        scheduler = LevelScheduler(quiet_turns=1)
        return Reads(self.catalog, self.keyed, self.lists, scheduler, ReadContext(ask, journal))

    async def large(self) -> int:
        """The joined question; tells how many records were read."""
        reads = self.reads()
        question = ListQuestion(
            EntityName.PURCHASE_ORDER,
            frozenset(COLUMNS[EntityName.PURCHASE_ORDER]),
            ORDERS,
            order=(Sort("number"),),
        )
        orders: Sequence[Any] = (await reads.page(question)).records
        suppliers = {o.supplier for o in orders}
        items = {line.item for o in orders for line in o.lines}
        found = await asyncio.gather(
            _many(reads, EntityName.SUPPLIER, "code", suppliers),
            _many(reads, EntityName.ITEM, "sku", items),
            _many(reads, EntityName.INVENTORY, "item", items),
            _many(reads, EntityName.FORECAST, "item", items),
        )
        return len(orders) + sum(len(at.records) for f in found for at in f.values())

    async def small(self) -> int:
        """The small question; tells how many records were read."""
        reads = self.reads()
        found = await _many(reads, EntityName.PURCHASE_ORDER, "number", ["PO00007"])
        [order] = found["PO00007"].records
        items = {line.item for line in order.lines}
        both = await asyncio.gather(
            _many(reads, EntityName.SUPPLIER, "code", [order.supplier]),
            _many(reads, EntityName.ITEM, "sku", items),
        )
        return 1 + sum(len(at.records) for f in both for at in f.values())


def _many(reads: Reads, entity: EntityName, column: str, keys: Any) -> Awaitable[Mapping[str, Any]]:
    return reads.many(entity, column, keys, frozenset(COLUMNS[entity]))


class ByHand:
    """The same reads as a program for this one question would make them."""

    def __init__(self) -> None:
        self.ready = sources()

    async def large(self) -> int:
        """The joined question; tells how many records were read."""
        asked = Ask(0, "bench", Journal())
        everything: frozenset[str] = frozenset()
        page = await self.ready[EntityName.PURCHASE_ORDER].page(
            ListQuery((), (), ORDERS, everything), asked
        )
        orders: Sequence[Any] = page.records
        suppliers = {o.supplier for o in orders}
        items = {line.item for o in orders for line in o.lines}

        async def read(entity: EntityName, column: str, keys: set[str]) -> dict[str, list[Any]]:
            batch = await self.ready[entity].by_keys(column, list(keys), everything, asked)
            found: dict[str, list[Any]] = {k: [] for k in keys}
            for record in batch.records:
                found[getattr(record, column)].append(record)
            return found

        found = await asyncio.gather(
            read(EntityName.SUPPLIER, "code", suppliers),
            read(EntityName.ITEM, "sku", items),
            read(EntityName.INVENTORY, "item", items),
            read(EntityName.FORECAST, "item", items),
        )
        return len(orders) + sum(len(at) for f in found for at in f.values())


async def _timed(work: Callable[[], Awaitable[int]], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - started) / times * 1000


async def measure(fresh_s: float, rounds: int, *, warm: bool) -> dict[str, float]:
    """CPU milliseconds of each way."""
    hand, house = ByHand(), House(fresh_s)
    assert await hand.large() == await house.large() == 3270
    assert await house.small() == 7
    taken: dict[str, list[float]] = {"by hand": [], "loaders": [], "loaders, small": []}
    for _ in range(rounds):
        if fresh_s and not warm:
            house = House(fresh_s)
            house.ready = hand.ready
        taken["by hand"].append(await _timed(hand.large, 5))
        times = 5 if warm or not fresh_s else 1
        taken["loaders"].append(await _timed(house.large, times))
        taken["loaders, small"].append(await _timed(house.small, 20))
    return {way: median(t) for way, t in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", type=float, default=0.0)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    figures = uvloop.run(measure(args.fresh, args.rounds, warm=args.warm))
    for way, milliseconds in figures.items():
        print(f"{way:20} {milliseconds:8.3f} ms")


if __name__ == "__main__":
    main()
