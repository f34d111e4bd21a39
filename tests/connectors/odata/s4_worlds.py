"""What the S/4HANA preset is expected to read of the pretend distributor's world."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from canonical.backends import Backend
from canonical.criteria import Condition, Criteria, Op, Sort
from canonical.entities import KEY, EntityName
from canonical.ports import ListQuery
from canonical.purchase_orders import PurchaseOrderLine
from canonical.values import Money
from sandbox.world import World
from sandbox.world import records as w
from tests.connectors.odata.backends import ask

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def every(
    erp: Backend,
    entity: EntityName,
    criteria: Criteria = (),
    order: tuple[Sort, ...] = (),
    *,
    limit: int = 10_000,
) -> list[Any]:
    """All records, page by page."""
    source = erp.sources[entity]
    found: list[Any] = []
    after: tuple[Any, ...] | None = None
    while True:
        query = ListQuery(criteria, order, limit, source.columns, after)
        page = await source.page(query, ask())
        assert page.failures == {}
        found += page.records
        if not page.more:
            return found
        last = page.records[-1]
        after = (*(getattr(last, s.column) for s in order), last.provenance.key)


def within(column: str, *values: Any) -> Condition:
    return Condition(column, Op.IN, values)


def own(world: World) -> list[w.Order]:
    return [order for order in world.orders if order.system == "erp"]


def stock_of(world: World) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    expected: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for stock in world.stock:
        if stock.special:
            continue
        usable, moving = expected.get((stock.item, stock.plant), (Decimal(0), Decimal(0)))
        usable += stock.quantity if stock.kind == "01" else 0
        moving += stock.quantity if stock.kind == "06" else 0
        expected[stock.item, stock.plant] = (usable, moving)
    return expected


def check_line(line: PurchaseOrderLine, expected: w.Line, currency: str) -> None:
    assert line.line_number == expected.number
    assert line.item == expected.item
    assert line.ship_to == expected.plant
    assert (line.quantity, line.unit) == (expected.quantity, expected.unit)
    numerator, denominator = expected.price_factor
    price = expected.price * numerator / (expected.price_quantity * denominator)
    assert line.unit_price == Money(price, currency)
    assert line.due_on == expected.due_on
    days = [s.confirmed_on for s in expected.schedule if s.confirmed_on]
    assert line.confirmed_on == (max(days) if days else None)
    assert line.confirmed_quantity == expected.confirmed_quantity
    assert (line.cancelled, line.completed) == (expected.deleted, expected.completed)


def received_in_base(line: PurchaseOrderLine, expected: w.Line, base_unit: str) -> Decimal:
    per_unit = Decimal(expected.numerator) / expected.denominator
    return sum(
        (q.amount if q.unit == base_unit else q.amount * per_unit for q in line.received),
        Decimal(0),
    )


async def keys_of(erp: Backend, entity: EntityName, column: str, world: World) -> list[str]:
    """A few values that a column has."""
    criteria: Criteria = ()
    if entity is EntityName.FORECAST:
        criteria = (within("item", *(item.number for item in world.items[::20])),)
    query = ListQuery(criteria, (), 40, erp.sources[entity].columns)
    page = await erp.sources[entity].page(query, ask())
    return sorted({k for r in page.records for k in values(r, column)})[:8]


def values(record: Any, column: str) -> Sequence[str]:
    if column == KEY:
        return [record.provenance.key]
    if column == "lines.item":
        return [line.item for line in record.lines]
    return [getattr(record, column)]
