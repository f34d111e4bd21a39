"""$filter as a test of rows, and the choice of rows to test so that key reads stay quick."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sandbox.s4.errors import bad_request
from sandbox.s4.expressions import (
    BOOLEAN_FUNCTIONS,
    Call,
    Comparison,
    Group,
    Literal,
    Negation,
    Node,
    Path,
    parse_filter,
)
from sandbox.s4.model import EntitySet, Property
from sandbox.s4.store import Row, Store, Table

Test = Callable[[Row], bool]
_Value = Callable[[Row], Any]

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
_STRING_FUNCTIONS: dict[str, Callable[[str], Any]] = {
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": str.strip,
    "length": len,
}


def matching_rows(store: Store, table: Table, rows: list[Row] | None, text: str) -> list[Row]:
    """The rows that a $filter lets through, in the order in which they were given.

    Args:
        store: Where links lead.
        table: Whose properties the filter names.
        rows: Rows to test; None for the whole table, which is then read by index if it can be.
        text: The $filter.

    Raises:
        ODataError: 400 for what cannot be read, is unknown, not filterable or of another type.
    """
    node = parse_filter(text)
    compiler = _Compiler(store, table)
    test = compiler.condition(node)
    if rows is None:
        rows = candidates(table, node)
        if rows is None:
            rows = table.rows
    return [row for row in rows if test(row)]


def candidates(table: Table, node: Node) -> list[Row] | None:
    """The rows that may match, by index, in key order; None if only a scan can tell."""
    keys = _candidate_keys(table, node)
    if keys is None:
        return None
    name, values = keys
    group = table.group((name,))
    rows = [row for value in sorted(values) for row in group.get((value,), ())]
    return rows if name == table.entity_set.key[0] else sorted(rows, key=table.sort_key)


def _candidate_keys(table: Table, node: Node) -> tuple[str, set[str]] | None:
    """A string property and the values it must have in every row that matches."""
    if isinstance(node, Comparison):
        return _equality(table, node)
    if not isinstance(node, Group):
        return None
    found = [_candidate_keys(table, part) for part in node.parts]
    if node.operator == "and":
        usable = [keys for keys in found if keys is not None]
        return min(usable, key=lambda keys: _weight(table, keys)) if usable else None
    values: set[str] = set()
    name = found[0][0] if found[0] else ""
    for keys in found:
        if keys is None or keys[0] != name:
            return None
        values |= keys[1]
    return name, values


def _weight(table: Table, keys: tuple[str, set[str]]) -> float:
    """About how many rows an index read gives."""
    name, values = keys
    return len(values) * len(table.rows) / max(1, len(table.group((name,))))


def _equality(table: Table, node: Comparison) -> tuple[str, set[str]] | None:
    path, literal = node.left, node.right
    if isinstance(path, Literal):
        path, literal = literal, path
    if node.operator != "eq" or not isinstance(path, Path) or not isinstance(literal, Literal):
        return None
    prop = table.entity_set.properties.get(path.steps[0]) if len(path.steps) == 1 else None
    if prop is None or prop.kind != "String" or literal.kind != "String":
        return None
    return prop.name, {prop.stored(literal.value)}


class _Compiler:
    """Turns a tree into a test of rows of one table."""

    def __init__(self, store: Store, table: Table) -> None:
        self._store = store
        self._table = table

    def condition(self, node: Node) -> Test:
        if isinstance(node, Group):
            return self._group(node)
        if isinstance(node, Negation):
            inner = self.condition(node.part)
            return lambda row: not inner(row)
        if isinstance(node, Comparison):
            return self._comparison(node)
        if isinstance(node, Call) and node.name in BOOLEAN_FUNCTIONS:
            return self._text_test(node)
        value, kind, _ = self._operand(node)
        if kind != "Boolean":
            raise bad_request("Expression in $filter is not of type Edm.Boolean")
        return lambda row: value(row) is True

    def _group(self, node: Group) -> Test:
        if node.operator == "or":
            chain = self._membership(node)
            if chain is not None:
                return chain
        tests = [self.condition(part) for part in node.parts]
        if node.operator == "or":
            return lambda row: any(test(row) for test in tests)
        return lambda row: all(test(row) for test in tests)

    def _membership(self, node: Group) -> Test | None:
        """One set for (A eq 'x' or A eq 'y' ...), however long."""
        found = [
            _equality(self._table, part) if isinstance(part, Comparison) else None
            for part in node.parts
        ]
        names = {keys[0] if keys else None for keys in found}
        name = names.pop()
        if names or name is None:
            return None
        self._property(self._table.entity_set, name)
        values = {value for keys in found if keys for value in keys[1]}
        return lambda row: row[name] in values

    def _comparison(self, node: Comparison) -> Test:
        if isinstance(node.left, Literal) and not isinstance(node.right, Literal):
            return self._comparison(Comparison(_MIRRORED[node.operator], node.right, node.left))
        left, left_kind, prop = self._operand(node.left)
        if isinstance(node.right, Literal):
            return self._to_literal(node.operator, left, (left_kind, prop), node.right)
        right, right_kind, _ = self._operand(node.right)
        _same_kind(node.operator, left_kind, right_kind)
        return _compared(node.operator, left, right)

    def _to_literal(
        self, op: str, left: _Value, of: tuple[str, Property | None], literal: Literal
    ) -> Test:
        kind, prop = of
        if literal.kind == "null":
            if op not in {"eq", "ne"}:
                raise bad_request(f"Operator '{op}' cannot be used with null")
            return lambda row: (left(row) is None) == (op == "eq")
        _same_kind(op, kind, literal.kind)
        value = literal.value
        if prop is not None and prop.kind == "String":
            value = prop.stored(value)
            value = value.zfill(prop.length or 0) if prop.numeric_order else value
        return _compared(op, left, lambda _: value)

    def _operand(self, node: Node) -> tuple[_Value, str, Property | None]:
        """How to read an operand from a row, its kind, and the property if it is one."""
        if isinstance(node, Path):
            return self._path(node)
        if isinstance(node, Literal):
            return lambda _: node.value, node.kind, None
        if isinstance(node, Call) and node.name in _STRING_FUNCTIONS:
            inner, kind, _ = self._operand(node.arguments[0])
            _same_kind(node.name, kind, "String")
            function = _STRING_FUNCTIONS[node.name]
            result = "Decimal" if node.name == "length" else "String"
            return lambda row: function(inner(row)), result, None
        test = self.condition(node)
        return test, "Boolean", None

    def _text_test(self, node: Call) -> Test:
        operands = [self._operand(argument) for argument in node.arguments]
        for _, kind, _ in operands:
            _same_kind(node.name, kind, "String")
        (first, _, _), (second, _, _) = operands
        if node.name == "substringof":
            return lambda row: first(row) in second(row)
        if node.name == "startswith":
            return lambda row: bool(first(row).startswith(second(row)))
        return lambda row: bool(first(row).endswith(second(row)))

    def _path(self, node: Path) -> tuple[_Value, str, Property | None]:
        table, links = self._table, node.steps[:-1]
        for name in links:
            link = table.entity_set.links.get(name)
            if link is None:
                raise _unknown(name, table.entity_set)
            if link.many:
                raise bad_request(f"Filtering on collection '{name}' is not supported")
            table = self._store.tables[link.target]
        prop = self._property(table.entity_set, node.steps[-1])
        read, name = table.readers[prop.name], prop.name
        if not links:
            return lambda row: None if row[name] is None else read(row[name]), prop.kind, prop
        follow, start = self._store.follow, self._table

        def behind(row: Row) -> Any:
            at = start
            for link_name in links:
                at, rows = follow(at, row, link_name)
                if not rows:
                    return None
                row = rows[0]
            return None if row[name] is None else read(row[name])

        return behind, prop.kind, prop

    @staticmethod
    def _property(entity_set: EntitySet, name: str) -> Property:
        prop = entity_set.properties.get(name)
        if prop is None:
            link = entity_set.links.get(name)
            if link is not None and link.many:
                raise bad_request(f"Filtering on collection '{name}' is not supported")
            raise _unknown(name, entity_set)
        if not prop.filterable:
            raise bad_request(f"Property '{name}' of '{entity_set.name}' is not filterable")
        return prop


def _unknown(name: str, entity_set: EntitySet) -> Exception:
    return bad_request(f"Property '{name}' not found in type '{entity_set.type_name}'")


def _same_kind(op: str, left: str, right: str) -> None:
    if left != right and "null" not in {left, right}:
        raise bad_request(f"Invalid parameter type used at '{op}': Edm.{left} and Edm.{right}")


def _compared(op: str, left: _Value, right: _Value) -> Test:
    if op == "eq":
        return lambda row: bool(left(row) == right(row))
    if op == "ne":
        return lambda row: bool(left(row) != right(row))
    holds = _ORDERINGS[op]

    def ordered(row: Row) -> bool:
        first, second = left(row), right(row)
        return first is not None and second is not None and holds(first, second)

    return ordered
