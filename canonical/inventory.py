"""Inventory positions: how much of an item is at a location."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record


class InventoryPosition(Record, frozen=True, kw_only=True):
    """How much of one item is at one location."""

    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    location: Annotated[str, Meta(description="Code of the location.")] = ABSENT
    on_hand: Annotated[Decimal, Meta(description="Usable stock that is physically there.")] = ABSENT
    reserved: Annotated[Decimal, Meta(description="Part of `onHand` that is promised already.")] = (
        ABSENT
    )
    available: Annotated[
        Decimal, Meta(description="What may still be promised: on hand less reserved.")
    ] = ABSENT
    in_transit: Annotated[Decimal | None, Meta(description="On its way to the location.")] = ABSENT
    unit: Annotated[str, Meta(description="Unit of all quantities of this position.")] = ABSENT
    as_of: Annotated[datetime, Meta(description="The moment the quantities are true for.")] = ABSENT
