"""Where records are: who is bound to regions sees the locations there, and what is at them.

A source in a region has nothing but what is there. Of the others, records with a location are seen
by the codes of the locations that may be seen, which are read once for an operation.
"""

import asyncio
from typing import Final

from canonical.completeness import State
from canonical.criteria import Condition, Criteria, Op
from canonical.entities import EntityName
from canonical.errors import UnsupportedError
from canonical.locations import Location
from loaders.lists import ListQuestion
from resolvers.context import RequestContext
from resolvers.visibility import rules

_PLACED: Final = frozenset(
    {EntityName.INVENTORY, EntityName.FORECAST, EntityName.RECEIPT, EntityName.RECOMMENDATION}
)
_LOCATION: Final = EntityName.LOCATION
_PAGE: Final = 1_000
_MOST_PAGES: Final = 10


async def where(context: RequestContext, entity: EntityName) -> Criteria:
    """What records must satisfy because of where they are; often nothing.

    Raises:
        UnavailableError: if a system that knows of locations could not be asked.
        UnsupportedError: if there are too many locations.
    """
    catalog = context.reads.catalog
    if context.reads.context.territory.regions is None or entity not in _PLACED:
        return ()
    if not catalog.has(entity) or all(s.region is not None for s in catalog.supplies(entity)):
        return ()
    reading = context.operation.once("locations", lambda: asyncio.ensure_future(_codes(context)))
    return (Condition("location", Op.IN, await asyncio.shield(reading)),)


async def _codes(context: RequestContext) -> tuple[str, ...]:
    """Codes of all locations that a caller may see, sorted."""
    if not (context.reads.context.territory.regions and context.reads.catalog.has(_LOCATION)):
        return ()
    supplies = context.reads.catalog.supplies(_LOCATION)
    knowing = frozenset(s.system for s in supplies if "region" in s.columns)
    criteria, after, codes = rules(context, _LOCATION), None, set[str]()
    columns = frozenset({"code", "region"})
    for _ in range(_MOST_PAGES):
        question = ListQuestion(_LOCATION, columns, _PAGE, criteria, (), after, systems=knowing)
        page = await context.reads.page(question)
        for part in page.contributions:
            if part.problem is not None and part.state is State.MISSING:
                raise part.problem
        codes.update(r.code for r in page.records if isinstance(r, Location))
        if not page.more:
            return tuple(sorted(codes))
        after = page.cursors[-1]
    raise UnsupportedError(
        f"there are more than {_PAGE * _MOST_PAGES} locations in your regions: ask about one source"
    )
