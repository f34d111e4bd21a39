"""What the pretend distributor is made of: plain facts, in no vendor's words.

Quantities and prices are Decimal, dates are business dates, datetimes are UTC.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

State = Literal[
    "draft",
    "pending_approval",
    "approved",
    "rejected",
    "sent",
    "acknowledged",
    "partially_received",
    "received",
    "closed",
    "cancelled",
]


class Region(Struct, frozen=True):
    """One purchasing organisation and the part of the world it buys for."""

    code: str
    organization: str
    currency: str
    share: float


class Plant(Struct, frozen=True):
    """A location; `code` is the ERP's key, the two others are what the other systems call it."""

    code: str
    name: str
    kind: Literal["distribution_center", "plant", "store"]
    region: str
    organization: str
    country: str
    city: str
    postal_code: str
    street: str
    sap_time_zone: str
    coupa_code: str
    storage_locations: tuple[str, str]


class Supplier(Struct, frozen=True):
    """A supplier; `number` is the ERP's key. `lead_days` are calendar days."""

    number: str
    coupa_number: str
    planning_name: str
    name: str
    legal_form: str
    region: str
    country: str
    city: str
    postal_code: str
    street: str
    email: str
    currency: str
    terms: str
    incoterms: str
    status: Literal["approved", "on_hold", "blocked"]
    lead_days: int
    minimum_order: Decimal
    created_on: date
    changed_at: datetime


class Unit(Struct, frozen=True):
    """An alternative unit: one of it is numerator / denominator base units."""

    code: str
    numerator: int
    denominator: int


class ItemPlant(Struct, frozen=True):
    """How one item is planned at one plant; quantities in the base unit."""

    plant: str
    abc: str
    safety_stock: Decimal
    reorder_point: Decimal
    minimum_lot: Decimal
    rounding: Decimal
    lead_days: int
    weekly_demand: Decimal


class Source(Struct, frozen=True):
    """One supplier that an item can be bought from; `price` is for `price_quantity` base units."""

    item: str
    supplier: str
    part_number: str
    info_record: str
    price: Decimal
    price_quantity: int
    currency: str
    lead_days: int
    minimum: Decimal
    preferred: bool
    deleted: bool


class Item(Struct, frozen=True):
    """Something that is bought and stocked; `number` is the ERP's key."""

    number: str
    coupa_number: str
    name: str
    text: str
    category: str
    group: str
    base_unit: str
    alternative: Unit | None
    status: Literal["active", "blocked", "phased_out"]
    gtin: str
    weight: Decimal
    cost: Decimal
    batch_managed: bool
    monthly_forecast: bool
    created_on: date
    changed_at: datetime
    plants: tuple[ItemPlant, ...]
    sources: tuple[Source, ...]


class Stock(Struct, frozen=True):
    """A stock position in the base unit; `kind` is the ERP's stock type (01 unrestricted ...)."""

    item: str
    plant: str
    storage_location: str
    batch: str
    supplier: str
    special: str
    kind: str
    unit: str
    quantity: Decimal


class Schedule(Struct, frozen=True):
    """A part of a line that is due on one day, and what the supplier confirmed of it."""

    due_on: date
    quantity: Decimal
    confirmed_on: date | None
    confirmed_quantity: Decimal | None


class Line(Struct, frozen=True):
    """A line of an order.

    One `unit` is numerator / denominator base units. The net price is `price` for
    `price_quantity` of `price_unit`, and one `unit` is `price_factor` price units.
    `received` is net of reversals and returns, in `unit`.
    """

    order: str
    number: int
    item: str
    plant: str
    quantity: Decimal
    unit: str
    numerator: int
    denominator: int
    price: Decimal
    price_quantity: int
    price_unit: str
    price_factor: tuple[int, int]
    part_number: str
    schedule: tuple[Schedule, ...]
    received: Decimal
    deleted: bool
    completed: bool
    invoiced: bool

    @property
    def due_on(self) -> date:
        """The first day on which a part of the line is due."""
        return self.schedule[0].due_on

    @property
    def confirmed_on(self) -> date | None:
        """The last day that the supplier confirmed; None if nothing is confirmed."""
        return self.schedule[-1].confirmed_on

    @property
    def confirmed_quantity(self) -> Decimal | None:
        """The quantity that the supplier confirmed, in `unit`; None if nothing is confirmed."""
        if self.confirmed_on is None:
            return None
        return sum((part.confirmed_quantity or Decimal(0) for part in self.schedule), Decimal(0))

    @property
    def amount(self) -> Decimal:
        """The net value of the line, not rounded."""
        numerator, denominator = self.price_factor
        return self.quantity * self.price * numerator / (denominator * self.price_quantity)


class Order(Struct, frozen=True):
    """A purchase order; it lives in exactly one system."""

    number: str
    system: Literal["erp", "procurement"]
    region: str
    supplier: str
    state: State
    ordered_on: date
    created_at: datetime
    changed_at: datetime | None
    acknowledged_at: datetime | None
    currency: str
    buyer: str
    terms: str
    incoterms: str
    lines: tuple[Line, ...]


class Movement(Struct, frozen=True):
    """A goods movement: 101 receipt, 102 its reversal, 122 return, 123 its reversal, 561 opening.

    501 is a receipt that the ERP has no order for, 601 an issue to customers. Quantities are
    positive as on a document; the type gives the sign. `quantity` is in the order's unit.
    `reverses` is the (document, item) that this movement takes back.
    """

    document: str
    number: int
    kind: str
    posted_on: date
    created_at: datetime
    order: str
    line: int
    item: str
    plant: str
    storage_location: str
    supplier: str
    quantity: Decimal
    entry_quantity: Decimal
    entry_unit: str
    base_quantity: Decimal
    base_unit: str
    cancelled: bool
    reverses: tuple[str, int] | None

    @property
    def sign(self) -> int:
        """What the movement does to the received quantity: 1 adds, -1 takes back."""
        return 1 if self.kind in {"101", "123", "501", "561"} else -1


class Forecast(Struct, frozen=True):
    """What will be needed of an item at a plant; `ends_on` is exclusive, base unit."""

    item: str
    plant: str
    starts_on: date
    ends_on: date
    monthly: bool
    baseline: Decimal
    override: Decimal | None
    revised_at: datetime

    @property
    def quantity(self) -> Decimal:
        """The quantity that counts: a planner's override, else the baseline."""
        return self.baseline if self.override is None else self.override


class Proposal(Struct, frozen=True):
    """What planning proposes to buy; `status` is proposed or approved, base unit."""

    reference: str
    item: str
    plant: str
    supplier: str
    quantity: Decimal
    status: Literal["proposed", "approved"]
    order_on: date
    receive_on: date
    delay_days: int
    criticality: int
    revised_at: datetime


class Demand(Struct, frozen=True):
    """A customer's order line, base unit."""

    name: str
    item: str
    plant: str
    customer: str
    due_on: date
    quantity: Decimal
    status: Literal["open", "quote", "closed", "canceled"]
    priority: int
    revised_at: datetime
