"""Replenishment recommendations: lists."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from execution.links import Asked
from resolvers.context import RequestContext
from resolvers.reading import listed


async def recommendations(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: Criteria = (),
    first: int | None = None,
    after: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """A page of recommendations, by the day on which the goods are needed."""
    context.reads.context.demand(max_staleness)
    page = await listed(
        context,
        EntityName.RECOMMENDATION,
        asked,
        criteria=filter,
        order=(Sort("need_by"),),
        first=first,
        after=after,
    )
    return [page for _ in parents]
