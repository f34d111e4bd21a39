"""How well suppliers deliver, measured on last year's orders with receipts.

An order was on time if its last receipt came no later than the latest due day of its lines. The
delay is the difference of those two days, negative if early. The time to acknowledge counts from
the start of the day of the order, UTC.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Condition, Op, Range
from canonical.entities import EntityName
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.suppliers import Supplier
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.reading import pointing_here
from resolvers.receipts import of_orders

_PERIOD: Final = timedelta(days=365)
_MEASURED: Final = (
    PurchaseOrderStatus.CLOSED,
    PurchaseOrderStatus.PARTIALLY_RECEIVED,
    PurchaseOrderStatus.RECEIVED,
)
_ORDER_COLUMNS: Final = frozenset(
    {"ordered_on", "acknowledgement", "acknowledgement.acknowledged_at", "lines", "lines.due_on"}
)


class SupplierPerformance(Struct, frozen=True):
    """How well a supplier delivered."""

    orders_measured: int
    on_time_rate: float | None
    average_acknowledgement_hours: float | None
    average_delay_days: float | None


class Delivery(Struct, frozen=True):
    """What counts of one order."""

    ordered_on: date
    due_on: date | None
    last_received_on: date
    acknowledged_at: datetime | None


async def of_suppliers(
    context: RequestContext, parents: Sequence[Supplier], asked: Asked
) -> list[Any]:
    """The performance of each supplier."""
    recent = (
        Condition("ordered_on", Op.RANGE, Range(gte=context.today - _PERIOD)),
        Condition("status", Op.IN, _MEASURED),
    )
    found = await pointing_here(
        context,
        EntityName.PURCHASE_ORDER,
        "supplier",
        [p.code for p in parents],
        Asked(_ORDER_COLUMNS),
        criteria=recent,
    )
    orders = [f.value if isinstance(f, Partial) else f for f in found]
    flat = [o for own in orders for o in own]
    arrived = iter(await of_orders(context, flat, Asked(frozenset({"received_at"}))))
    answers: list[Any] = []
    for own, source in zip(orders, found, strict=True):
        receipts = [next(arrived) for _ in own]
        problems = [p for x in (source, *receipts) if isinstance(x, Partial) for p in x.problems]
        if problems:
            # A rate over some of the orders would be wrong, not partial.
            answers.append(problems[0])
        else:
            known = [d for d in map(_delivery, own, receipts) if d is not None]
            answers.append(measured(known))
    return answers


def measured(deliveries: Sequence[Delivery]) -> SupplierPerformance:
    """Work out the figures; None where nothing could be measured."""
    delays = [(d.last_received_on - d.due_on).days for d in deliveries if d.due_on is not None]
    hours = [
        (d.acknowledged_at - datetime.combine(d.ordered_on, time.min, UTC)).total_seconds() / 3600
        for d in deliveries
        if d.acknowledged_at is not None
    ]
    return SupplierPerformance(
        len(deliveries),
        _mean([float(d <= 0) for d in delays]),
        _mean([max(h, 0.0) for h in hours]),
        _mean([float(d) for d in delays]),
    )


def _delivery(order: PurchaseOrder, receipts: Sequence[Any]) -> Delivery | None:
    if not receipts:
        return None
    due = [line.due_on for line in order.lines if line.due_on is not None]
    answer = order.acknowledgement
    return Delivery(
        order.ordered_on,
        max(due, default=None),
        max(r.received_at.date() for r in receipts),
        None if answer is None else answer.acknowledged_at,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
