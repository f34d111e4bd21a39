"""Writing to systems: what they are told, and the ports that tell them.

A write is told once. After an answer that did not come nobody knows what became of it: that is an
`InDoubtError`, and whoever wrote asks the system (`OrderSink.find`, `OrderSink.look`) before
anything else. Every order carries a key of ours, which its system keeps in a field of its own, so
that it can be asked for by that.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from canonical.ports import Ask
from canonical.values import Money


class Ability(StrEnum):
    """What a system can be told."""

    CREATE = "create"
    RELEASE = "release"
    ACKNOWLEDGE = "acknowledge"
    CHANGE = "change"
    CANCEL = "cancel"
    RECEIVE = "receive"
    PUBLISH = "publish"


class NewOrderLine(Struct, frozen=True, kw_only=True):
    """A line of an order that is to be made.

    Attributes:
        line_number: Its number within the order.
        item: Sku.
        quantity: How many of `unit`.
        unit: Unit of the quantity and of the price.
        unit_price: Price of one unit.
        due_on: Day on which the goods are wanted.
        ship_to: Code of the location that receives.
    """

    line_number: int
    item: str
    quantity: Decimal
    unit: str
    unit_price: Money
    due_on: date
    ship_to: str


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order that is to be made.

    Attributes:
        key: Ours: the same for every attempt to make the same order.
        supplier: Code of the supplier.
        currency: ISO 4217 code.
        ordered_on: Day of the order.
        lines: At least one.
        number: The number that it has in the system where it was made first; None there.
        company: Company that orders, as the system calls it; None for its usual one.
        note: A text for the supplier.
    """

    key: str
    supplier: str
    currency: str
    ordered_on: date
    lines: tuple[NewOrderLine, ...]
    number: str | None = None
    company: str | None = None
    note: str | None = None


class OrderInSystem(Struct, frozen=True, kw_only=True):
    """What a system has of an order that it was told of.

    Attributes:
        key: The record's key there.
        number: Its number; None as long as it has none.
        released: Whether it is on its way to the supplier, and no draft.
        cancelled: Whether it was called off.
        version: What tells this state from later ones, as the system has it; None if nothing does.
    """

    key: str
    number: str | None
    released: bool = False
    cancelled: bool = False
    version: str | None = None


class Promise(Struct, frozen=True, kw_only=True):
    """What a supplier promises for one line: so many of the line's unit, on a day."""

    line_number: int
    quantity: Decimal
    on: date


class LineChange(Struct, frozen=True, kw_only=True):
    """What is to be different in one line. None leaves it as it is; a quantity of 0 cancels it."""

    line_number: int
    quantity: Decimal | None = None
    due_on: date | None = None


class ReceivedLine(Struct, frozen=True, kw_only=True):
    """Goods of one order line that have come: so many of the line's unit."""

    line_number: int
    quantity: Decimal


class OrderSink(Protocol):
    """One system that takes purchase orders. Codes are canonical, keys the system's own.

    What every method may raise:

        InDoubtError        told, and no answer: ask what became of it
        UnavailableError    not told: it may be told again
        RejectedError       told and refused, with what the system says to it
        ConflictError       the order is no longer as in `version`: read it again and decide
        UnsupportedError    the system cannot be told this (`abilities`)
    """

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can be told."""

    async def create(self, order: NewOrder, ask: Ask) -> OrderInSystem:
        """Make an order. It may be a draft: see `release`."""

    async def find(self, key: str, ask: Ask) -> OrderInSystem | None:
        """The order that was made with a key of ours; None if there is none.

        Raises:
            ConflictError: if there are several.
        """

    async def look(self, record: str, ask: Ask) -> OrderInSystem | None:
        """The order with a key of the system's, as it is now; None if there is none."""

    async def release(self, record: str, ask: Ask) -> OrderInSystem:
        """Take a draft to where it goes to the supplier. One that is there stays so."""

    async def acknowledge(
        self,
        record: str,
        promises: Sequence[Promise],
        ask: Ask,
        *,
        note: str | None = None,
        version: str | None = None,
    ) -> OrderInSystem:
        """Write down what the supplier promised; lines that are not named stay as they are."""

    async def change(
        self, record: str, changes: Sequence[LineChange], ask: Ask, *, version: str | None = None
    ) -> OrderInSystem:
        """Change lines."""

    async def cancel(
        self, record: str, ask: Ask, *, reason: str, version: str | None = None
    ) -> OrderInSystem:
        """Call an order off. One that is called off stays so."""

    async def receive(
        self, record: str, lines: Sequence[ReceivedLine], ask: Ask, *, key: str
    ) -> str:
        """Book goods that have come, under a key of ours; the receipt's key there."""


class NewForecast(Struct, frozen=True, kw_only=True):
    """A forecast that is to be published; the same item, location and period replaces another.

    Attributes:
        item: Sku.
        location: Code of the location; None for all of them together.
        period_start: First day.
        period_end: The day after the last.
        quantity: In the item's unit.
        version: Name of the version.
    """

    item: str
    location: str | None
    period_start: date
    period_end: date
    quantity: Decimal
    version: str | None = None


class ForecastSink(Protocol):
    """One planning system that takes forecasts. It raises what `OrderSink` does."""

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""

    async def publish(self, forecasts: Sequence[NewForecast], ask: Ask) -> None:
        """Publish forecasts. It may be repeated: the same again changes nothing."""
