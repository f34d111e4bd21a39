"""Cursors: for each system the position of the last record shown.

A position is the record's sort values and key, not a count: rows that are added or removed
meanwhile move nothing. A cursor belongs to the question that it came from (filter, order, who may
see what) and is refused with any other.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, get_args, get_type_hints, overload

import msgspec
from typing_extensions import override

from canonical.criteria import Sort
from canonical.entities import ENTITIES, EntityName
from canonical.errors import InvalidInputError

Position = tuple[Any, ...]

_MAX_LENGTH: Final = 8_192
_FOREIGN: Final = (
    "`after` is not a cursor of this service: pass a `cursor` or `endCursor` exactly as "
    "it was read, or leave it out to start from the beginning"
)


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


class Cursors(Sequence[str]):
    """A page's cursors, each written when it is looked at.

    Args:
        question: Digest of the list's criteria and order.
        count: How many.
        positions_at: Positions, by system, that the cursor of a row holds.
    """

    def __init__(
        self, question: str, count: int, positions_at: Callable[[int], Mapping[str, Position]]
    ) -> None:
        self._question = question
        self._count = count
        self._positions_at = positions_at

    @override
    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    @override
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        rows = range(self._count)[at]
        return self._written(rows) if isinstance(rows, int) else [self._written(i) for i in rows]

    def _written(self, row: int) -> str:
        return encode_cursor(Cursor(self._question, self._positions_at(row)))


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as clients see it: URL-safe base64 of MessagePack."""
    wire = _Wire(cursor.question, {s: encode_position(p) for s, p in cursor.positions.items()})
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(wire)).rstrip(b"=").decode()


def decode_cursor(text: str, question: str, entity: EntityName, order: Sequence[Sort]) -> Cursor:
    """Read a cursor.

    Args:
        text: As a client sent it.
        question: Digest of the list's criteria and order.
        entity: What is listed.
        order: By which columns.

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
        raise InvalidInputError(_FOREIGN) from exc
    if wire.question != question:
        raise InvalidInputError(
            "`after` comes from a list with another filter or order: repeat both as they were, "
            "or leave `after` out to start from the beginning"
        )
    kinds = [_kinds(entity, sort.column) for sort in order]
    if not all(_fits(position, kinds) for position in positions.values()):
        raise InvalidInputError(_FOREIGN)
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


@cache
def _kinds(entity: EntityName, column: str) -> frozenset[type]:
    """Types that a column's values have in a cursor."""
    hint = get_type_hints(ENTITIES[entity].record)[column]
    return frozenset(
        next((k for k in (str, datetime, date, Decimal, int) if issubclass(t, k)), t)
        for t in (get_args(hint) or (hint,))
    )


def _fits(position: Position, kinds: Sequence[frozenset[type]]) -> bool:
    *values, key = position or (None,)
    return (
        isinstance(key, str)
        and len(values) == len(kinds)
        and all(value is None or type(value) in k for value, k in zip(values, kinds, strict=True))
    )


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
            return _finite(Decimal(text))
        case "i":
            return int(text)
    raise ValueError(kind)


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError(number)
    return number
