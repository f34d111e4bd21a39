"""Which records are wanted, in which order, said so that any system can be asked.

`matches` and `sort_key` are the meaning of criteria. A backend that filters or sorts itself must
give the same rows. Text is compared case-sensitively, by code point. A condition on a column within
a list (`lines.item`) holds when any one element satisfies it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cmp_to_key
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

from msgspec import UNSET, Meta, Struct

from canonical.absent import is_absent
from canonical.records import Record

Scalar = str | int | bool | Decimal | date | datetime


class Op(StrEnum):
    """How a column is compared."""

    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    RANGE = "range"
    IS_NULL = "is_null"


class Range(NamedTuple):
    """From `gte` on, and below `lt`. Either end may be open."""

    gte: Any | None = None
    lt: Any | None = None


class Condition(Struct, frozen=True):
    """One comparison.

    `value` is a tuple of scalars for IN, text for CONTAINS and STARTS_WITH, a `Range` for RANGE, a
    bool for IS_NULL.
    """

    column: Annotated[str, Meta(description="Canonical column; dots go into structured columns.")]
    op: Op
    value: Any


Criteria = tuple[Condition, ...]
"""Conditions that must all hold. The empty tuple wants everything."""


class Sort(Struct, frozen=True):
    """Order by one column. Records without a value come last, in both directions."""

    column: str
    descending: bool = False


def values_at(record: object, column: str) -> list[Any]:
    """All values of a dotted column in a record: one per element where a list is on the way."""
    found: list[Any] = [record]
    for name in column.split("."):
        step: list[Any] = []
        for value in found:
            inner = None if value is None else getattr(value, name)
            if isinstance(inner, tuple | list):
                step.extend(inner)
            else:
                step.append(inner)
        found = step
    return [None if is_absent(v) else v for v in found]


def holds(condition: Condition, value: Any) -> bool:
    """Tell whether one value satisfies a condition."""
    match condition.op:
        case Op.IN:
            return value in condition.value
        case Op.IS_NULL:
            return (value is None) is condition.value
        case Op.CONTAINS:
            return value is not None and condition.value in value
        case Op.STARTS_WITH:
            return value is not None and value.startswith(condition.value)
        case Op.RANGE:
            bounds: Range = condition.value
            return (
                value is not None
                and (bounds.gte is None or value >= bounds.gte)
                and (bounds.lt is None or value < bounds.lt)
            )


def matches(record: Record, criteria: Criteria) -> bool:
    """Tell whether a record, which must know every column named, satisfies all conditions."""
    return all(any(holds(c, v) for v in values_at(record, c.column)) for c in criteria)


def satisfying(records: Sequence[Record], criteria: Criteria) -> list[Record]:
    """The records that satisfy all conditions: `matches` for many at once."""
    found = list(records)
    for condition in criteria:
        if condition.op is Op.IN and "." not in condition.column:
            wanted, column = frozenset(condition.value), condition.column
            values = list(map(attrgetter(column), found))
            if wanted.issuperset(values):
                continue
            if not set(map(type, values)) & {tuple, list}:
                found = [
                    r
                    for r, v in zip(found, values, strict=True)
                    if v in wanted or (v is UNSET and None in wanted)
                ]
                continue
        found = [r for r in found if matches(r, (condition,))]
    return found


def narrow(criteria: Criteria, column: str, allowed: Sequence[str]) -> Criteria | None:
    """Add that a column must be one of some values, merged with what is asked of it already.

    Returns:
        The narrower criteria, or None if nothing can satisfy them.
    """
    wanted = set(allowed)
    rest: list[Condition] = []
    for condition in criteria:
        if condition.column == column and condition.op is Op.IN:
            wanted &= set(condition.value)
        else:
            rest.append(condition)
    if not wanted:
        return None
    return (*rest, Condition(column, Op.IN, tuple(sorted(wanted))))


def columns_of(criteria: Criteria, order: Sequence[Sort]) -> frozenset[str]:
    """Columns that a record must know to be compared with criteria and put in order."""
    return frozenset([c.column for c in criteria] + [s.column for s in order])


def compare(a: Sequence[Any], b: Sequence[Any], order: Sequence[Sort]) -> int:
    """Compare two rows of sort values (the key last, ascending): negative if `a` comes first."""
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x == y:
            continue
        if x is None or y is None:
            return 1 if x is None else -1
        first = -1 if x < y else 1
        return -first if i < len(order) and order[i].descending else first
    return 0


def position_of(record: Record, order: Sequence[Sort]) -> tuple[Any, ...]:
    """Where a record stands in an order: its sort values, then its key.

    A column that its system does not have counts as one without a value.
    """
    values = (getattr(record, s.column) for s in order)
    return (*(None if is_absent(v) else v for v in values), record.provenance.key)


def in_order(records: Sequence[Record], order: Sequence[Sort]) -> list[Record]:
    """The records in order: by the sort columns, then by key as text."""

    def by_position(a: Record, b: Record) -> int:
        return compare(position_of(a, order), position_of(b, order), order)

    return sorted(records, key=cmp_to_key(by_position))
