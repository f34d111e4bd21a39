"""Supply sources: which supplier an item can be bought from, and on which terms."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record
from canonical.values import Money


class SupplySource(Record, frozen=True, kw_only=True):
    """One supplier that an item can be bought from, with its terms."""

    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    supplier: Annotated[str, Meta(description="Code of the supplier.")] = ABSENT
    supplier_part_number: Annotated[
        str | None, Meta(description="What the supplier calls the item.")
    ] = ABSENT
    price: Annotated[Money | None, Meta(description="Price of one unit of the item.")] = ABSENT
    lead_time_days: Annotated[int | None, Meta(description="Delivery time in calendar days.")] = (
        ABSENT
    )
    minimum_order_quantity: Annotated[
        Decimal | None,
        Meta(description="Least quantity that the supplier accepts, in the item's unit."),
    ] = ABSENT
    preferred: Annotated[bool, Meta(description="Whether the item is bought here first.")] = ABSENT
