"""Processes as people look at them: which there are, how far they have come, how long they take.

Suppliers see none. Who is bound to regions or companies sees those that name some and none but
theirs: what names none might be about any.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from canonical.errors import InvalidInputError, RefusedError, UnsupportedError
from canonical.exceptions import named
from canonical.processes import (
    Processes,
    ProcessFilter,
    ProcessTime,
    ProcessTimesAsked,
    ProcessView,
    TimesBy,
)
from execution.fields import Asked
from loaders.lists import Listed
from resolvers.connections import Connection, page_size
from resolvers.context import RequestContext
from resolvers.visibility import admitted, sees_everything

_ALL: Final = ProcessFilter()


async def processes(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: ProcessFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> list[Connection]:
    """A page of processes, the latest begun first."""
    port = _port(context)
    regions, companies = _territory(context)
    wanted = replace(filter or _ALL, regions=regions, companies=companies)
    found = await port.page(wanted, first=page_size(first, context), after=after)
    shown: Sequence[Any] = found.processes
    cursors = [each.process_id for each in found.processes]
    listed = Listed(shown, cursors, found.more, found.total, (), after is not None)
    return [Connection(listed, shown) for _ in parents]


async def process(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, id: str
) -> list[ProcessView | None]:
    """The process with an id; None if it is not there or may not be seen."""
    found = (await _port(context).by_ids([id])).get(id)
    shown = found if found is not None and _may_see(context, found) else None
    return [shown for _ in parents]


async def process_times(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    kind: str,
    by: TimesBy,
    since: datetime,
    until: datetime | None = None,
    step: str | None = None,
) -> list[Sequence[ProcessTime]]:
    """How long processes of a kind took that ended in some time, or one step of them."""
    port = _port(context)
    end = until or context.now
    if end <= since:
        raise InvalidInputError("`until` must be later than `since`")
    regions, companies = _territory(context)
    found = await port.times(
        ProcessTimesAsked(
            kind=kind,
            step=step,
            since=since,
            until=end,
            by=by,
            regions=regions,
            companies=companies,
        )
    )
    return [found for _ in parents]


def _port(context: RequestContext) -> Processes:
    """The processes, if the caller may look at them. Nothing of them is shared or kept."""
    context.operation.personal = True
    if not sees_everything(context.caller):
        raise RefusedError("suppliers may not see process data")
    port = context.processing.processes
    if port is None:
        raise UnsupportedError("this installation runs no processes")
    return port


def _territory(
    context: RequestContext,
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The regions and the companies that a caller is bound to; None for all."""
    territory = context.reads.context.territory
    regions, companies = territory.regions, territory.companies
    return (
        None if regions is None else tuple(sorted(regions)),
        None if companies is None else tuple(sorted(companies)),
    )


def _may_see(context: RequestContext, view: ProcessView) -> bool:
    territory = context.reads.context.territory
    return admitted(named(view.subjects, "region"), territory.regions) and admitted(
        named(view.subjects, "company"), territory.companies
    )
