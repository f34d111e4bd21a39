"""Purchase orders: what was ordered, confirmed and received so far."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Part, Record
from canonical.values import ZERO, Money, Quantity, rounded


class PurchaseOrderStatus(StrEnum):
    """How far a purchase order has come."""

    DRAFT = "DRAFT"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    PARTIALLY_RECEIVED = "PARTIALLY_RECEIVED"
    RECEIVED = "RECEIVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


OPEN_STATUSES = frozenset(
    {
        PurchaseOrderStatus.APPROVED,
        PurchaseOrderStatus.SENT,
        PurchaseOrderStatus.ACKNOWLEDGED,
        PurchaseOrderStatus.PARTIALLY_RECEIVED,
    }
)
"""Statuses in which goods are still to come."""


class PurchaseOrderLine(Part, frozen=True, kw_only=True):
    """One line of a purchase order."""

    line_number: Annotated[int, Meta(description="Number of the line within its order.")] = ABSENT
    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    ship_to: Annotated[str | None, Meta(description="Code of the location that receives.")] = ABSENT
    quantity: Annotated[Decimal, Meta(description="Ordered quantity, in `unit`.")] = ABSENT
    received: Annotated[
        tuple[Quantity, ...],
        Meta(description="What was received less what was returned, unit by unit as booked."),
    ] = ABSENT
    unit: Annotated[str, Meta(description="Unit of the order line.")] = ABSENT
    unit_price: Annotated[Money, Meta(description="Price of one `unit`.")] = ABSENT
    due_on: Annotated[date | None, Meta(description="Day on which the goods are wanted.")] = ABSENT
    confirmed_on: Annotated[date | None, Meta(description="Day that the supplier promised.")] = (
        ABSENT
    )
    confirmed_quantity: Annotated[
        Decimal | None, Meta(description="Quantity that the supplier promised, in `unit`.")
    ] = ABSENT
    cancelled: Annotated[bool, Meta(description="Whether the line was called off.")] = ABSENT
    completed: Annotated[
        bool,
        Meta(description="Whether no more is to come, even if less than ordered was received."),
    ] = ABSENT


class AcknowledgedLine(Part, frozen=True, kw_only=True):
    """What the supplier promised for one line."""

    line_number: Annotated[int, Meta(description="Number of the order line.")] = ABSENT
    confirmed_quantity: Annotated[
        Decimal, Meta(description="Promised quantity, in the line's unit.")
    ] = ABSENT
    confirmed_on: Annotated[date, Meta(description="Promised day.")] = ABSENT


class Acknowledgement(Part, frozen=True, kw_only=True):
    """The supplier's answer to an order."""

    acknowledged_at: Annotated[datetime, Meta(description="When the supplier answered.")] = ABSENT
    acknowledged_by: Annotated[str | None, Meta(description="Who answered.")] = ABSENT
    note: Annotated[str | None, Meta(description="What the supplier wrote with it.")] = ABSENT
    lines: Annotated[
        tuple[AcknowledgedLine, ...], Meta(description="What was promised, line by line.")
    ] = ABSENT


class PurchaseOrder(Record, frozen=True, kw_only=True):
    """An order to a supplier."""

    number: Annotated[str, Meta(description="The order's number, as the enterprise uses it.")] = (
        ABSENT
    )
    status: Annotated[PurchaseOrderStatus, Meta(description="How far the order has come.")] = ABSENT
    raw_status: Annotated[str | None, Meta(description="The status in the system's own words.")] = (
        ABSENT
    )
    supplier: Annotated[str, Meta(description="Code of the supplier.")] = ABSENT
    buyer: Annotated[str | None, Meta(description="Who bought, or the purchasing group.")] = ABSENT
    company: Annotated[
        str | None, Meta(description="Company that ordered, as its system calls it.")
    ] = ABSENT
    ordered_on: Annotated[date, Meta(description="Day of the order.")] = ABSENT
    currency: Annotated[str, Meta(description="Currency of the order, ISO 4217.")] = ABSENT
    total: Annotated[Money, Meta(description="Net value of the lines that are not cancelled.")] = (
        ABSENT
    )
    lines: Annotated[tuple[PurchaseOrderLine, ...], Meta(description="What was ordered.")] = ABSENT
    acknowledgement: Annotated[
        Acknowledgement | None, Meta(description="The supplier's answer.")
    ] = ABSENT
    updated_at: Annotated[
        datetime | None, Meta(description="When the system last changed the order.")
    ] = ABSENT


def net_total(lines: tuple[PurchaseOrderLine, ...], currency: str) -> Money:
    """Net value of an order whose system gives none.

    Each line's quantity times its unit price is rounded half-even to the currency's minor unit;
    cancelled lines do not count. The lines must know `quantity`, `unit_price` and `cancelled`.
    """
    amounts = (
        rounded(x.quantity * x.unit_price.amount, currency)
        for x in lines
        if x.cancelled is not True
    )
    return Money(sum(amounts, ZERO), currency)
