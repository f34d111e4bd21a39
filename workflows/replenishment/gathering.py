"""What systems know of some items: seven questions, however many items and locations there are."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeVar

from msgspec import Struct

from canonical.absent import ABSENT
from canonical.criteria import Condition, Criteria, Op, Range
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.locations import Location
from canonical.ports import Batch
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.reading import Records
from canonical.records import Record
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource

T = TypeVar("T")
R = TypeVar("R", bound=Record)
Key = tuple[str, str | None]
"""An item at a location, or at none in particular."""

_ITEM: Final = frozenset(
    {
        "sku",
        "category",
        "unit",
        "status",
        "lead_time_days",
        "safety_stock",
        "reorder_point",
        "minimum_order_quantity",
        "standard_cost",
        "preferred_supplier",
        "unit_conversions",
    }
)
_SOURCE: Final = frozenset(
    {"item", "supplier", "price", "lead_time_days", "minimum_order_quantity", "preferred"}
)
_SUPPLIER: Final = frozenset({"code", "status", "country", "lead_time_days"})
_LOCATION: Final = frozenset({"code", "region", "country"})
_STOCK: Final = frozenset({"item", "location", "on_hand", "reserved", "available", "unit"})
_FORECAST: Final = frozenset({"item", "location", "period_start", "period_end", "quantity", "unit"})
_ORDER: Final = frozenset({"number", "status", "lines"}) | {
    f"lines.{column}"
    for column in (
        "line_number",
        "item",
        "ship_to",
        "quantity",
        "received",
        "unit",
        "due_on",
        "confirmed_on",
        "cancelled",
        "completed",
    )
}


class OpenLine(Struct, frozen=True):
    """An order line of which something may still come."""

    order: PurchaseOrder
    line: PurchaseOrderLine


class Gathered(Struct, frozen=True, kw_only=True):
    """What is known of some items.

    Attributes:
        items: By sku.
        sources: By sku, in the order of the suppliers' codes.
        suppliers: By code.
        locations: By code.
        stock: By item and location.
        lines: Open order lines, likewise, by day.
        forecasts: Likewise, by period.
        places: Codes of the locations that each item has to do with.
        failures: By sku, why it could not be read whole.
    """

    items: Mapping[str, Item]
    sources: Mapping[str, Sequence[SupplySource]]
    suppliers: Mapping[str, Supplier]
    locations: Mapping[str, Location]
    stock: Mapping[Key, Sequence[InventoryPosition]]
    lines: Mapping[Key, Sequence[OpenLine]]
    forecasts: Mapping[Key, Sequence[Forecast]]
    places: Mapping[str, Sequence[str]]
    failures: Mapping[str, SupplygraphError]


class Question(Struct, frozen=True, kw_only=True):
    """What is to be read.

    Attributes:
        named: The items, each with the locations that are asked for by name.
        today: The first day that forecasts matter for.
        end: The day after the last one.
        correlation_id: Of the questions.
        fresh: Whether systems are asked whatever is kept.
    """

    named: Mapping[str, Collection[str]]
    today: date
    end: date
    correlation_id: str
    fresh: bool = False


class Gatherer:
    """Reads what evaluations need.

    Args:
        records: Where from.
        statuses: Statuses of orders that bring something.
    """

    def __init__(self, records: Records, statuses: Collection[PurchaseOrderStatus]) -> None:
        self._records = records
        self._is_open = Condition("status", Op.IN, tuple(sorted(statuses)))

    async def gather(self, question: Question) -> Gathered:
        """Read some items with everything that bears on their stock until a day."""
        ask, skus = _Asking(self._records, question), list(question.named)
        by_item = (
            ask(EntityName.ITEM, "sku", skus, _ITEM),
            ask(EntityName.SUPPLY_SOURCE, "item", skus, _SOURCE),
            ask(EntityName.INVENTORY, "item", skus, _STOCK),
            ask(EntityName.PURCHASE_ORDER, "lines.item", skus, _ORDER, (self._is_open,)),
            ask(EntityName.FORECAST, "item", skus, _FORECAST, _overlapping(question)),
        )
        batches = await asyncio.gather(*by_item)
        items, sources, stock, orders, forecasts = batches
        failures = {k: e for batch in batches for k, e in batch.failures.items()}
        wanted = frozenset(skus)
        own: dict[str, Any] = {
            "stock": _grouped(_records(stock, InventoryPosition), _place, _origin),
            "lines": _grouped(_lines(orders.records, wanted), _place_of_line, _day_of_line),
            "forecasts": _grouped(_records(forecasts, Forecast), _place, _period),
        }
        by_sku = {i.sku: i for i in sorted(_records(items, Item), key=_origin, reverse=True)}
        sold = _grouped(_records(sources, SupplySource), lambda s: s.item, _supplier_first)
        places = _places(own.values())
        looked_at = {sku: [*places.get(sku, ()), *also] for sku, also in question.named.items()}
        suppliers, locations = await asyncio.gather(
            ask(EntityName.SUPPLIER, "code", _suppliers(sold, by_sku), _SUPPLIER),
            ask(EntityName.LOCATION, "code", _sorted(looked_at), _LOCATION),
        )
        failures |= _of_items(suppliers.failures, _supplied(sold, by_sku))
        failures |= _of_items(locations.failures, looked_at)
        return Gathered(
            items=by_sku,
            sources=sold,
            suppliers={s.code: s for s in _records(suppliers, Supplier)},
            locations={x.code: x for x in _records(locations, Location)},
            places=places,
            failures=failures,
            **own,
        )


class _Asking:
    """Asks for records, for one question."""

    def __init__(self, records: Records, question: Question) -> None:
        self._records = records
        self._question = question

    async def __call__(
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        criteria: Criteria = (),
    ) -> Batch:
        if not keys:
            return Batch(())
        return await self._records.by_keys(
            entity,
            column,
            keys,
            columns,
            correlation_id=self._question.correlation_id,
            criteria=criteria,
            fresh=self._question.fresh,
        )


def known(value: T) -> T | None:
    """A column's value; None if its system does not have it."""
    return None if value is ABSENT else value


