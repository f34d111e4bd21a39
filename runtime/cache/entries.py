"""What the cache holds under a key, and its form in Redis: one MessagePack document.

    +------+--------+-----------------+-----------------+------+---------+
    | 0x95 | FORMAT | 0xcb fetched_at | 0xcb expires_at | note | content |
    |      | 1 byte | 8 bytes, float  | 8 bytes, float  | text | of kind |
    +------+--------+-----------------+-----------------+------+---------+

It begins with a fixed head, so that a process sees how old an entry is without moving what it
holds. Within a process entries stand decoded, as the values that their kind makes of them.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

import msgspec

FORMAT: Final = 2
_HEAD: Final = struct.Struct(">BBBdBd")
HEAD_SIZE: Final = _HEAD.size
_ARRAY_OF_FIVE: Final = 0x95
_FLOAT: Final = 0xCB
MEMORY_PER_BYTE: Final = 7
# Measured with tracemalloc: records of all entities, narrow and wide, take 3 to 8 bytes of memory
# for each byte that they are encoded in.

_encode: Final = msgspec.msgpack.Encoder(decimal_format="string").encode


class Dated(Protocol):
    """What an entry is, whatever its kind."""

    @property
    def fetched_at(self) -> float:
        """When its oldest part was read from its system, in seconds since the epoch."""


T = TypeVar("T", bound=Dated)


class Kind(Generic[T]):
    """How values of one kind stand in Redis, and what they weigh in memory.

    Args:
        content: Type of what is encoded; MessagePack tells it back exactly.
        taken: A value's note (a short text) and content.
        made: The value again, of its moment, note and content.
        weight: Memory of a value in bytes, nearly, where it has not been encoded.
    """

    def __init__(
        self,
        content: Any,
        taken: Callable[[T], tuple[str, Any]],
        made: Callable[[float, str, Any], T],
        weight: Callable[[T], int],
    ) -> None:
        document: Any = tuple[Literal[2], float, float, str, content]
        self._decode = msgspec.msgpack.Decoder(document).decode
        self._taken = taken
        self._made = made
        self.weight = weight

    def encode(self, value: T, expires_at: float) -> bytes:
        """The form of a value in Redis."""
        note, content = self._taken(value)
        return _encode((FORMAT, float(value.fetched_at), float(expires_at), note, content))

    def decode(self, data: bytes) -> tuple[T, float] | None:
        """The value and when it expires, or None if the bytes are not of our making."""
        try:
            _, fetched_at, expires_at, note, content = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return self._made(fetched_at, note, content), expires_at


def memory_of(data: bytes) -> int:
    """Memory that a value takes which is encoded so, nearly."""
    return MEMORY_PER_BYTE * len(data)


def fetched_at(head: bytes) -> float | None:
    """When an entry was read from its system, told from its first bytes; None if it is not one."""
    if len(head) < HEAD_SIZE:
        return None
    array, form, mark, at, other_mark, _ = _HEAD.unpack_from(head)
    ours = (_ARRAY_OF_FIVE, FORMAT, _FLOAT, _FLOAT)
    return float(at) if (array, form, mark, other_mark) == ours else None


class Entry(msgspec.Struct, frozen=True):
    """Bytes that the cache does not look into.

    Attributes:
        fetched_at: As `Dated.fetched_at`.
        columns: What the bytes know of.
        payload: The bytes.
    """

    fetched_at: float
    columns: frozenset[str]
    payload: bytes


@lru_cache(maxsize=1024)
def names_in(note: str) -> frozenset[str]:
    """The names in a note; few sets of names exist, and many entries share each."""
    return frozenset(note.split())


@lru_cache(maxsize=1024)
def note_of(names: frozenset[str]) -> str:
    """A note of names, of which none holds a space."""
    return " ".join(sorted(names))


BYTES: Final[Kind[Entry]] = Kind(
    bytes,
    taken=lambda entry: (note_of(entry.columns), entry.payload),
    made=lambda at, note, payload: Entry(at, names_in(note), payload),
    weight=lambda entry: len(entry.payload),
)
"""Entries that are bytes."""
