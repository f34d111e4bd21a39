"""How records stand in the cache: the name of their slot, and the form of what is in it.

A slot holds what one system knows under one key of one column: no, one or several records of an
entity. So a system that is down never spoils what another one said, and a key without records is
remembered as such.
"""

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

import msgspec

from canonical.criteria import Criteria, Sort
from canonical.entities import ENTITIES, EntityName
from canonical.errors import SupplygraphError
from canonical.records import Record
from runtime.cache.entries import Kind, names_in, note_of

_encode = msgspec.msgpack.Encoder(decimal_format="string").encode
_RECORD_BYTES: Final = 250
_COLUMN_BYTES: Final = 110


class Found(msgspec.Struct, frozen=True):
    """What was found for a key.

    Attributes:
        records: The records, leading system first.
        problems: Systems that could not say whether they know more.
    """

    records: tuple[Record, ...]
    problems: tuple[SupplygraphError, ...] = ()


class Shelved(Found, frozen=True, gc=False):  # never part of a cycle
    """What a slot holds: what one system knows, without problems.

    Attributes:
        fetched_at: Epoch seconds when the records were read from their system.
        columns: Columns that they know.
    """

    fetched_at: float = 0.0
    columns: frozenset[str] = frozenset()


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


def prefix(system: str, entity: EntityName, column: str, question: str) -> str:
    """What the slots of a question's keys in one system begin with; the key follows."""
    return f"{system}:{entity.value}:{column}:{question}:"


@cache
def records_of(entity: EntityName) -> "Kind[Shelved]":
    """How the cache keeps an entity's records."""
    return Kind(
        tuple[ENTITIES[entity].record, ...],  # type: ignore[misc]  # chosen at run time
        taken=lambda shelved: (note_of(shelved.columns), shelved.records),
        made=lambda at, note, records: Shelved(records, (), at, names_in(note)),
        weight=_weight,
    )


def _weight(shelved: Shelved) -> int:
    parts, columns = _shape(shelved.columns)
    size = len(shelved.records) * (_RECORD_BYTES + _COLUMN_BYTES * columns)
    for name, inner in parts:
        lengths = [len(v) for r in shelved.records if isinstance(v := getattr(r, name), tuple)]
        size += sum(lengths) * (_RECORD_BYTES + _COLUMN_BYTES * inner)
    return size


@lru_cache(maxsize=1024)
def _shape(columns: frozenset[str]) -> tuple[tuple[tuple[str, int], ...], int]:
    """Structured columns with how many are within each, and how many others there are."""
    inner = [c.split(".", 1)[0] for c in columns if "." in c]
    return tuple((name, inner.count(name)) for name in sorted(set(inner))), (
        len(columns) - len(inner)
    )


FORMAT: Final = hashlib.blake2b(
    _encode({e.name.value: msgspec.json.schema(e.record) for e in ENTITIES.values()}),
    digest_size=6,
).hexdigest()
"""Changes whenever the form of a record does: the version of the cache's key space."""
