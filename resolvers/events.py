"""Events as they are shown: what they say themselves, and the records that they are about.

Records are read when an event is shown, for all events that are shown together, within what the
caller may see.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from canonical.absent import is_absent
from canonical.criteria import columns_of
from canonical.entities import EntityName
from canonical.errors import NotFoundError, UnsupportedError
from canonical.event_streams import OwnStream
from canonical.events import THRESHOLD_RECOVERED, Event
from canonical.exception_events import ExceptionChanged
from execution.fields import Asked, BatchResolver
from execution.links import answered
from execution.operation import Partial
from loaders.catalog import EVERYWHERE, Territory
from resolvers.context import RequestContext
from resolvers.places import where
from resolvers.reading import SystemKey, by_reference
from resolvers.visibility import admitted, may_hear, rules

_STATUS = Asked(frozenset({"status"}))


class Shown(Struct, frozen=True):
    """An event as a subscription sees it: the value of the root field.

    Attributes:
        event: What happened.
        cursor: Where a reader who has seen it goes on, as clients pass it back in `after`.
        snapshot: Whether it is no event but what was so already, told before the first one.
    """

    event: Event
    cursor: str
    snapshot: bool = False


def subjects(entity: EntityName) -> BatchResolver:
    """The resolver of the record that each event is about: as its system has it now.

    A record that is not there, or that the caller may not see, is an error of its event.
    """

    async def read(context: RequestContext, parents: Sequence[Shown], asked: Asked) -> list[Any]:
        references = [(p.event.system, p.event.key) for p in parents]
        found = await by_reference(context, entity, references, asked)
        return [_gone(p.event) if r is None else r for p, r in zip(parents, found, strict=True)]

    return read


async def told_of(context: RequestContext, events: Sequence[Event]) -> list[Event]:
    """Of some events those that a caller may be told of, with all that they say."""
    return await seen_of(context, [e for e in events if may_hear(e, context)])


async def seen_of(context: RequestContext, events: Sequence[Event]) -> list[Event]:
    """Of some events those about records where a caller may look.

    Who is bound to regions or companies, or sees forecasts only so many weeks ahead, is told of
    what happened to records that it may see. Where nobody is bound nothing is read for it.
    """
    streams = {e.stream for e in events}
    late = context.forecast_weeks is not None and EntityName.FORECAST in streams
    territory = context.reads.context.territory
    if territory == EVERYWHERE and not late:
        return list(events)
    seen: set[tuple[str, str, str]] = set()
    for stream in streams:
        alike = [e for e in events if e.stream is stream]
        if isinstance(stream, OwnStream):
            seen.update((stream, e.system, e.key) for e in alike if _within(territory, e.data))
            continue
        references = dict.fromkeys((e.system, e.key) for e in alike)
        seen.update((stream, *r) for r in await _seen(context, stream, list(references)))
    return [e for e in events if (e.stream, e.system, e.key) in seen]


def _within(territory: Territory, data: ExceptionChanged) -> bool:
    return admitted(data.regions, territory.regions) and admitted(
        data.companies, territory.companies
    )


async def _seen(
    context: RequestContext, stream: EntityName, references: Sequence[SystemKey]
) -> list[SystemKey]:
    """Which records, by system and key, a caller may see."""
    within = (*rules(context, stream), *await where(context, stream))
    if not within:
        catalog = context.reads.catalog
        supplies = catalog.supplies(stream) if catalog.has(stream) else ()
        systems = {s.system for s in supplies}
        return [r for r in references if r[0] in systems]
    found = await by_reference(context, stream, references, Asked(columns_of(within, ())))
    return [
        reference
        for reference, record in zip(references, found, strict=True)
        if record is not None and not isinstance(record, Exception)
    ]


_orders = subjects(EntityName.PURCHASE_ORDER)


async def order_status(
    context: RequestContext, parents: Sequence[Shown], asked: Asked
) -> list[Any]:
    """The status that each event of an order tells; the order's present one where it tells none."""
    silent = [p for p in parents if p.event.data.status is None]
    orders = iter(await answered(context, _orders, silent, _STATUS, {}) if silent else ())
    return [
        _status(p.event, next(orders)) if p.event.data.status is None else p.event.data.status
        for p in parents
    ]


def recovered(parents: Sequence[Shown]) -> list[bool]:
    """Whether stock came back above the threshold, event by event."""
    return [p.event.type == THRESHOLD_RECOVERED.type for p in parents]


def _status(event: Event, order: Any) -> Any:
    if isinstance(order, Partial):
        return Partial(_status(event, order.value), order.problems)
    if isinstance(order, Exception):
        return order
    if is_absent(order.status):
        return UnsupportedError(f"{event.system} does not supply 'status'; map it in the manifest")
    return order.status


def _gone(event: Event) -> NotFoundError:
    kind = event.stream.value.replace("_", " ")
    return NotFoundError(
        f"the {kind} that this event is about is not in {event.system} any more, "
        f"or you may not see it"
    )
