"""What the cache holds under a key, and its form in Redis.

    +----------+----------------+-----------------+-------------------------------+
    | FORMAT   | fetched_at     | expires_at      | MessagePack: [columns, bytes] |
    | 1 byte   | 8 bytes, float | 8 bytes, float  |                               |
    +----------+----------------+-----------------+-------------------------------+

The fixed head lets a process see how old an entry is without moving what it holds.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

FORMAT: Final = 1
_HEAD: Final = struct.Struct(">Bdd")
HEAD_SIZE: Final = _HEAD.size


class Entry(msgspec.Struct, frozen=True):
    """Records as a loader keeps them.

    Attributes:
        fetched_at: When the oldest part of it was read from its system, in seconds since the epoch.
        columns: Columns that the records in it know. Entries that come out of the cache have a
            frozenset.
        payload: The records; the cache does not look inside.
    """

    fetched_at: float
    columns: frozenset[str] | tuple[str, ...]
    payload: bytes


def encode(entry: Entry, expires_at: float) -> bytes:
    """The form of an entry in Redis."""
    head = _HEAD.pack(FORMAT, entry.fetched_at, expires_at)
    return head + msgspec.msgpack.encode((_sorted(entry.columns), entry.payload))


def decode(data: bytes) -> tuple[Entry, float] | None:
    """The entry and when it expires, or None if the bytes are not of our making."""
    try:
        form, fetched_at, expires_at = _HEAD.unpack_from(data)
        if form != FORMAT:
            return None
        columns, payload = _BODY.decode(memoryview(data)[HEAD_SIZE:])
    except (struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Entry(fetched_at, _frozen(columns), payload), expires_at


def fetched_at(head: bytes) -> float | None:
    """When an entry was read from its system, told from its first bytes; None if it is not one."""
    if len(head) < HEAD_SIZE:
        return None
    form, at, _ = _HEAD.unpack_from(head)
    return float(at) if form == FORMAT else None


def _sorted(columns: Iterable[str]) -> list[str]:
    return sorted(columns)


@lru_cache(maxsize=1024)
def _frozen(columns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(columns)  # few sets exist, and many entries share each


_BODY: Final = msgspec.msgpack.Decoder(tuple[tuple[str, ...], bytes])
