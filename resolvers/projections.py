"""Projected inventory: on hand, plus what is on order, less what is forecast, bucket by bucket.

Buckets are calendar weeks from Monday to Monday; the first one starts today. Supply counts in the
bucket of its confirmed day, else its due day; what is overdue counts in the first. A forecast
counts for the days of its period that lie in the bucket, in proportion (`canonical.demand`).
Forecast days before today are past.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.criteria import Condition, Op
from canonical.demand import Spread, part_of
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.values import ZERO
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.forecasts import overlapping
from resolvers.purchase_orders import OrderLine, open_orders, still_open
from resolvers.reading import pointing_here
from resolvers.units import Units

_LINE_COLUMNS: Final = frozenset(
    {
        "quantity",
        "received",
        "unit",
        "due_on",
        "confirmed_on",
        "ship_to",
        "line_number",
    }
)


class ProjectedBucket(Struct, frozen=True):
    """What is expected of one item in one period, in the item's unit."""

    period_start: date
    period_end: date
    opening: Decimal
    supply: Decimal
    demand: Decimal
    closing: Decimal
    below_safety_stock: bool


class Dated(Struct, frozen=True):
    """A quantity on a day."""

    day: date
    amount: Decimal


async def of_items(
    context: RequestContext,
    parents: Sequence[Item],
    asked: Asked,
    *,
    weeks: int = 13,
    location: str | None = None,
) -> list[Any]:
    """The projection of each item; for one location if it is named.

    Raises:
        InvalidInputError: if there are too few or too many weeks.
    """
    if not 1 <= weeks <= context.limits.max_weeks:
        raise InvalidInputError(
            f"`weeks` is {weeks}; it must be from 1 to {context.limits.max_weeks}"
        )
    bounds = week_bounds(context.today, weeks)
    if context.forecast_weeks is not None:  # what lies further ahead is not for this caller
        horizon = context.today + timedelta(weeks=context.forecast_weeks)
        bounds = [bounds[0], *(b for b in bounds[1:] if b <= horizon)]
    skus = [p.sku for p in parents]
    places = () if location is None else (location,)
    at_place = () if location is None else (Condition("location", Op.IN, places),)
    stock, orders, forecasts = await asyncio.gather(
        pointing_here(
            context,
            EntityName.INVENTORY,
            "item",
            skus,
            Asked(frozenset({"item", "location", "on_hand", "unit"})),
            criteria=at_place,
        ),
        open_orders(context, skus, _LINE_COLUMNS),
        pointing_here(
            context,
            EntityName.FORECAST,
            "item",
            skus,
            Asked(
                frozenset({"item", "location", "period_start", "period_end", "quantity", "unit"})
            ),
            criteria=overlapping(bounds[0], bounds[-1], places),
        ),
    )
    units = Units(context)
    await units.learn(_in_foreign_units(parents, stock, orders, forecasts))
    return [
        _projected(item, location, bounds, parts, units)
        for item, *parts in zip(parents, stock, orders, forecasts, strict=True)
    ]


def project(
    opening: Decimal,
    supplies: Iterable[Dated],
    demands: Iterable[Spread],
    bounds: Sequence[date],
    safety_stock: Decimal | None,
) -> list[ProjectedBucket]:
    """Work out the buckets between consecutive bounds.

    Supplies before the first bound count in the first bucket, those from the last bound on in none.
    """
    count = len(bounds) - 1
    supply = [ZERO] * count
    demand = [ZERO] * count
    for arrival in supplies:
        index = next((i for i in range(count) if arrival.day < bounds[i + 1]), None)
        if index is not None:
            supply[index] += arrival.amount
    for spread in demands:
        for i in range(count):
            demand[i] += part_of(spread, bounds[i], bounds[i + 1])
    buckets: list[ProjectedBucket] = []
    for i in range(count):
        closing = opening + supply[i] - demand[i]
        below = closing < (safety_stock or ZERO)
        buckets.append(
            ProjectedBucket(bounds[i], bounds[i + 1], opening, supply[i], demand[i], closing, below)
        )
        opening = closing
    return buckets


def week_bounds(today: date, weeks: int) -> list[date]:
    """Today, and the Mondays that end each week."""
    monday = today + timedelta(days=7 - today.weekday())
    return [today, *(monday + timedelta(weeks=i) for i in range(weeks))]


def _projected(
    item: Item, location: str | None, bounds: Sequence[date], parts: Sequence[Any], units: Units
) -> Any:
    problems = tuple(p for part in parts if isinstance(part, Partial) for p in part.problems)
    if problems:
        # A figure that leaves out a system's part would be wrong, not partial.
        return Partial([], problems)
    stock, orders, forecasts = parts
    made = units.guarded(_buckets, item, location, bounds, (stock, orders, forecasts), units)
    return Partial([], (made,)) if isinstance(made, SupplygraphError) else made


def _buckets(
    item: Item,
    location: str | None,
    bounds: Sequence[date],
    parts: tuple[Sequence[InventoryPosition], Sequence[Any], Sequence[Forecast]],
    units: Units,
) -> list[ProjectedBucket]:
    stock, orders, forecasts = parts
    opening = sum((units.convert(p.on_hand, p.unit, item.unit, item.sku) for p in stock), ZERO)
    lines = [
        x for x in still_open(orders, item.sku) if location is None or x.line.ship_to == location
    ]
    supplies = [_supply(x, item, bounds[0], units) for x in lines]
    demands = [
        Spread(
            f.period_start,
            f.period_end,
            units.convert(f.quantity, f.unit, item.unit, item.sku),
        )
        for f in forecasts
    ]
    safety = None if is_absent(item.safety_stock) else item.safety_stock
    return project(opening, supplies, demands, bounds, safety)


def _supply(given: OrderLine, item: Item, today: date, units: Units) -> Dated:
    line = given.line
    # Each quantity goes straight to the item's unit: by way of the line's it might be rounded.
    ordered = units.convert(line.quantity, line.unit, item.unit, item.sku)
    received = sum(
        (units.convert(q.amount, q.unit, item.unit, item.sku) for q in line.received), ZERO
    )
    return Dated(line.confirmed_on or line.due_on or today, max(ZERO, ordered - received))


def _in_foreign_units(parents: Sequence[Item], *parts: Sequence[Any]) -> set[str]:
    """Skus of items of which a quantity comes in another unit than the item's."""
    foreign: set[str] = set()
    for item, *found in zip(parents, *parts, strict=True):
        stock, orders, forecasts = (p.value if isinstance(p, Partial) else p for p in found)
        met = {r.unit for r in (*stock, *forecasts)}
        for given in still_open(orders, item.sku):
            met |= {given.line.unit, *(q.unit for q in given.line.received)}
        if met - {item.unit}:
            foreign.add(item.sku)
    return foreign
