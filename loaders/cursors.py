"""Cursors: for each system the position of the last record shown.

A position is the record's sort values and key, not a count: rows that are added or removed
meanwhile move nothing. A cursor belongs to the question that it came from (filter, order, who may
see what) and is refused with any other.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from canonical.errors import InvalidInputError

Position = tuple[Any, ...]

_MAX_LENGTH: Final = 8_192


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a list stands.

    Attributes:
        question: Digest of the list's criteria and order.
        positions: Last position shown, by system; systems of which nothing was shown yet are left
            out.
    """

    question: str
    positions: Mapping[str, Position]


class _Wire(msgspec.Struct, frozen=True, array_like=True):
    question: str
    positions: dict[str, list[tuple[str, str]]]


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as clients see it: URL-safe base64 of MessagePack."""
    wire = _Wire(cursor.question, {s: encode_position(p) for s, p in cursor.positions.items()})
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(wire)).rstrip(b"=").decode()


def decode_cursor(text: str, question: str) -> Cursor:
    """Read a cursor.

    Raises:
        InvalidInputError: if it is none of ours, or comes from another list.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        packed = base64.b64decode(padded, altchars=b"-_", validate=True)
        wire = msgspec.msgpack.decode(packed, type=_Wire)
        positions = {s: decode_position(p) for s, p in wire.positions.items()}
    except (ValueError, InvalidOperation, binascii.Error, msgspec.MsgspecError) as exc:
        raise InvalidInputError(
            "`after` is not a cursor of this service: pass a `cursor` or `endCursor` exactly as "
            "it was read, or leave it out to start from the beginning"
        ) from exc
    if wire.question != question:
        raise InvalidInputError(
            "`after` comes from a list with another filter or order: repeat both as they were, "
            "or leave `after` out to start from the beginning"
        )
    return Cursor(wire.question, positions)


def encode_position(position: Position) -> list[tuple[str, str]]:
    """A position in a form that keeps the type of every value."""
    return [_written(v) for v in position]


def decode_position(written: Sequence[tuple[str, str]]) -> Position:
    """A position from its written form.

    Raises:
        ValueError: if it is none.
    """
    return tuple(_read(kind, text) for kind, text in written)


def _written(value: Any) -> tuple[str, str]:
    match value:
        case None:
            return ("n", "")
        case str():
            return ("s", value)
        case datetime():
            return ("t", value.isoformat())
        case date():
            return ("d", value.isoformat())
        case Decimal():
            return ("m", str(value))
        case int():
            return ("i", str(value))
    raise TypeError(f"no order goes by {type(value).__name__}")


def _read(kind: str, text: str) -> Any:
    match kind:
        case "n":
            return None
        case "s":
            return text
        case "t":
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError(text)
            return moment
        case "d":
            return date.fromisoformat(text)
        case "m":
            return Decimal(text)
        case "i":
            return int(text)
    raise ValueError(kind)
