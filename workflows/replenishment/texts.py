"""Figures and days as planners read them."""

from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from canonical.values import Money, minor_digits

_READABLE: Final = Decimal("0.01")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def plain(amount: Decimal) -> str:
    """All digits of an amount, without zeros that say nothing."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def readable(amount: Decimal) -> str:
    """An amount to two digits, rounded down: what is below a level stays below it."""
    return plain(amount.quantize(_READABLE, ROUND_FLOOR)) if amount.is_finite() else str(amount)


def day_text(day: date, today: date) -> str:
    """`14 December`, with the year where it is another than this one."""
    text = f"{day.day} {_MONTHS[day.month - 1]}"
    return text if day.year == today.year else f"{text} {day.year}"


def money_text(money: Money) -> str:
    """`1234.50 EUR`: at least the digits of the currency's minor unit."""
    text = plain(money.amount)
    digits = minor_digits(money.currency)
    whole, _, fraction = text.partition(".")
    shown = fraction.ljust(digits, "0")
    return f"{whole}.{shown} {money.currency}" if shown else f"{whole} {money.currency}"


def count_text(count: int, what: str) -> str:
    """`1 day`, `2 days`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
