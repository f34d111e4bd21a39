"""Promises held against what was ordered: which a buyer need not be asked about, and why others."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.values import ZERO, Money, rounded
from canonical.writing import Promise
from workflows.confirmation.facts import LineFacts, OrderFacts
from workflows.confirmation.policies import Policies

_HUNDRED: Final = Decimal(100)


class Deviation(Struct, frozen=True, kw_only=True):
    """How far a promise is off, and whether that is more than is tolerated.

    Attributes:
        line: The order line.
        promise: What is promised.
        is_quantity: Whether the quantity is off by more.
        is_day: Whether the day is.
    """

    line: LineFacts
    promise: Promise
    is_quantity: bool
    is_day: bool

    @property
    def is_off(self) -> bool:
        """Whether a buyer has to decide."""
        return self.is_quantity or self.is_day

    @property
    def short(self) -> Decimal:
        """How much less is promised than was ordered; negative for more."""
        return self.line.quantity - self.promise.quantity

    @property
    def days_late(self) -> int:
        """Days from the day on which the goods are wanted to the promised one."""
        return 0 if self.line.due_on is None else (self.promise.on - self.line.due_on).days

    @property
    def at_stake(self) -> Decimal:
        """What is missing; of a line that is late, all of it."""
        return self.line.quantity if self.days_late > 0 else max(self.short, ZERO)

    def message(self) -> str:
        """What is off, for people."""
        line, unit = self.line, f" {self.line.unit}" if self.line.unit else ""
        said = [f"line {line.number} ({line.item}):"]
        if self.is_quantity:
            said.append(f"{self.promise.quantity}{unit} promised of {line.quantity}{unit};")
        if self.is_day:
            late = self.days_late
            off = f"{late} days late" if late > 0 else f"{-late} days early"
            said.append(f"for {self.promise.on} instead of {line.due_on}, {off};")
        return " ".join(said).rstrip(";")


class Judged(Struct, frozen=True):
    """Promises that are within tolerance, and others."""

    within: tuple[Promise, ...]
    outside: tuple[Deviation, ...]


def judged(order: OrderFacts, promises: Iterable[Promise], policies: Policies) -> Judged:
    """Hold promises for lines of an order against what was ordered."""
    within: list[Promise] = []
    outside: list[Deviation] = []
    lines = order.by_number
    for promise in promises:
        line = lines[promise.line_number]
        found = deviation(line, promise, order.supplier, policies)
        if found.is_off:
            outside.append(found)
        else:
            within.append(promise)
    return Judged(tuple(within), tuple(outside))


def value_of(quantities: Iterable[tuple[LineFacts, Decimal]], currency: str | None) -> Money | None:
    """What quantities of lines are worth; None if no price in the order's currency is known."""
    amounts = [
        rounded(quantity * line.price.amount, currency)
        for line, quantity in quantities
        if line.price is not None and currency is not None and line.price.currency == currency
    ]
    return Money(sum(amounts, ZERO), currency) if amounts and currency is not None else None


def deviation(line: LineFacts, promise: Promise, supplier: str, policies: Policies) -> Deviation:
    """How far a promise for a line is off. A line that is refused is off, whatever is tolerated."""
    tolerance = policies.tolerance_of(supplier, line.category)
    allowed = max(line.quantity * tolerance.percent / _HUNDRED, tolerance.quantity)
    is_refused = not promise.quantity and bool(line.quantity)
    late = 0 if line.due_on is None else (promise.on - line.due_on).days
    is_in_time = -tolerance.days_early <= late <= tolerance.days_late
    return Deviation(
        line=line,
        promise=promise,
        is_quantity=is_refused or abs(line.quantity - promise.quantity) > allowed,
        is_day=bool(promise.quantity) and not is_in_time,
    )
