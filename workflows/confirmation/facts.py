"""An order that is to be confirmed, as its systems have it now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import KEY, EntityName
from canonical.errors import Reason, UnavailableError, UnsupportedError
from canonical.events import subject
from canonical.ordering import OrderReference
from canonical.ports import Batch
from canonical.purchase_orders import (
    OPEN_STATUSES,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from canonical.reading import Records
from canonical.values import Money
from canonical.writing import Promise
from workflows.confirmation.words import SaidLine

T = TypeVar("T")

COLUMNS: Final = frozenset(
    {"number", "supplier", "status", "currency", "lines"}
    | {
        f"lines.{name}"
        for name in (
            "line_number",
            "item",
            "quantity",
            "unit",
            "unit_price",
            "due_on",
            "ship_to",
            "confirmed_on",
            "confirmed_quantity",
            "cancelled",
            "completed",
        )
    }
)
"""What is to be known of an order."""

_SUPPLIER: Final = frozenset({"code", "country", "email"})
_ITEM: Final = frozenset({"sku", "category", "unit"})
_LOCATION: Final = frozenset({"code", "region"})


class LineFacts(Struct, frozen=True, kw_only=True):
    """One line. What nobody knows is None.

    Attributes:
        number: Its number.
        item: Sku.
        quantity: As ordered, in `unit`.
        unit: Unit of the order line.
        price: Of one unit.
        due_on: Day on which the goods are wanted.
        ship_to: Code of the location that receives.
        category: Of the item.
        item_unit: The item's own unit.
        region: Of the location.
        said: What the supplier has promised, as far as the system shows it.
        is_open: Whether goods are still to come.
    """

    number: int
    item: str
    quantity: Decimal
    unit: str | None = None
    price: Money | None = None
    due_on: date | None = None
    ship_to: str | None = None
    category: str | None = None
    item_unit: str | None = None
    region: str | None = None
    said: SaidLine | None = None
    is_open: bool = True


class OrderFacts(Struct, frozen=True, kw_only=True):
    """An order.

    Attributes:
        order: Where it is.
        supplier: Code of the supplier.
        status: How far it has come.
        lines: By number.
        country: Of the supplier.
        email: Of the supplier, for orders.
        currency: Of the order.
        versions: What tells this state from later ones, by system.
    """

    order: OrderReference
    supplier: str
    status: PurchaseOrderStatus | None
    lines: tuple[LineFacts, ...]
    country: str | None = None
    email: str | None = None
    currency: str | None = None
    versions: Mapping[str, str | None] = {}

    def about(self, lines: Iterable[LineFacts]) -> tuple[str, ...]:
        """What some of its lines are about: items, their categories, and regions."""
        found: list[str] = []
        for line in lines:
            found.append(subject(EntityName.ITEM, line.item))
            found += [f"category:{line.category}"] if line.category else []
            found += [f"region:{line.region}"] if line.region else []
        return tuple(dict.fromkeys(found))

    @property
    def by_number(self) -> Mapping[int, LineFacts]:
        """Its lines by number."""
        return {line.number: line for line in self.lines}

    @property
    def open_lines(self) -> Mapping[int, LineFacts]:
        """Those of which goods are still to come, by number; none once it is over."""
        if self.status is not None and self.status not in CONFIRMABLE:
            return {}
        return {line.number: line for line in self.lines if line.is_open}

    @property
    def said(self) -> Mapping[int, SaidLine]:
        """What the system shows of promises, by line; many show no quantities."""
        return {x.number: x.said for x in self.lines if x.said is not None}

    @property
    def promises(self) -> Mapping[int, Promise]:
        """The same, taken as promised as it was ordered where the system does not show it."""
        return {
            x.number: Promise(line_number=x.number, quantity=quantity, on=on)
            for x in self.lines
            if x.said is not None
            and (quantity := x.quantity if x.said.quantity is None else x.said.quantity) is not None
            and (on := x.said.on or x.due_on) is not None
        }


CONFIRMABLE: Final = OPEN_STATUSES
"""Statuses in which an order can be confirmed."""


class OrderReader:
    """Reads orders for confirmation.

    Args:
        records: Reads records.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    async def order(
        self, order: OrderReference, correlation_id: str, *, whole: bool = True
    ) -> OrderFacts | None:
        """An order as its system has it now; None if it has none.

        Args:
            order: Which.
            correlation_id: Ties it to what it is for.
            whole: Whether items and supplier are read as well.

        Raises:
            UnavailableError: if a system cannot be asked.
        """
        batch = await self._records.by_keys(
            EntityName.PURCHASE_ORDER,
            KEY,
            [order.key],
            COLUMNS,
            correlation_id=correlation_id,
            fresh=True,
        )
        found = [r for r in batch.records if r.provenance.system == order.system]
        if not found:
            _raise_first(batch)
            return None
        [record] = found
        assert isinstance(record, PurchaseOrder)  # noqa: S101  # that was asked for
        if record.provenance.stale:
            message = "the order cannot be read as it is now"
            raise UnavailableError(order.system, Reason.CONNECTION, message)
        if not whole:
            return facts_of(record)
        return await self._whole(record, correlation_id)

    async def alike(self, order: OrderFacts, correlation_id: str) -> tuple[OrderReference, ...]:
        """What other systems have of an order of which nobody said so.

        It is the same order if number, supplier, and the items of all lines are the same.

        Raises:
            UnavailableError: if a system cannot be asked.
        """
        if order.order.number is None:
            return ()
        batch = await self._records.by_keys(
            EntityName.PURCHASE_ORDER,
            "number",
            [order.order.number],
            COLUMNS,
            correlation_id=correlation_id,
            fresh=True,
        )
        _raise_first(batch)
        found = [facts_of(r) for r in batch.records if isinstance(r, PurchaseOrder)]
        return tuple(
            other.order
            for other in sorted(found, key=lambda other: other.order.system)
            if other.order.system != order.order.system
            and other.supplier == order.supplier
            and _items(other) == _items(order)
        )

    async def _whole(self, record: PurchaseOrder, correlation_id: str) -> OrderFacts:
        places = {code for line in record.lines if (code := known(line.ship_to)) is not None}
        wanted = (
            (EntityName.ITEM, "sku", {line.item for line in record.lines}, _ITEM),
            (EntityName.SUPPLIER, "code", {record.supplier}, _SUPPLIER),
            (EntityName.LOCATION, "code", places, _LOCATION),
        )
        found = []
        for entity, column, keys, columns in wanted:
            found.append(await self._known(entity, column, keys, columns, correlation_id))
        return facts_of(record, *found)

    async def _known(
        self,
        entity: EntityName,
        column: str,
        keys: Collection[str],
        columns: frozenset[str],
        correlation_id: str,
    ) -> Sequence[Any]:
        """What is known of some records; nothing, if no system has any of the kind."""
        try:
            batch = await self._records.by_keys(
                entity, column, sorted(keys), columns, correlation_id=correlation_id
            )
        except UnsupportedError:
            return ()
        _raise_first(batch)
        return batch.records


