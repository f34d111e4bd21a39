"""Cursors of events: a stream, and a place in it. Any process can go on from one.

To clients they are opaque; the first part says how the rest is written, should that ever change.
"""

import base64
import binascii
from typing import Final

from canonical.errors import InvalidInputError
from canonical.event_streams import StreamName
from canonical.events import stream_of

_VERSION: Final = "1"
_MAX_LENGTH: Final = 64
_MAX_POSITION: Final = 2**63
_FOREIGN: Final = (
    "`after` is not a cursor of this service: pass the `cursor` of an event exactly as it was "
    "received, or leave it out to hear only what happens from now on"
)


class CursorTooOldError(InvalidInputError):
    """What came after the cursor is no longer kept."""

    code = "CURSOR_TOO_OLD"

    def __init__(self, stream: StreamName) -> None:
        super().__init__(
            f"`after` is too old: not all {_words(stream)} events since then are kept. "
            "Subscribe with `snapshot: true` instead, or read the list anew and subscribe "
            "without `after`"
        )


def encode_cursor(stream: StreamName, position: int) -> str:
    """The cursor of a place in a stream: at most 44 characters of URL-safe base64."""
    text = f"{_VERSION}:{stream.value}:{position}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(text: str, stream: StreamName) -> int:
    """The position that a cursor of a stream stands for.

    Raises:
        InvalidInputError: if it is none of ours, or of another stream.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        version, name, digits = plain.split(":")
        if version != _VERSION or not digits.isdecimal() or int(digits) >= _MAX_POSITION:
            raise ValueError
        found = stream_of(name)
    except (ValueError, binascii.Error) as exc:
        raise InvalidInputError(_FOREIGN) from exc
    if found is not stream:
        raise InvalidInputError(
            f"`after` is a cursor of {_words(found)} events, and this is about "
            f"{_words(stream)} events: each subscription field has its own cursors"
        )
    return int(digits)


def _words(stream: StreamName) -> str:
    return stream.value.replace("_", " ")
