"""Which of many records belong to which key, worked out for all of them in one pass."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, get_args, get_origin, get_type_hints

from canonical.criteria import values_at
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.records import Record
from loaders.shelf import Shelved


def shelved_by_key(
    entity: EntityName,
    column: str,
    keys: Sequence[str],
    records: Sequence[Record],
    fetched_at: float,
    columns: frozenset[str],
) -> dict[str, Any]:
    """For each key what a slot holds: the records whose column is, or contains, the key."""
    name_of = _single(entity, column)
    if name_of is None:
        return _many(column, keys, records, fetched_at, columns)
    names = list(map(name_of, records))
    last = dict(zip(names, records, strict=True)) if len(records) <= len(keys) else {}
    if len(last) == len(records):
        get = last.get
        return {
            k: Shelved(() if (r := get(k)) is None else (r,), (), fetched_at, columns) for k in keys
        }
    found: dict[str, list[Record]] = {k: [] for k in keys}
    group_of = found.get
    for name, record in zip(names, records, strict=True):
        group = group_of(name)
        if group is not None:
            group.append(record)
    return {k: Shelved((*g,), (), fetched_at, columns) for k, g in found.items()}


def keys_of(record: Record, column: str) -> Iterable[str]:
    """All keys that a record has in a column, each once."""
    if column == KEY:
        return (record.provenance.key,)
    return dict.fromkeys(values_at(record, column))


def _many(
    column: str,
    keys: Sequence[str],
    records: Sequence[Record],
    fetched_at: float,
    columns: frozenset[str],
) -> dict[str, Any]:
    found: dict[str, list[Record]] = {k: [] for k in keys}
    for record in records:
        for key in keys_of(record, column):
            group = found.get(key)
            if group is not None:
                group.append(record)
    return {k: Shelved(tuple(g), (), fetched_at, columns) for k, g in found.items()}


@cache
def _single(entity: EntityName, column: str) -> Callable[[Record], Any] | None:
    """Reads a column with one value for each record; None where it may have several."""
    if column == KEY:
        return attrgetter("provenance.key")
    if "." in column:
        return None
    hint = get_type_hints(ENTITIES[entity].record)[column]
    several = any(get_origin(h) is tuple for h in (hint, *get_args(hint)))
    return None if several else attrgetter(column)