def _overlapping(question: Question) -> Criteria:
    """Periods that have a day in common with [today, end)."""
    tomorrow = question.today + timedelta(days=1)
    return (
        Condition("period_end", Op.RANGE, Range(gte=tomorrow)),
        Condition("period_start", Op.RANGE, Range(lt=question.end)),
    )


def _records(batch: Batch, kind: type[R]) -> list[R]:
    """The records of a batch, each once."""
    found = {
        (r.provenance.system, r.provenance.key): r for r in batch.records if isinstance(r, kind)
    }
    return list(found.values())


def _lines(orders: Iterable[Record], skus: frozenset[str]) -> list[OpenLine]:
    once = {
        (o.provenance.system, o.provenance.key): o for o in orders if isinstance(o, PurchaseOrder)
    }
    return [
        OpenLine(order, line)
        for order in once.values()
        for line in order.lines
        if line.item in skus and line.cancelled is not True and line.completed is not True
    ]


def _grouped(
    records: Iterable[T], key: Callable[[T], Any], order: Callable[[T], Any]
) -> dict[Any, list[T]]:
    found: dict[Any, list[T]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    for group in found.values():
        if len(group) > 1:
            group.sort(key=order)
    return found


def _place(record: Any) -> Key:
    return record.item, known(record.location)


def _origin(record: Record) -> tuple[str, str]:
    return record.provenance.system, record.provenance.key


def _period(forecast: Forecast) -> Any:
    return forecast.period_start, *_origin(forecast)


def _supplier_first(source: SupplySource) -> Any:
    return source.supplier, *_origin(source)


def _place_of_line(open_line: OpenLine) -> Key:
    return open_line.line.item, known(open_line.line.ship_to)


def _day_of_line(open_line: OpenLine) -> Any:
    order, line = open_line.order, open_line.line
    day = known(line.confirmed_on) or known(line.due_on) or date.min
    return day, *_origin(order), line.line_number


def _places(groups: Iterable[Mapping[Key, Any]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for group in groups:
        for item, location in group:
            if location is not None:
                found.setdefault(item, set()).add(location)
    return {item: sorted(codes) for item, codes in found.items()}


def _supplied(
    sources: Mapping[str, Sequence[SupplySource]], items: Mapping[str, Item]
) -> dict[str, list[str]]:
    """Codes of the suppliers of each item: of its sources, else its preferred one."""
    found: dict[str, list[str]] = {}
    for sku, item in items.items():
        preferred = known(item.preferred_supplier)
        found[sku] = [s.supplier for s in sources.get(sku, ())] or (
            [preferred] if preferred else []
        )
    return found


def _suppliers(
    sources: Mapping[str, Sequence[SupplySource]], items: Mapping[str, Item]
) -> list[str]:
    return _sorted(_supplied(sources, items))


def _sorted(named: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({name for names in named.values() for name in names})


def _of_items(
    failures: Mapping[str, SupplygraphError], named: Mapping[str, Sequence[str]]
) -> dict[str, SupplygraphError]:
    """By sku, failures of what items name."""
    return {
        sku: failures[name] for sku, names in named.items() for name in names if name in failures
    }
