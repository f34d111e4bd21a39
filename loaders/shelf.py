"""How records stand in the cache: the name of their slot, and the form of what is in it.

A slot holds what one system knows under one key of one column: no, one or several records of an
entity. So a system that is down never spoils what another one said, and a key without records is
remembered as such.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from canonical.criteria import Criteria, Sort
from canonical.entities import ENTITIES, EntityName
from canonical.records import Record
from runtime.cache.entries import Entry

_encode = msgspec.msgpack.Encoder(decimal_format="string").encode


class Shelved(msgspec.Struct, frozen=True):
    """What a slot holds.

    Attributes:
        records: The records.
        fetched_at: Epoch seconds when they were read from their system.
        columns: Columns that they know.
    """

    records: tuple[Record, ...]
    fetched_at: float
    columns: frozenset[str]


def digest(criteria: Criteria, order: Sequence[Sort] = (), *more: object) -> str:
    """A short name for a question; the same question always has the same."""
    if not criteria and not order and not more:
        return ""
    parts = [
        sorted((c.column, c.op.value, repr(c.value)) for c in criteria),
        [(s.column, s.descending) for s in order],
        [repr(m) for m in more],
    ]
    return hashlib.blake2b(_encode(parts), digest_size=12).hexdigest()


def slot(system: str, entity: EntityName, column: str, question: str, key: str) -> str:
    """The cache key of a slot."""
    return f"{system}:{entity.value}:{column}:{question}:{key}"


def to_entry(shelved: Shelved) -> Entry:
    """The form that the cache keeps."""
    return Entry(shelved.fetched_at, tuple(sorted(shelved.columns)), _encode(shelved.records))


def from_entry(entity: EntityName, entry: Entry) -> Shelved | None:
    """What a cache entry holds; None if its bytes are not what this version writes."""
    try:
        records = _decoder(entity).decode(entry.payload)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return Shelved(records, entry.fetched_at, frozenset(entry.columns))


@cache
def _decoder(entity: EntityName) -> "msgspec.msgpack.Decoder[tuple[Record, ...]]":
    return msgspec.msgpack.Decoder(tuple[ENTITIES[entity].record, ...])  # type: ignore[misc]  # chosen at run time


FORMAT: Final = hashlib.blake2b(
    _encode({e.name.value: msgspec.json.schema(e.record) for e in ENTITIES.values()}),
    digest_size=6,
).hexdigest()
"""Changes whenever the form of a record does: the version of the cache's key space."""
