"""One thing as several systems know it: the leading system's record, completed by the others."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from canonical.absent import is_absent
from canonical.entities import Entity
from canonical.errors import SupplygraphError
from canonical.records import Part, Record
from loaders.shelf import Found as Found  # noqa: PLC0414  # what is merged, for those above
from loaders.shelf import Shelved


def merged(
    entity: Entity, answers: Sequence[tuple[str, frozenset[str], Shelved | SupplygraphError]]
) -> Found:
    """Put together what the systems say of one key.

    Args:
        entity: What is read. Where it has a natural key, records which share it become one; else
            all are kept.
        answers: Each system with the columns that it was asked for and its answer, leading system
            first.
    """
    told = [(s, a) for s, _, a in answers if isinstance(a, Shelved)]
    records = [r for _, a in told for r in a.records]
    if entity.natural and len(told) > 1:
        records = _joined(entity, records)
    problems = tuple(
        a
        for _, columns, a in answers
        if isinstance(a, SupplygraphError) and _missed(entity, records, columns)
    )
    return Found(tuple(records), problems)


def combined(older: Record, newer: Record) -> Record | None:
    """What two readings of one record know together.

    Returns:
        The newer reading, completed with what only the older one knows, and as old as that; None if
        they contradict each other, because the record changed between them.
    """
    fields = [f for f in newer.__struct_fields__ if f != "provenance"]
    try:
        known = {f: _together(getattr(older, f), getattr(newer, f)) for f in fields}
    except _ContradictionError:
        return None
    return structs.replace(newer, provenance=older.provenance, **known)


def contradicts(older: Shelved, newer: Shelved) -> bool:
    """Whether something changed between two readings of a slot."""
    was = {r.provenance.key: r for r in older.records}
    now = {r.provenance.key: r for r in newer.records}
    return was.keys() != now.keys() or any(combined(was[k], now[k]) is None for k in now)


class _ContradictionError(Exception):
    """Two readings of one record say different things."""


def _together(was: Any, now: Any) -> Any:
    if is_absent(now) or is_absent(was):
        return was if is_absent(now) else now
    if isinstance(now, Part) and isinstance(was, Part):
        fields = now.__struct_fields__
        return structs.replace(
            now, **{f: _together(getattr(was, f), getattr(now, f)) for f in fields}
        )
    if isinstance(now, tuple) and isinstance(was, tuple) and len(was) == len(now):
        return tuple(map(_together, was, now))
    if was != now:
        raise _ContradictionError
    return now


def _joined(entity: Entity, records: Sequence[Record]) -> list[Record]:
    by_name: dict[tuple[object, ...], Record] = {}
    for record in records:
        name = tuple(getattr(record, c) for c in entity.natural)
        leading = by_name.get(name)
        by_name[name] = record if leading is None else _completed(leading, record)
    return list(by_name.values())


def _completed(leading: Record, other: Record) -> Record:
    """The leading record, with what it does not know taken from another."""
    gaps = {
        f: value
        for f in leading.__struct_fields__
        if ((mine := getattr(leading, f)) is None or is_absent(mine))
        and (value := getattr(other, f)) is not None
        and not is_absent(value)
    }
    return structs.replace(leading, **gaps) if gaps else leading


def _missed(entity: Entity, records: Sequence[Record], columns: frozenset[str]) -> bool:
    """Whether a system that did not answer might have told something that nobody else did."""
    if not entity.natural or len(entity.natural) > 1 or not records:
        return True
    return any(
        is_absent(getattr(r, c, None)) or getattr(r, c, None) is None
        for r in records
        for c in {name.split(".", 1)[0] for name in columns}
    )
