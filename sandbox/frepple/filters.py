"""Query parameters as conditions: `item__in=a,b`, `startdate__gte=2026-11-23` and the like."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.frepple.tables import Kind, Row, Table

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_LOOKUPS: dict[Kind, frozenset[str]] = {
    "text": frozenset({"exact", "contains", "in"}),
    "key": frozenset({"exact", "in"}),
    "number": frozenset({"exact", "in", *_COMPARISONS}),
    "datetime": frozenset({"exact", "in", *_COMPARISONS}),
    "duration": frozenset({"exact", "in", *_COMPARISONS}),
    "boolean": frozenset({"exact"}),
}
_MESSAGES: dict[Kind, str] = {
    "number": "Enter a number.",
    "datetime": "Enter a valid date/time.",
    "duration": "Enter a valid duration.",
    "boolean": "Must be a valid boolean.",
}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_DJANGO_DURATION = re.compile(r"(?:(\d+) )?(\d+):(\d+):(\d+)")
_PASSED_OVER = frozenset({"format"})


class FilterError(Exception):
    """Parameters that cannot be understood: messages by parameter, as DRF writes them."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.body = {parameter: [message]}


def filter_rows(table: Table, parameters: Iterable[tuple[str, str]]) -> list[Row]:
    """The rows that meet all parameters, in the table's order.

    Raises:
        FilterError: for an unknown field or lookup, or a value of the wrong kind.
    """
    rows = table.rows
    tests: list[Callable[[Row], bool]] = []
    for name, text in parameters:
        if name in _PASSED_OVER:
            continue
        field, _, lookup = name.partition("__")
        kind = table.fields.get(field)
        lookup = lookup or "exact"
        if kind is None or lookup not in _LOOKUPS[kind]:
            raise FilterError(name, "Unknown filter field.")
        if kind in {"text", "key"} and lookup in {"exact", "in"}:
            rows = _narrow(table, rows, field, text.split(",") if lookup == "in" else [text])
        else:
            tests.append(_test(name, field, kind, lookup, text))
    return [row for row in rows if all(test(row) for test in tests)]


def _narrow(table: Table, rows: list[Row], field: str, values: list[str]) -> list[Row]:
    if rows is not table.rows:
        wanted = set(values)
        return [row for row in rows if row[field] in wanted]
    index = table.by(field)
    return [row for value in dict.fromkeys(values) for row in index.get(value, ())]


def _test(name: str, field: str, kind: Kind, lookup: str, text: str) -> Callable[[Row], bool]:
    if lookup == "contains":
        return lambda row: row[field] is not None and text in row[field]
    pieces = text.split(",") if lookup == "in" else [text]
    values = [_value(name, kind, piece) for piece in pieces]
    if lookup in {"in", "exact"}:
        return lambda row: row[field] is not None and _value(name, kind, row[field]) in values
    holds, bound = _COMPARISONS[lookup], values[0]
    return lambda row: row[field] is not None and holds(_value(name, kind, row[field]), bound)


def _value(name: str, kind: Kind, text: Any) -> Any:
    """A parameter or a row's value as something that can be compared."""
    try:
        if kind == "number":
            return Decimal(text)
        if kind == "datetime":
            return datetime.fromisoformat(text)
        if kind == "duration":
            return _seconds(text)
        return {"true": True, "false": False}[str(text).lower()]
    except (ValueError, InvalidOperation, KeyError):
        raise FilterError(name, _MESSAGES[kind]) from None


def _seconds(text: str) -> int:
    if text.isdigit():
        return int(text)
    match = _DURATION.fullmatch(text) or _DJANGO_DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
