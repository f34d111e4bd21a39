"""$filter as a tree: tokens, literals and the grammar of OData V2."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from sandbox.s4.errors import ODataError, bad_request
from sandbox.s4.model import milliseconds

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<typed>(?:datetimeoffset|datetime|time|guid|binary|X)'(?:[^']|'')*')"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[MmLlDdFf]?(?![\w.]))"
    r"|(?P<word>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)"
    r"|(?P<mark>[(),])"
    r")"
)
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FUNCTIONS = {
    "substringof": 2,
    "startswith": 2,
    "endswith": 2,
    "tolower": 1,
    "toupper": 1,
    "trim": 1,
    "length": 1,
}
BOOLEAN_FUNCTIONS = frozenset({"substringof", "startswith", "endswith"})


class Literal(Struct, frozen=True):
    """A value; `kind` is the property kind that it can be compared with, or null."""

    kind: str
    value: Any


class Path(Struct, frozen=True):
    """A property, perhaps behind links: to_X/Name."""

    steps: tuple[str, ...]


class Call(Struct, frozen=True):
    """A function call."""

    name: str
    arguments: tuple[Node, ...]


class Comparison(Struct, frozen=True):
    """Two operands and eq, ne, gt, ge, lt or le."""

    operator: str
    left: Node
    right: Node


class Group(Struct, frozen=True):
    """Several conditions, all (`and`) or any (`or`) of which must hold."""

    operator: str
    parts: tuple[Node, ...]


class Negation(Struct, frozen=True):
    """A condition that must not hold."""

    part: Node


Node = Literal | Path | Call | Comparison | Group | Negation


def parse_filter(text: str) -> Node:
    """Read a $filter.

    Raises:
        ODataError: 400, with the position, when the text does not follow the grammar.
    """
    parser = _Parser(text)
    node = parser.disjunction()
    parser.expect_end()
    return node


class _Parser:
    """Recursive descent: or, and, not, comparison, operand."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def disjunction(self) -> Node:
        return self._group("or", lambda: self._group("and", self._negation))

    def expect_end(self) -> None:
        if self._peek() is not None:
            raise self._error()

    def _group(self, operator: str, part: Any) -> Node:
        parts = [part()]
        while self._peek() == ("word", operator):
            self._at += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else Group(operator, tuple(parts))

    def _negation(self) -> Node:
        if self._peek() == ("word", "not"):
            self._at += 1
            return Negation(self._negation())
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._operand()
        token = self._peek()
        if token is None or token[1] not in _COMPARISONS or token[0] != "word":
            return left
        self._at += 1
        return Comparison(token[1], left, self._operand())

    def _operand(self) -> Node:
        token = self._next()
        if token == ("mark", "("):
            node = self.disjunction()
            self._expect(")")
            return node
        kind, text = token
        if kind in {"string", "number", "typed"}:
            return _literal(kind, text)
        if kind != "word" or text in _COMPARISONS or text in {"and", "or", "not"}:
            raise self._error(-1)
        if self._peek() == ("mark", "("):
            return self._call(text)
        if text in {"true", "false"}:
            return Literal("Boolean", text == "true")
        return Literal("null", None) if text == "null" else Path(tuple(text.split("/")))

    def _call(self, name: str) -> Node:
        if name not in _FUNCTIONS:
            raise bad_request(f"Unknown function '{name}' in $filter")
        self._expect("(")
        arguments = [self._operand()]
        while self._peek() == ("mark", ","):
            self._at += 1
            arguments.append(self._operand())
        self._expect(")")
        if len(arguments) != _FUNCTIONS[name]:
            raise bad_request(f"Function '{name}' takes {_FUNCTIONS[name]} parameters")
        return Call(name, tuple(arguments))

    def _peek(self) -> tuple[str, str] | None:
        return self._tokens[self._at][:2] if self._at < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        if token is None:
            raise bad_request("Expression in $filter ends too early")
        return token

    def _expect(self, mark: str) -> None:
        if self._next() != ("mark", mark):
            raise self._error(-1, f", expected '{mark}'")

    def _error(self, offset: int = 0, hint: str = "") -> ODataError:
        _, text, position = self._tokens[self._at + offset]
        return bad_request(f"Invalid token '{text}' at position {position} in $filter{hint}")


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens: list[tuple[str, str, int]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise bad_request(f"Invalid token at position {position} in $filter")
        tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return tokens


def _literal(kind: str, text: str) -> Literal:
    if kind == "string":
        return Literal("String", text[1:-1].replace("''", "'"))
    if kind == "number":
        return Literal("Decimal", Decimal(text.rstrip("MmLlDdFf")))
    prefix, _, value = text[:-1].partition("'")
    if prefix == "time":
        return Literal("Time", value)
    if prefix in {"datetime", "datetimeoffset"}:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise bad_request(f"Invalid literal {text} in $filter") from None
        kind = "DateTime" if prefix == "datetime" else "DateTimeOffset"
        if (moment.tzinfo is not None) != (kind == "DateTimeOffset"):
            raise bad_request(f"Invalid literal {text} in $filter")
        return Literal(kind, milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
    return Literal("Guid", value)
