"""Projected stock by hand: what the aggregator answers with, and what answers are compared with.

It relies on what holds for these systems: whole quantities, one unit, nothing received, every line
due on a day, demand by the week.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

WEEKS: Final = 13
SAFETY_STOCK: Final = 100
_OPEN: Final = frozenset({"OPEN", "CONFIRMED", "SHIPPED"})
_STEP: Final = Decimal("0.000001")
_WEEK_DAYS: Final = 7

Row = Mapping[str, Any]


def projected(
    skus: Iterable[str],
    stock: Iterable[Row],
    orders: Iterable[Row],
    demand: Iterable[Row],
    today: date,
) -> dict[str, list[dict[str, Any]]]:
    """For each sku its weekly buckets, from rows of the systems."""
    monday = today + timedelta(days=_WEEK_DAYS - today.weekday())
    bounds = [today, *(monday + timedelta(weeks=n) for n in range(WEEKS))]
    starts = [day.isoformat() for day in bounds[:-1]]
    opening = dict.fromkeys(skus, 0)
    for row in stock:
        opening[row["itemId"]] += row["onHand"]
    supply = {sku: [0] * WEEKS for sku in opening}
    for order in orders:
        if order["status"] in _OPEN:
            _arrive(order["lines"], supply, bounds)
    needed: dict[str, list[Any]] = {sku: [0] * WEEKS for sku in opening}
    for row in demand:
        _need(row, needed, bounds)
    return {sku: _buckets(have, supply[sku], needed[sku], starts) for sku, have in opening.items()}


def _arrive(lines: Iterable[Row], supply: Mapping[str, list[int]], bounds: list[date]) -> None:
    for line in lines:
        index = max(0, (date.fromisoformat(line["dueOn"]) - bounds[1]).days // _WEEK_DAYS + 1)
        if index < WEEKS and line["itemId"] in supply:
            supply[line["itemId"]][index] += line["quantity"]


def _need(row: Row, needed: Mapping[str, list[Any]], bounds: list[date]) -> None:
    """A week's demand in its bucket; of the present week's, what falls on its days from today."""
    start = date.fromisoformat(row["weekFrom"])
    index = max(0, (start - bounds[1]).days // _WEEK_DAYS + 1)
    if index >= WEEKS:
        return
    amount: Any = row["quantity"]
    passed = (bounds[0] - start).days
    if passed > 0:
        past = (Decimal(amount) * passed / _WEEK_DAYS).quantize(_STEP, ROUND_HALF_EVEN)
        amount -= past
    needed[row["itemId"]][index] += amount


def _buckets(
    opening: Any, supply: list[int], needed: list[Any], starts: list[str]
) -> list[dict[str, Any]]:
    made = []
    for start, arriving, leaving in zip(starts, supply, needed, strict=True):
        closing = opening + arriving - leaving
        made.append(
            {
                "periodStart": start,
                "opening": _text(opening),
                "supply": _text(arriving),
                "demand": _text(leaving),
                "closing": _text(closing),
                "belowSafetyStock": closing < SAFETY_STOCK,
            }
        )
        opening = closing
    return made


def _text(number: Any) -> str:
    """As the schema writes decimals: without the zeros beyond the third place."""
    if isinstance(number, int):
        return str(number)
    whole, _, decimals = format(number, "f").partition(".")
    return f"{whole}.{decimals[: max(len(decimals.rstrip('0')), 3)]}"
