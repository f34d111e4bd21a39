"""What an order is judged by, as its systems say now: read in a fixed number of batches.

    supplier | items | terms | locations        at the same time
    orders of the period -> their items and locations     where a budget may count them

Nothing is taken from what is kept, and nothing that is served stale: it counts as not read.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.criteria import Condition, Op, Range
from canonical.entities import EntityName
from canonical.errors import Reason, SupplygraphError, UnavailableError, UnsupportedError
from canonical.items import Item
from canonical.locations import Location
from canonical.ordering import WantedOrder
from canonical.ports import Batch
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.reading import Records
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource
from canonical.values import rounded
from workflows.ordering.rules import Budget

_COLUMNS: Final[Mapping[EntityName, frozenset[str]]] = {
    EntityName.SUPPLIER: frozenset({"code", "status", "currency"}),
    EntityName.ITEM: frozenset(
        {"sku", "status", "unit", "category", "lead_time_days", "minimum_order_quantity"}
    ),
    EntityName.SUPPLY_SOURCE: frozenset(
        {"item", "supplier", "price", "lead_time_days", "minimum_order_quantity"}
    ),
    EntityName.LOCATION: frozenset({"code", "kind", "region"}),
}
_SPENT_COLUMNS: Final = frozenset(
    {
        "status",
        "currency",
        "ordered_on",
        "lines.item",
        "lines.ship_to",
        "lines.quantity",
        "lines.unit_price",
        "lines.cancelled",
    }
)
_NOT_SPENT: Final = frozenset(
    {PurchaseOrderStatus.DRAFT, PurchaseOrderStatus.REJECTED, PurchaseOrderStatus.CANCELLED}
)


class SpentLine(Struct, frozen=True):
    """A line that was ordered in a period already."""

    ordered_on: date
    currency: str
    net: Decimal
    region: str | None
    category: str | None


class Facts(Struct, frozen=True, kw_only=True):
    """What an order is judged by.

    Attributes:
        today: The day of the order.
        suppliers: By code.
        items: By sku.
        terms: By sku and supplier, of all suppliers of the items.
        locations: By code.
        unread: What could not be read, and why.
        spent: Lines that count for budgets; an error if they could not be read.
    """

    today: date
    suppliers: Mapping[str, Supplier] = {}
    items: Mapping[str, Item] = {}
    terms: Mapping[tuple[str, str], SupplySource] = {}
    locations: Mapping[str, Location] = {}
    unread: Mapping[tuple[EntityName, str], SupplygraphError] = {}
    spent: Sequence[SpentLine] | SupplygraphError = ()


class FactReader:
    """Reads what orders are judged by.

    Args:
        records: Where from.
        budgets: Budgets that orders are held against.
        leads: Systems that lead orders: theirs count for budgets, so that none counts twice.
    """

    def __init__(self, records: Records, budgets: Sequence[Budget], leads: frozenset[str]) -> None:
        self._records = records
        self._budgets = budgets
        self._leads = leads

    async def read(self, wanted: WantedOrder, today: date, correlation_id: str) -> Facts:
        """All that is to be known of an order. What could not be read is told of in the facts."""
        skus = {line.item for line in wanted.lines}
        suppliers, items, terms, locations, spent = await asyncio.gather(
            self._by(EntityName.SUPPLIER, "code", [wanted.supplier], correlation_id),
            self._by(EntityName.ITEM, "sku", skus, correlation_id),
            self._by(EntityName.SUPPLY_SOURCE, "item", skus, correlation_id),
            self._by(
                EntityName.LOCATION, "code", {x.ship_to for x in wanted.lines}, correlation_id
            ),
            self._spent(today, correlation_id),
        )
        read = {
            EntityName.SUPPLIER: suppliers,
            EntityName.ITEM: items,
            EntityName.SUPPLY_SOURCE: terms,
            EntityName.LOCATION: locations,
        }
        return Facts(
            today=today,
            suppliers={r.code: r for r in _of(suppliers, Supplier)},
            items={r.sku: r for r in _of(items, Item)},
            terms={(r.item, r.supplier): r for r in _of(terms, SupplySource)},
            locations={r.code: r for r in _of(locations, Location)},
            unread={(e, key): why for e, b in read.items() for key, why in b.failures.items()},
            spent=spent,
        )

    async def _by(
        self, entity: EntityName, column: str, keys: Iterable[str], correlation_id: str
    ) -> Batch:
        wanted = sorted(set(keys))
        try:
            batch = await self._records.by_keys(
                entity, column, wanted, _COLUMNS[entity], correlation_id=correlation_id, fresh=True
            )
        except UnavailableError as exc:
            return Batch((), dict.fromkeys(wanted, exc))
        stale = {getattr(r, column): _stale(r) for r in batch.records if r.provenance.stale}
        fresh = [r for r in batch.records if not r.provenance.stale]
        return Batch(fresh, {**stale, **batch.failures})

    async def _spent(
        self, today: date, correlation_id: str
    ) -> Sequence[SpentLine] | SupplygraphError:
        if not self._budgets:
            return ()
        begin = min(b.period.span(today)[0] for b in self._budgets)
        end = max(b.period.span(today)[1] for b in self._budgets)
        since = (Condition("ordered_on", Op.RANGE, Range(begin, end)),)
        orders: list[PurchaseOrder] = []
        try:
            async for page in self._records.all(
                EntityName.PURCHASE_ORDER,
                _SPENT_COLUMNS,
                correlation_id=correlation_id,
                criteria=since,
            ):
                orders += (o for o in page if isinstance(o, PurchaseOrder) and self._counts(o))
            return await self._placed(orders, correlation_id)
        except SupplygraphError as exc:
            return exc

    def _counts(self, order: PurchaseOrder) -> bool:
        return order.provenance.system in self._leads and order.status not in _NOT_SPENT

    async def _placed(
        self, orders: Sequence[PurchaseOrder], correlation_id: str
    ) -> Sequence[SpentLine]:
        """Lines of orders with their regions and categories, where a budget wants them.

        Raises:
            UnavailableError: if these could not be read.
            UnsupportedError: if a system does not tell what was paid.
        """
        for order in orders:
            if any(is_absent(x.unit_price) or is_absent(x.quantity) for x in order.lines):
                raise UnsupportedError(f"{order.provenance.system} does not tell prices of orders")
        skus = {x.item for o in orders for x in o.lines}
        codes = {x.ship_to for o in orders for x in o.lines if x.ship_to}
        items, locations = await asyncio.gather(
            self._kept(EntityName.ITEM, "sku", "category", skus, correlation_id),
            self._kept(EntityName.LOCATION, "code", "region", codes, correlation_id),
        )
        return [
            SpentLine(
                o.ordered_on,
                o.currency,
                rounded(x.quantity * x.unit_price.amount, o.currency),
                locations.get(x.ship_to or ""),
                items.get(x.item),
            )
            for o in orders
            for x in o.lines
            if x.cancelled is not True
        ]

    async def _kept(
        self, entity: EntityName, key: str, column: str, keys: Iterable[str], correlation_id: str
    ) -> Mapping[str, str | None]:
        """One column by key, as it is kept; nothing where no budget asks for it."""
        asked = {"category": "categories", "region": "regions"}[column]
        wanted = sorted(keys)
        if not wanted or not any(getattr(b, asked) for b in self._budgets):
            return {}
        batch = await self._records.by_keys(
            entity, key, wanted, frozenset({key, column}), correlation_id=correlation_id
        )
        for failure in batch.failures.values():
            raise failure
        return {getattr(r, key): known(getattr(r, column)) for r in batch.records}


def known(value: Any) -> Any:
    """A column's value; None where its system does not have it."""
    return None if is_absent(value) else value


def _of(batch: Batch, record: type[Any]) -> list[Any]:
    return [r for r in batch.records if isinstance(r, record)]


def _stale(record: Any) -> UnavailableError:
    return UnavailableError(
        record.provenance.system, Reason.CONNECTION, "it could not be asked just now"
    )
