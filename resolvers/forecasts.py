"""Forecasts: lists, and those of an item."""

from collections.abc import Sequence
from datetime import date
from operator import attrgetter
from typing import Any, Final

from canonical.criteria import Condition, Criteria, Op, Range, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.items import Item
from execution.fields import Asked
from resolvers.context import RequestContext
from resolvers.reading import pointing_here, root_list

_BY_PERIOD: Final = attrgetter("period_start", "provenance.key")

forecasts = root_list(EntityName.FORECAST, Sort("period_start"))
"""A page of forecasts."""


async def of_items(
    context: RequestContext,
    parents: Sequence[Item],
    asked: Asked,
    *,
    from_: date | None = None,
    to: date | None = None,
    location: str | None = None,
) -> list[Any]:
    """What is forecast of each item in periods that overlap the days [`from_`, `to`)."""
    criteria = overlapping(from_, to, () if location is None else (location,))
    found = await pointing_here(
        context,
        EntityName.FORECAST,
        "item",
        [p.sku for p in parents],
        Asked(asked.columns | {"period_start"}),
        criteria=criteria,
    )
    return [sorted(f, key=_BY_PERIOD) if isinstance(f, list) else f for f in found]


def overlapping(from_: date | None, to: date | None, locations: Sequence[str]) -> Criteria:
    """Criteria of forecasts whose period has a day in common with [from_, to).

    Raises:
        InvalidInputError: if the days are the wrong way round.
    """
    if from_ is not None and to is not None and from_ >= to:
        raise InvalidInputError(f"`from` ({from_}) must be before `to` ({to}), which is exclusive")
    criteria: list[Condition] = []
    if from_ is not None:
        # period_end is exclusive: the period must end after `from_`.
        criteria.append(Condition("period_end", Op.RANGE, Range(gte=_next_day(from_))))
    if to is not None:
        criteria.append(Condition("period_start", Op.RANGE, Range(lt=to)))
    if locations:
        criteria.append(Condition("location", Op.IN, tuple(sorted(set(locations)))))
    return tuple(criteria)


def _next_day(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
