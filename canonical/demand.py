"""Expected demand by day: how the quantity of a period is spread over its days.

What falls on the first d of n days is rounded half-even to six decimals, and what falls on some
days in between is the difference of two such sums: so the parts of a period always add up to its
quantity exactly, wherever it is cut.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Struct

from canonical.values import ZERO

_STEP: Final = Decimal("0.000001")


class Spread(Struct, frozen=True):
    """A quantity over the days [start, end)."""

    start: date
    end: date
    amount: Decimal


def part_of(spread: Spread, start: date, end: date) -> Decimal:
    """What of a quantity falls on the days [start, end)."""
    days = (spread.end - spread.start).days
    amount, first = spread.amount, spread.start
    return fallen(amount, days, (end - first).days) - fallen(amount, days, (start - first).days)


def fallen(amount: Decimal, days: int, passed: int) -> Decimal:
    """What of an amount over some days has fallen when so many of them have passed."""
    if passed <= 0:
        return ZERO
    if passed >= days:
        return amount
    return (amount * passed / days).quantize(_STEP, ROUND_HALF_EVEN)
