"""Query parameters as conditions: `supplier[number]=C-1`, `id[in]=1,2`, `updated-at[gt]=...`.

Names may have dashes or underscores. A name that no row has is passed over, as Coupa does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.coupa.rows import INSTANCE_ZONE, Row

_PARTS = re.compile(r"(?P<head>[\w-]+)(?P<rest>(?:\[[\w-]+\])*)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "not_eq": lambda value, wanted: bool(value != wanted),
    "gt": lambda value, wanted: bool(value > wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "gt_or_eq": lambda value, wanted: bool(value >= wanted),
    "lt_or_eq": lambda value, wanted: bool(value <= wanted),
    "contains": lambda value, wanted: str(wanted).lower() in str(value).lower(),
    "starts_with": lambda value, wanted: str(value).lower().startswith(str(wanted).lower()),
    "ends_with": lambda value, wanted: str(value).lower().endswith(str(wanted).lower()),
}
_TEXT_OPERATORS = frozenset({"contains", "starts_with", "ends_with"})
_LIST_OPERATORS = frozenset({"in", "not_in"})
_NUMBER = re.compile(r"-?\d+\.\d{6}")
_MOMENT_ENDINGS = ("-at", "-date")
_RESERVED = frozenset({"limit", "offset", "fields", "order-by", "dir", "return-object", "filter"})


class FilterError(Exception):
    """A value that cannot be understood: messages by field, as Coupa writes them."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.body = {field: [message]}


class Resource:
    """The rows of one resource, and the paths of names that they know."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.by_id = {row["id"]: row for row in rows}
        self._paths = {path for row in rows[:20] for path in _paths(row)}

    def add(self, row: Row) -> None:
        """Put one more row at the end."""
        self.rows.append(row)
        self.by_id[row["id"]] = row

    def put(self, row: Row) -> Row:
        """Put a row at the end, or make the one with its id like it, whoever shares it.

        Returns:
            The values that differ from before; all of a new row.
        """
        before = self.by_id.get(row["id"])
        if before is None:
            self.add(row)
            return row
        return _make_alike(before, row)

    def knows(self, path: tuple[str, ...]) -> bool:
        """Tell whether the rows have something at this path."""
        return path in self._paths

    def filter(self, parameters: Iterable[tuple[str, str]]) -> list[Row]:
        """The rows that meet all parameters that are understood, in the order of ids.

        Raises:
            FilterError: a value does not fit its field.
        """
        rows = self.rows
        for name, text in parameters:
            test = self._test(name, text)
            if test is not None:
                rows = [row for row in rows if test(row)]
        return rows

    def _test(self, name: str, text: str) -> Callable[[Row], bool] | None:
        """How a row meets a parameter; None for names to be passed over."""
        path, operator = _read_name(name)
        if path[0] in _RESERVED or not self.knows(path):
            return None
        if operator == "blank":
            blank = text.lower() == "true"
            return lambda row: all(v is None or v == "" for v in _leaves(row, path)) is blank
        if operator in _LIST_OPERATORS:
            return _membership(path, text, negated=operator == "not_in")
        if operator in _TEXT_OPERATORS:
            holds = _OPERATORS[operator]
            return lambda row: any(holds(str(v), text) for v in _leaves(row, path))
        return _comparison(path, _OPERATORS[operator], text)


def _make_alike(before: Row, after: Row) -> Row:
    """Change a row in place, and tell the values that differ; rows in lists stay the same ones."""
    differing: Row = {}
    for name, value in after.items():
        if before.get(name) == value:
            continue
        differing[name] = value
        kept = before.get(name)
        if isinstance(kept, list) and len(kept) == len(value):
            for old, new in zip(kept, value, strict=True):
                _make_alike(old, new)
        else:
            before[name] = value
    return differing


def _comparison(
    path: tuple[str, ...], holds: Callable[[Any, Any], bool], text: str
) -> Callable[[Row], bool]:
    """Compares values with the parameter, which is read as what the values are."""
    name = path[-1]
    wanted: dict[type, Any] = {}

    def test(row: Row) -> bool:
        for leaf in _leaves(row, path):
            value = comparable(name, leaf)
            if value is None:
                continue
            kind = type(value)
            if kind not in wanted:
                wanted[kind] = _wanted(name, text, kind)
            if holds(value, wanted[kind]):
                return True
        return False

    return test


def _read_name(name: str) -> tuple[tuple[str, ...], str]:
    """A path of names with dashes, and the operator at its end."""
    match = _PARTS.fullmatch(name)
    if match is None:
        return (name,), "eq"
    parts = [match["head"], *re.findall(r"\[([\w-]+)\]", match["rest"])]
    operator = "eq"
    if len(parts) > 1 and parts[-1] in {*_OPERATORS, *_LIST_OPERATORS, "blank"}:
        operator = parts.pop()
    return tuple(part.replace("_", "-") for part in parts), operator


def _membership(path: tuple[str, ...], text: str, *, negated: bool) -> Callable[[Row], bool]:
    wanted = {piece.strip() for piece in text.split(",")}
    return lambda row: any(str(value) in wanted for value in _leaves(row, path)) is not negated


def _paths(node: Row, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in node.items():
        path = (*above, name)
        yield path
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            yield from _paths(inner, path)


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The values at a path; lists on the way give several."""
    for depth, name in enumerate(path):
        if isinstance(node, list):
            for part in node:
                yield from _leaves(part, path[depth:])
            return
        if not isinstance(node, dict):
            return
        node = node.get(name)
    yield node


def comparable(name: str, value: Any) -> Any:
    """A value as what it means; None for objects, lists and nothing."""
    if value is None or isinstance(value, (bool, dict, list)):
        return value if isinstance(value, bool) else None
    if isinstance(value, int):
        return Decimal(value)
    if name.endswith(_MOMENT_ENDINGS):
        return datetime.fromisoformat(value)
    return Decimal(value) if _NUMBER.fullmatch(value) else value


def _wanted(name: str, text: str, kind: type) -> Any:
    """The parameter as a value of the same kind; a time without zone is the instance's."""
    try:
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if kind is Decimal:
            return Decimal(text)
        if kind is datetime:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=INSTANCE_ZONE)
    except (KeyError, ValueError, InvalidOperation):
        raise FilterError(name, f"is not valid: {text}") from None
    return text
