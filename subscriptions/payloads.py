"""What is sent for an event: the answer, with where it came from beside it; made once for all."""

from typing import Any, Final

import msgspec

from resolvers.events import Shown

_encode: Final = msgspec.json.Encoder().encode


def payload_of(answer: bytes, shown: Shown) -> bytes:
    """An execution result with its extensions.

    `correlationId`, `recordedAt` and, where the event came with one, its W3C `traceparent`; the
    present state has `snapshot: true` in their place.

    Args:
        answer: JSON of an object that is not empty.
        shown: What it is the answer for.
    """
    event = shown.event
    if shown.snapshot:
        told: dict[str, Any] = {"snapshot": True}
    else:
        told = {"correlationId": event.correlation_id, "recordedAt": event.recorded_at}
        if event.traceparent is not None:
            told["traceparent"] = event.traceparent
    return b"".join((answer[:-1], b',"extensions":', _encode(told), b"}"))


def failure(errors: bytes) -> bytes:
    """An execution result without data.

    Args:
        errors: JSON of the list of errors.
    """
    return b"".join((b'{"data":null,"errors":', errors, b"}"))
