"""Items: what is bought, stocked and forecast."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record
from canonical.values import Money, UnitConversion


class ItemStatus(StrEnum):
    """Whether an item may still be bought."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    PHASED_OUT = "PHASED_OUT"


class Item(Record, frozen=True, kw_only=True):
    """A thing that is bought, stocked and forecast, known by its sku."""

    sku: Annotated[
        str, Meta(description="The item's natural key, exactly as the enterprise uses it.")
    ] = ABSENT
    name: Annotated[str, Meta(description="Short name.")] = ABSENT
    description: Annotated[str | None, Meta(description="Longer text.")] = ABSENT
    category: Annotated[str | None, Meta(description="Item group or commodity.")] = ABSENT
    unit: Annotated[str, Meta(description="Base unit that the item is stocked in.")] = ABSENT
    status: Annotated[ItemStatus, Meta(description="Whether the item may still be bought.")] = (
        ABSENT
    )
    lead_time_days: Annotated[
        int | None, Meta(description="Planned delivery time in calendar days.")
    ] = ABSENT
    safety_stock: Annotated[
        Decimal | None, Meta(description="Stock that is kept for the unexpected, in `unit`.")
    ] = ABSENT
    reorder_point: Annotated[
        Decimal | None, Meta(description="Stock at which the item is bought again, in `unit`.")
    ] = ABSENT
    minimum_order_quantity: Annotated[
        Decimal | None, Meta(description="Least quantity of an order, in `unit`.")
    ] = ABSENT
    standard_cost: Annotated[Money | None, Meta(description="Standard cost of one `unit`.")] = (
        ABSENT
    )
    preferred_supplier: Annotated[
        str | None, Meta(description="Code of the supplier bought from first.")
    ] = ABSENT
    unit_conversions: Annotated[
        tuple[UnitConversion, ...], Meta(description="The item's other units, in base units.")
    ] = ABSENT
