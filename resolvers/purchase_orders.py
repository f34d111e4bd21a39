"""Purchase orders: lists, lookups, their lines, and what was received of them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from canonical.absent import is_absent
from canonical.criteria import Condition, Op, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.events import STATUS_CHANGED, Event, subject
from canonical.items import Item
from canonical.purchase_orders import (
    OPEN_STATUSES,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from canonical.values import ZERO
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.reading import (
    by_name,
    by_reference,
    pointing_here,
    reference_to,
    required,
    root_list,
)
from resolvers.units import Units

T = TypeVar("T")
_BY_NUMBER: Final = attrgetter("line_number")


class OrderLine(Struct, frozen=True):
    """A line together with the order that it stands on."""

    order: PurchaseOrder
    line: PurchaseOrderLine


class StatusChange(Struct, frozen=True):
    """A change of an order's status that a system tells of."""

    status: PurchaseOrderStatus
    previous_status: PurchaseOrderStatus | None
    at: datetime
    system: str
    correlation_id: str | None = None


async def purchase_order(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    number: str,
    system: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """The order with a number.

    Raises:
        InvalidInputError: if several systems have an order with this number and none is named.
    """
    context.reads.context.demand(max_staleness)
    _check_system(context, system)
    [found] = await pointing_here(
        context, EntityName.PURCHASE_ORDER, "number", [number], asked, system=system
    )
    orders = found.value if isinstance(found, Partial) else found
    if len(orders) > 1:
        systems = ", ".join(sorted({o.provenance.system for o in orders}))
        raise InvalidInputError(
            f"order {number!r} exists in {systems}: say which one with `system`"
        )
    order = orders[0] if orders else None
    if isinstance(found, Partial) and order is None:
        return [found.problems[0] for _ in parents]
    return [order for _ in parents]


purchase_orders = root_list(EntityName.PURCHASE_ORDER, Sort("ordered_on", descending=True))
"""A page of orders, the latest first."""


async def open_lines_of(
    context: RequestContext, parents: Sequence[Item], asked: Asked
) -> list[Any]:
    """Order lines of which goods of each item are still to come."""
    found = await open_orders(context, [p.sku for p in parents], asked.columns)
    return [
        Partial(still_open(o.value, p.sku), o.problems)
        if isinstance(o, Partial)
        else still_open(o, p.sku)
        for p, o in zip(parents, found, strict=True)
    ]


async def open_orders(
    context: RequestContext, skus: Sequence[str], columns: frozenset[str]
) -> list[list[Any] | Partial]:
    """Open orders with each of some items; `columns` are those of the lines, unprefixed."""
    needed = {c.removeprefix("/") if c.startswith("/") else f"lines.{c}" for c in columns}
    needed |= {
        "lines",
        "lines.line_number",
        "lines.item",
        "lines.cancelled",
        "lines.completed",
        "status",
    }
    is_open = Condition("status", Op.IN, tuple(sorted(OPEN_STATUSES)))
    return await pointing_here(
        context,
        EntityName.PURCHASE_ORDER,
        "lines.item",
        skus,
        Asked(frozenset(needed)),
        criteria=(is_open,),
    )


def still_open(orders: Sequence[PurchaseOrder], sku: str) -> list[OrderLine]:
    """Lines of the orders that are for an item and may still bring something."""
    return [
        OrderLine(order, line)
        for order in orders
        for line in order.lines
        if line.item == sku and not _ended(line)
    ]


async def orders_of(context: RequestContext, parents: Sequence[Any], asked: Asked) -> list[Any]:
    """The order that each parent points at, in its own system; None where it points at none."""
    references = [
        None if _known(p.purchase_order) is None else (p.provenance.system, p.purchase_order)
        for p in parents
    ]
    return await by_reference(context, EntityName.PURCHASE_ORDER, references, asked)


async def order_of_line(
    context: RequestContext, parents: Sequence[OrderLine], asked: Asked
) -> list[Any]:
    """The order that each line stands on: as it is at hand, where it knows enough."""
    if all(_knows(p.order, asked.columns) for p in parents):
        return [p.order for p in parents]
    references = [(p.order.provenance.system, p.order.provenance.key) for p in parents]
    return await by_reference(context, EntityName.PURCHASE_ORDER, references, asked)


async def item_of_line(
    context: RequestContext, parents: Sequence[OrderLine], asked: Asked
) -> list[Any]:
    """The item of each line."""
    return await required(context, EntityName.ITEM, [p.line.item for p in parents], asked)


line_items_named = reference_to(EntityName.ITEM, lambda lines: [x.line.item for x in lines])
"""What lines tell of their items."""


async def ship_to_of_line(
    context: RequestContext, parents: Sequence[OrderLine], asked: Asked
) -> list[Any]:
    """The location that receives each line, if any."""
    codes = [p.line.ship_to for p in parents]
    return await by_name(context, EntityName.LOCATION, codes, asked)


line_locations_named = reference_to(
    EntityName.LOCATION, lambda lines: [x.line.ship_to for x in lines]
)
"""What lines tell of the locations that receive them."""


async def received_quantity(
    context: RequestContext, parents: Sequence[OrderLine], asked: Asked
) -> list[Decimal | SupplygraphError]:
    """What was received of each line, less what was returned, in the line's unit."""
    units = Units(context)
    foreign = {p.line.item for p in parents if any(q.unit != p.line.unit for q in p.line.received)}
    await units.learn(foreign)
    return [units.guarded(_received, p.line, units) for p in parents]


async def open_quantity(
    context: RequestContext, parents: Sequence[OrderLine], asked: Asked
) -> list[Decimal | SupplygraphError]:
    """What is still to come of each line, in the line's unit; never negative."""
    received = await received_quantity(context, parents, asked)
    return [
        r if isinstance(r, SupplygraphError) else open_of(p.line, r)
        for p, r in zip(parents, received, strict=True)
    ]


def open_of(line: PurchaseOrderLine, received: Decimal) -> Decimal:
    """What is still to come of a line, in its unit, given what was received of it."""
    return ZERO if _ended(line) else max(ZERO, line.quantity - received)


async def history_of(
    context: RequestContext, parents: Sequence[PurchaseOrder], asked: Asked
) -> list[Any]:
    """Status changes of each order that were seen, oldest first; from the log, in one reading.

    What the order's own system dates (its acknowledgement, and its present status) is added where
    the log knows of no change to that status. Where the log cannot be read, it is all there is.
    """
    named = [subject(EntityName.PURCHASE_ORDER, _known(p.number) or "") for p in parents]
    try:
        found = await context.history.of_subjects(set(named), types=(STATUS_CHANGED.type,))
    except SupplygraphError as exc:
        return [Partial(_changes(p, ()), (exc,)) for p in parents]
    return [_changes(p, found[name]) for p, name in zip(parents, named, strict=True)]


def _changes(order: PurchaseOrder, events: Sequence[Event]) -> list[StatusChange]:
    origin = order.provenance
    changes = [
        StatusChange(
            e.data.status, e.data.previous_status, e.occurred_at, e.system, e.correlation_id
        )
        for e in events
        if (e.system, e.key) == (origin.system, origin.key)
    ]
    logged = {c.status for c in changes}
    changes += [c for c in _dated(order) if c.status not in logged]
    changes.sort(key=attrgetter("at"))
    before: PurchaseOrderStatus | None = None
    for i, change in enumerate(changes):
        if change.correlation_id is None:
            changes[i] = replace(change, previous_status=before)
        before = change.status
    return changes


def _dated(order: PurchaseOrder) -> list[StatusChange]:
    """What the order's own system dates, without what was before."""
    changes: list[StatusChange] = []
    system = order.provenance.system
    answer, updated_at = _known(order.acknowledgement), _known(order.updated_at)
    acknowledged = PurchaseOrderStatus.ACKNOWLEDGED
    if answer is not None:
        changes.append(StatusChange(acknowledged, None, answer.acknowledged_at, system))
    if updated_at is not None and (answer is None or order.status is not acknowledged):
        changes.append(StatusChange(order.status, None, updated_at, system))
    return changes


def lines(order: PurchaseOrder) -> list[OrderLine]:
    """The lines of an order, by number, each knowing its order."""
    ordered = sorted(order.lines, key=_BY_NUMBER)
    return [OrderLine(order, line) for line in ordered]


def _known(value: T) -> T | None:
    return None if is_absent(value) else value


def _received(line: PurchaseOrderLine, units: "Units") -> Decimal:
    return sum((units.convert(q.amount, q.unit, line.unit, line.item) for q in line.received), ZERO)


def _ended(line: PurchaseOrderLine) -> bool:
    return line.cancelled is True or line.completed is True


def _knows(order: PurchaseOrder, columns: frozenset[str]) -> bool:
    return not any("." in c or is_absent(getattr(order, c, None)) for c in columns)


def _check_system(context: RequestContext, system: str | None) -> None:
    if system is None:
        return
    known = [s.system for s in context.reads.catalog.supplies(EntityName.PURCHASE_ORDER)]
    if system not in known:
        raise InvalidInputError(
            f"no system {system!r} supplies purchase orders; there is {', '.join(sorted(known))}"
        )
