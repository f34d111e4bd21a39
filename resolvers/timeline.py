"""What happened to an order, to an item, in a case: across systems, in the order of occurrence."""

import base64
import binascii
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError, UnsupportedError
from canonical.events import Event, subject
from execution.fields import Asked
from execution.operation import Partial
from loaders.lists import Listed
from resolvers.connections import Connection, page_size
from resolvers.context import RequestContext
from resolvers.events import told_of
from resolvers.reading import by_reference, pointing_here

MOST_EVENTS: Final = 5_000
"""Most events of one subject that a timeline reaches back."""

_NUMBER: Final = Asked(frozenset({"number"}))
Place = tuple[datetime, str, int]
"""Where an event stands in a timeline; events of one moment in the order of their streams."""


async def timeline(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    purchase_order: str | None = None,
    item: str | None = None,
    correlation_id: str | None = None,
    system: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> list[Any]:
    """A page of a timeline, of what the caller may see of it.

    Raises:
        InvalidInputError: if it is not about one thing, or `first` or `after` is wrong.
    """
    context.caller  # noqa: B018  # refuses who has not said who they are
    if [purchase_order, item, correlation_id].count(None) != 2:  # noqa: PLR2004  # one of the three
        raise InvalidInputError("name one of `purchaseOrder`, `item` and `correlationId`")
    size, start = page_size(first, context), None if after is None else _read(after)
    context.reads.context.journal.rests_on((), good_until=0, oldest_at=context.now.timestamp())
    problems: list[SupplygraphError] = []
    if purchase_order is not None:
        events = await _of_order(context, purchase_order, problems)
    elif item is not None:
        events = await _of_subjects(context, {subject(EntityName.ITEM, item)}, problems)
    else:
        found = await context.history.of_correlation(correlation_id or "", limit=MOST_EVENTS + 1)
        events = _bounded(found, problems)
    told = await told_of(context, [e for e in events if system in (None, e.system)])
    page = _page(sorted(told, key=_place), size, start)
    return [Partial(page, tuple(problems)) if problems else page for _ in parents]


async def orders_of(context: RequestContext, parents: Sequence[Event], asked: Asked) -> list[Any]:
    """The order that each event is about, if it is about one that is there and may be seen."""
    references = [_order_of(e) for e in parents]
    return await by_reference(context, EntityName.PURCHASE_ORDER, references, asked)


async def _of_order(
    context: RequestContext, number: str, problems: list[SupplygraphError]
) -> Sequence[Event]:
    """Events about orders with a number: those that call it by its number, or by its key."""
    [found] = await pointing_here(context, EntityName.PURCHASE_ORDER, "number", [number], _NUMBER)
    if isinstance(found, Partial):
        problems += found.problems
        found = found.value
    order, keys = EntityName.PURCHASE_ORDER, [o.provenance for o in found]
    systems = {subject(order, k.key): {k.system} for k in keys if k.key != number}
    named = subject(order, number)
    events = await _of_subjects(context, {named, *systems}, problems)
    return [
        e
        for e in events
        if named in e.subjects or any(e.system in systems.get(s, ()) for s in e.subjects)
    ]


async def _of_subjects(
    context: RequestContext, subjects: Collection[str], problems: list[SupplygraphError]
) -> Sequence[Event]:
    found = await context.history.of_subjects(subjects, newest=MOST_EVENTS + 1)
    every = [_bounded(events, problems) for events in found.values()]
    return list({e.event_id: e for events in every for e in events}.values())


def _bounded(events: Sequence[Event], problems: list[SupplygraphError]) -> Sequence[Event]:
    if len(events) > MOST_EVENTS:
        message = f"a timeline has at most {MOST_EVENTS} events, and here there are more"
        problems.append(UnsupportedError(f"{message}: ask about something smaller"))
    return events[-MOST_EVENTS:]


def _order_of(event: Event) -> tuple[str, str] | None:
    if event.stream is EntityName.PURCHASE_ORDER:
        return event.system, event.key
    key = event.data.purchase_order if event.stream is EntityName.RECEIPT else None
    return None if key is None else (event.system, key)


def _page(events: Sequence[Event], size: int, start: Place | None) -> Connection:
    rest = events if start is None else [e for e in events if _place(e) > start]
    shown: Sequence[Any] = rest[:size]
    cursors = [_written(e) for e in shown]
    more, started = len(rest) > size, start is not None
    return Connection(Listed(shown, cursors, more, len(events), (), started), shown)


def _place(event: Event) -> Place:
    return event.occurred_at, event.stream.value, event.position


def _written(event: Event) -> str:
    at, stream, position = _place(event)
    text = f"{at.isoformat()}|{stream}|{position}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read(cursor: str) -> Place:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        at, stream, position = plain.split("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
        return moment, stream, int(position)
    except (ValueError, binascii.Error) as exc:
        raise InvalidInputError(
            "`after` is not a cursor of this timeline: pass one exactly as it was read"
        ) from exc
