"""Events as rows of the log and as bytes on the way between processes."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any, Final

import msgspec

from canonical.events import Event, decode_data, encode_data
from runtime.store.tables import EVENTS

COLUMNS: Final = tuple(
    getattr(EVENTS.c, name)
    for name in (
        "event_id",
        "position",
        "type",
        "system",
        "source_event_id",
        "key",
        "subjects",
        "correlation_id",
        "occurred_at",
        "recorded_at",
        "applied",
        "traceparent",
        "data",
    )
)
"""What `event_of` wants, in its order."""

_packed: Final = msgspec.msgpack.Encoder()
_SUBJECTS: Final = msgspec.json.Decoder(tuple[str, ...])
_Row = tuple[
    str,
    int,
    str,
    str,
    str,
    str,
    tuple[str, ...],
    str,
    datetime,
    datetime | None,
    bool,
    str | None,
    bytes,
]
_unpack: Final = msgspec.msgpack.Decoder(list[_Row])


def new_id(moment: datetime, random: Random) -> str:
    """An id that nobody else has, and that sorts by time: a UUID of version 7."""
    milliseconds = int(moment.timestamp() * 1000)
    bits = random.getrandbits(74)
    number = (milliseconds << 80) | (0x7 << 76) | ((bits >> 62) << 64)
    text = f"{number | (0b10 << 62) | (bits & ((1 << 62) - 1)):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def row_of(event: Event) -> dict[str, Any]:
    """An event as a row of the table."""
    return {
        "stream": event.stream.value,
        "position": event.position,
        "event_id": event.event_id,
        "type": event.type,
        "system": event.system,
        "source_event_id": event.source_event_id,
        "key": event.key,
        "subjects": msgspec.json.encode(event.subjects).decode(),
        "correlation_id": event.correlation_id,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "applied": event.applied,
        "traceparent": event.traceparent,
        "data": encode_data(event.data).decode(),
    }


def event_of(row: Sequence[Any]) -> Event:
    """The event of a row that begins with `COLUMNS`."""
    return _event(row, _SUBJECTS.decode(row[6]), row[12].encode())


def _event(row: Sequence[Any], subjects: tuple[str, ...], data: bytes) -> Event:
    return Event(
        event_id=row[0],
        position=row[1],
        type=row[2],
        system=row[3],
        source_event_id=row[4],
        key=row[5],
        subjects=subjects,
        correlation_id=row[7],
        occurred_at=row[8],
        recorded_at=row[9],
        applied=row[10],
        traceparent=row[11],
        data=decode_data(row[2], data),
    )


def packed(events: Sequence[Event]) -> bytes:
    """Events for another process."""
    return _packed.encode(
        [
            (
                e.event_id,
                e.position,
                e.type,
                e.system,
                e.source_event_id,
                e.key,
                e.subjects,
                e.correlation_id,
                e.occurred_at,
                e.recorded_at,
                e.applied,
                e.traceparent,
                encode_data(e.data),
            )
            for e in events
        ]
    )


def unpacked(content: bytes) -> list[Event]:
    """Read what `packed` made.

    Raises:
        msgspec.MsgspecError: it is not that.
        KeyError: it has an event of a type that this release does not know.
    """
    return [_event(row, row[6], row[12]) for row in _unpack.decode(content)]
