"""Locations: lists, lookups, and what is stocked there."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Condition, Criteria, Op, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.locations import Location
from execution.fields import Asked
from execution.operation import Partial
from resolvers.connections import EMPTY, connection, page_or_error, page_size
from resolvers.context import RequestContext
from resolvers.reading import (
    by_name,
    listed,
    narrowed,
    pointing_here,
    reference_to,
    root_list,
    sought,
)
from resolvers.visibility import refusal


async def location(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    code: str,
    max_staleness: int | None = None,
) -> list[Any]:
    """The location with a code."""
    found = await sought(context, EntityName.LOCATION, code, asked, max_staleness)
    return [found for _ in parents]


locations = root_list(EntityName.LOCATION, Sort("code"))
"""A page of locations."""


async def locations_of(context: RequestContext, parents: Sequence[Any], asked: Asked) -> list[Any]:
    """The location that each parent points at, if any."""
    return await by_name(context, EntityName.LOCATION, [p.location for p in parents], asked)


locations_named = reference_to(EntityName.LOCATION, lambda parents: [p.location for p in parents])
"""What parents tell of the locations that they point at."""


async def inventory_of(
    context: RequestContext,
    parents: Sequence[Location],
    asked: Asked,
    *,
    filter: Criteria = (),
    first: int | None = None,
    after: str | None = None,
) -> list[Any]:
    """A page of what is stocked at each location, by item."""
    refused = refusal(EntityName.INVENTORY, context.caller)
    if refused is not None:
        return [Partial(EMPTY, (refused,)) for _ in parents]
    order = (Sort("item"),)
    if len(parents) == 1:
        own = (*filter, Condition("location", Op.IN, (parents[0].code,)))
        return [
            await listed(
                context,
                EntityName.INVENTORY,
                asked,
                criteria=own,
                order=order,
                first=first,
                after=after,
            )
        ]
    size = page_size(first, context)
    wanted = Asked(asked.columns | {"item", "location"} | {c.column for c in filter})
    codes = [p.code for p in parents]
    found = await pointing_here(
        context, EntityName.INVENTORY, "location", codes, wanted, criteria=filter
    )
    answers: list[Any] = []
    for code, positions in zip(codes, found, strict=True):
        criteria = (*filter, Condition("location", Op.IN, (code,)))
        criteria = await narrowed(context, EntityName.INVENTORY, criteria)
        page = page_or_error(EntityName.INVENTORY, positions, criteria, order, (size, after))
        answers.append(page if isinstance(page, InvalidInputError) else connection(page))
    return answers
