"""Receipts: goods that arrived."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Part, Record


class ReceiptLine(Part, frozen=True, kw_only=True):
    """What arrived of one item."""

    line_number: Annotated[int, Meta(description="Number of the line within its receipt.")] = ABSENT
    order_line_number: Annotated[
        int | None, Meta(description="Number of the order line that it fulfils.")
    ] = ABSENT
    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    quantity: Annotated[
        Decimal, Meta(description="Quantity that arrived, in `unit`; negative if returned.")
    ] = ABSENT
    unit: Annotated[str, Meta(description="Unit that the quantity was booked in.")] = ABSENT


class Receipt(Record, frozen=True, kw_only=True):
    """A booked arrival of goods, or its reversal."""

    number: Annotated[str, Meta(description="The receipt's number.")] = ABSENT
    purchase_order: Annotated[
        str | None, Meta(description="Key, in the same system, of the order that it fulfils.")
    ] = ABSENT
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")] = ABSENT
    location: Annotated[str | None, Meta(description="Code of the location that received.")] = (
        ABSENT
    )
    received_at: Annotated[datetime, Meta(description="When the goods were booked in.")] = ABSENT
    lines: Annotated[tuple[ReceiptLine, ...], Meta(description="What arrived.")] = ABSENT
