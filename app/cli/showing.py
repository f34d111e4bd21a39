"""Events and dead letters on the terminal: a line each for people, or data for programs."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import typer

from app.cli.printing import print_data
from canonical.dead_letters import DeadLetter
from canonical.events import Event, encode_data

_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)), "�")


def show_events(events: Sequence[Event], *, as_json: bool) -> None:
    """Print events, a line each."""
    for event in events:
        if as_json:
            print_data(event_data(event), as_json=True)
        else:
            typer.echo(event_line(event))


def event_line(event: Event) -> str:
    """An event for people: when, where in the log, what, about what, and what it says."""
    said = encode_data(event.data).decode()
    late = "" if event.applied else " (too late to count)"
    what = f"{event.stream.value}#{event.position} {event.kind.name}{late}"
    when = f"{event.recorded_at or event.occurred_at:%Y-%m-%d %H:%M:%S%z}"
    return clean(f"{when}  {what}  {event.business_key}  {event.system}  {said}")


def event_data(event: Event) -> dict[str, Any]:
    """All of an event."""
    data = msgspec.structs.asdict(event)
    return data | {"stream": event.stream.value, "data": msgspec.Raw(encode_data(event.data))}


def letter_line(letter: DeadLetter) -> str:
    """A dead letter for people, without what came."""
    when = f"{letter.received_at:%Y-%m-%d %H:%M:%S%z}"
    return clean(
        f"{letter.letter_id}  {when}  {letter.status.value}  {letter.system} by {letter.way}  "
        f"{letter.size} bytes  {letter.reason}: {letter.message}"
    )


def letter_data(letter: DeadLetter, *, with_body: bool) -> dict[str, Any]:
    """All of a dead letter; what came as text, and where it is none in Base64."""
    data = msgspec.structs.asdict(letter)
    del data["body"]
    if with_body:
        try:
            data["body"] = letter.body.decode()
        except UnicodeDecodeError:
            data["body_base64"] = letter.body
    return data


def clean(text: str) -> str:
    """Text that leaves the terminal alone, whatever a system has sent."""
    return text.translate(_CONTROLS)
