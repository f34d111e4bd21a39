"""Everything that a proposal is calculated from, as it was at that time.

Kept as canonical JSON beside the proposal: read again, it gives the same proposal, byte for byte.
Quantities are in the units in which systems gave them.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from canonical.suppliers import SupplierStatus
from canonical.values import Money, Quantity, UnitConversion
from workflows.replenishment.calendars import Calendar
from workflows.replenishment.policy import Policy


class StockInput(Struct, frozen=True, omit_defaults=True, gc=False):
    """What is there, by one system."""

    system: str
    amount: Decimal
    unit: str


class SupplyInput(Struct, frozen=True, omit_defaults=True, gc=False):
    """What is still to come of an order line.

    Attributes:
        system: Where it stands.
        name: What people call it.
        day: Confirmed, else wanted; None if neither is known.
        quantity: Ordered.
        unit: Of the quantity.
        received: What has come.
        unlocated: Whether it names no location.
    """

    system: str
    name: str
    day: date | None
    quantity: Decimal
    unit: str
    received: tuple[Quantity, ...] = ()
    unlocated: bool = False


class DemandInput(Struct, frozen=True, omit_defaults=True, gc=False):
    """A forecast for the days [start, end)."""

    system: str
    start: date
    end: date
    quantity: Decimal
    unit: str
    unlocated: bool = False


class SourceInput(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A supplier that the item can be bought from.

    Attributes:
        supplier: Its code.
        system: Where it stands that the item is bought from it.
        status: Whether it may be bought from; None if it is not known at all.
        preferred: Whether it is bought from first.
        price: Of one unit of the item.
        lead_time_days: In calendar days; None if it is known nowhere.
        minimum: Least quantity that it accepts.
        calendar: Name of the calendar that it sends by.
        policy: For orders from it; None if it is that of the place.
    """

    supplier: str
    system: str | None = None
    status: SupplierStatus | None = None
    preferred: bool = False
    price: Money | None = None
    lead_time_days: int | None = None
    minimum: Decimal | None = None
    calendar: str
    policy: Policy | None = None


class Inputs(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What is known of one item at one location.

    Attributes:
        today: The day that it is true for.
        item: Sku.
        location: Code.
        category: Of the item.
        region: Of the location.
        unit: The item's.
        conversions: The item's other units.
        active: Whether the item may still be bought.
        safety_stock: The item's.
        reorder_point: The item's.
        minimum: Least quantity of an order, the item's.
        standard_cost: Of one unit.
        lead_time_days: The item's, or the policy's.
        sole: Whether the item is at this location alone.
        stock: What is there.
        supplies: What is on order.
        demands: What is forecast.
        sources: Who it can be bought from.
        policy: Of the place.
        calendars: By name.
        receiving: Name of the calendar that the location receives by.
    """

    today: date
    item: str
    location: str
    category: str | None = None
    region: str | None = None
    unit: str
    conversions: tuple[UnitConversion, ...] = ()
    active: bool = True
    safety_stock: Decimal | None = None
    reorder_point: Decimal | None = None
    minimum: Decimal | None = None
    standard_cost: Money | None = None
    lead_time_days: int | None = None
    sole: bool = False
    stock: tuple[StockInput, ...] = ()
    supplies: tuple[SupplyInput, ...] = ()
    demands: tuple[DemandInput, ...] = ()
    sources: tuple[SourceInput, ...] = ()
    policy: Policy
    calendars: Mapping[str, Calendar]
    receiving: str


encode: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode
"""Inputs as they are kept."""
_decode: Final = msgspec.json.Decoder(Inputs).decode


def decode(kept: bytes) -> Inputs:
    """Inputs that were kept.

    Raises:
        msgspec.ValidationError: if they are none.
    """
    return _decode(kept)