def facts_of(
    record: PurchaseOrder,
    items: Sequence[Any] = (),
    suppliers: Sequence[Any] = (),
    locations: Sequence[Any] = (),
) -> OrderFacts:
    """An order of its records."""
    origin = record.provenance
    lines = (
        _line(
            x,
            [i for i in items if i.sku == x.item],
            [place for place in locations if place.code == x.ship_to],
        )
        for x in record.lines
    )
    return OrderFacts(
        order=OrderReference(origin.system, origin.key, known(record.number)),
        supplier=record.supplier,
        status=known(record.status),
        lines=tuple(sorted(lines, key=lambda line: line.number)),
        country=_first(suppliers, "country"),
        email=_first(suppliers, "email"),
        currency=known(record.currency),
    )


def _items(order: OrderFacts) -> list[tuple[int, str]]:
    return [(line.number, line.item) for line in order.lines]


def known(value: T) -> T | None:
    """A value, or None if nobody said it."""
    return None if is_absent(value) else value


def _line(line: PurchaseOrderLine, items: Sequence[Any], locations: Sequence[Any]) -> LineFacts:
    quantity, on = known(line.confirmed_quantity), known(line.confirmed_on)
    said = SaidLine(line_number=line.line_number, quantity=quantity, on=on)
    return LineFacts(
        number=line.line_number,
        item=line.item,
        quantity=line.quantity,
        unit=known(line.unit),
        price=known(line.unit_price),
        due_on=known(line.due_on),
        ship_to=known(line.ship_to),
        category=_first(items, "category"),
        item_unit=_first(items, "unit"),
        region=_first(locations, "region"),
        said=None if quantity is None and on is None else said,
        is_open=known(line.cancelled) is not True and known(line.completed) is not True,
    )


def _first(records: Iterable[Any], column: str) -> Any:
    """What the first of some records says that says anything."""
    said = (known(getattr(record, column)) for record in records)
    return next((value for value in said if value is not None), None)


def _raise_first(*batches: Batch) -> None:
    """Decide nothing on what could not be read.

    Raises:
        SupplygraphError: the first failure, if there is one.
    """
    for batch in batches:
        for error in batch.failures.values():
            raise error
