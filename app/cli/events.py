"""`supplygraph events`: what happened, as it is in the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.dead_letters import dead_letters
from app.cli.opening import actor, operating
from app.cli.options import DEFAULT_MANIFEST, AsJSON, Manifest
from app.cli.printing import print_data

if TYPE_CHECKING:
    from canonical.event_streams import StreamName
    from canonical.events import Event
    from runtime.events.ledger import Ledger

events = typer.Typer(
    name="events",
    help="Look into the log of events, give some once more, and decide on dead letters.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
events.add_typer(dead_letters)
Since = Annotated[
    str | None,
    typer.Option(help="Only what was recorded from this moment on: ISO 8601 with zone."),
]
_CHUNK: Final = 500
_LOOK_S: Final = 0.5


@events.command()
def tail(
    manifest: Manifest = DEFAULT_MANIFEST,
    stream: Annotated[
        list[str] | None, typer.Option(help="Only this stream, as `purchase_order`; may repeat.")
    ] = None,
    type_name: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only this type, whole or as `status_changed`; may repeat."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only what is about this, as `purchase_order:4500001`.")
    ] = None,
    since: Since = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Begin with so many of each stream.")
    ] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Print the last events, each stream in its order; with --follow those too that come."""
    from app.cli.showing import show_events

    streams, types, moment = _streams(stream or []), _types(type_name or []), _instant(since)

    def wanted(event: "Event") -> bool:
        return (not types or event.type in types) and (subject is None or subject in event.subjects)

    async def work() -> None:
        async with operating(manifest) as desk:
            after = await _starts(desk.ledger, streams, lines, moment)
            async for found in _tailed(desk.ledger, after, follow=follow):
                show_events([event for event in found if wanted(event)], as_json=as_json)

    asyncio.run(work())


@events.command()
def show(
    manifest: Manifest = DEFAULT_MANIFEST,
    event_id: Annotated[list[str] | None, typer.Argument(help="Ids of events.")] = None,
    correlation: Annotated[
        str | None, typer.Option(help="All that has this correlation id.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="All that is about this, as `purchase_order:4500001`.")
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Print events whole, by id, correlation id or what they are about."""
    from app.cli.showing import event_data
    from canonical.errors import NotFoundError

    if not event_id and correlation is None and subject is None:
        raise typer.BadParameter("say which: an event's id, --correlation or --subject")

    async def find() -> list["Event"]:
        async with operating(manifest) as desk:
            found = dict(await desk.ledger.by_ids(event_id or []))
            more: list[Event] = []
            if correlation is not None:
                more += await desk.ledger.of_correlation(correlation)
            if subject is not None:
                more += (await desk.ledger.of_subjects([subject]))[subject]
            return list((found | {event.event_id: event for event in more}).values())

    found = asyncio.run(find())
    if not found:
        raise NotFoundError("the log has no such event; it may be older than what is kept")
    for event in found:
        print_data(event_data(event), as_json=as_json)


@events.command()
def replay(
    consumer: Annotated[str, typer.Option(help="Who is given them: `caches`.")],
    manifest: Manifest = DEFAULT_MANIFEST,
    event_id: Annotated[list[str] | None, typer.Argument(help="Ids of events.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Those of this record, as `purchase_order:4500001`.")
    ] = None,
    type_name: Annotated[
        list[str] | None, typer.Option("--type", help="Those of this type; may repeat.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Those that happened from this moment on.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Those that happened before it.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many would be given.")
    ] = False,
) -> None:
    """Give events to one consumer once more, in order; all that is asked must hold."""
    from canonical.dead_letters import EventSelection

    types = _types(type_name or [])
    selection = EventSelection(
        ids=tuple(event_id) if event_id else None,
        business_key=key,
        types=tuple(sorted(types)) or None,
        since=_instant(since),
        until=_instant(until),
    )
    if selection == EventSelection():
        raise typer.BadParameter("say which: ids of events, --key, --type, --since or --until")

    async def work() -> None:
        async with operating(manifest) as desk:
            if dry_run:
                done = await desk.replays.preview(selection, consumer)
            else:
                done = await desk.replays.replay(selection, consumer, actor=actor())
        told = "would be given to" if dry_run else "given to"
        typer.echo(
            f"{done.given} {told} {consumer}; {done.left_out} left out by the rule of their type"
        )

    asyncio.run(work())


def _instant(text: str | None) -> datetime | None:
    """A moment that somebody typed."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is no moment with its zone; write 2026-03-01T12:00Z")
    return moment


async def _tailed(
    ledger: "Ledger", after: "dict[StreamName, int]", *, follow: bool
) -> AsyncIterator[Sequence["Event"]]:
    """Events behind a position of each stream, and if wanted those that come."""
    while True:
        quiet = True
        async for events in _news(ledger, after):
            quiet = False
            yield events
        if quiet and not follow:
            return
        if quiet:
            await asyncio.sleep(_LOOK_S)


async def _starts(
    ledger: "Ledger", streams: "Sequence[StreamName]", lines: int, moment: datetime | None
) -> "dict[StreamName, int]":
    """The position of each stream behind which to begin."""
    heads, after = await ledger.heads(), {}
    for name in streams:
        head, first = heads.get(name, 0), await ledger.oldest(name) - 1
        if moment is None:
            after[name] = max(head - lines, first)
        else:
            after[name] = await _before(ledger, name, (first, head), moment)
    return after


async def _before(
    ledger: "Ledger", stream: "StreamName", between: tuple[int, int], moment: datetime
) -> int:
    """The position behind which a stream's events were recorded at a moment or later."""
    low, high = between
    while low < high:
        middle = (low + high) // 2
        events = await ledger.read(stream, middle, 1)
        if events and (events[0].recorded_at or moment) < moment:
            low = middle + 1
        else:
            high = middle
    return low


async def _news(
    ledger: "Ledger", after: "dict[StreamName, int]"
) -> AsyncIterator[Sequence["Event"]]:
    """A chunk of each stream that has more; notes how far it has come."""
    for name, position in after.items():
        events = await ledger.read(name, position, _CHUNK)
        if events:
            after[name] = events[-1].position
            yield events


def _streams(names: list[str]) -> "Sequence[StreamName]":
    from canonical.events import STREAMS, stream_of

    known = [name.value for name in STREAMS]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"there is no stream {name!r}; there are {', '.join(known)}")
    return [stream_of(name) for name in dict.fromkeys(names)] or STREAMS


def _types(names: list[str]) -> set[str]:
    """Types by their whole names, or by what happened."""
    from canonical.events import EVENT_TYPES

    found: set[str] = set()
    for name in names:
        meant = {t.type for t in EVENT_TYPES.values() if name in (t.type, t.name)}
        if not meant:
            known = ", ".join(EVENT_TYPES)
            raise typer.BadParameter(f"there is no type {name!r}; there are {known}")
        found |= meant
    return found
