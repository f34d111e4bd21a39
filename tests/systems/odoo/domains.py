"""Odoo's search domains over records in memory: prefix notation, dotted paths, what False means.

Facts: conditions in a row are joined by and; `|`, `&` take the next two, `!` the next one. False
stands for null. `like` holds anywhere in a text unless it has its own wildcards (`=like`); `%`, `_`
are wildcards unless a backslash stands before them. `not in` and `!=` hold for null. A path through
a relation to many holds if it does for one of the records.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Record = Mapping[str, Any]
Follow = Callable[[str, Record, str], Sequence[tuple[str, Record]]]
"""Model, record and name of a relation, to models and records that it leads to."""


class InvalidDomain(Exception):
    """A domain that Odoo would not take."""


class Evaluator:
    """Evaluates domains.

    Args:
        fields: Model to names of its fields with their types.
        follow: Leads through relations.
    """

    def __init__(self, fields: Mapping[str, Mapping[str, Any]], follow: Follow) -> None:
        self._fields = fields
        self._follow = follow

    def matches(self, model: str, domain: Sequence[Any], record: Record) -> bool:
        """Tell whether a record is in a domain."""
        tokens = list(domain)
        held = []
        while tokens:
            held.append(self._term(model, tokens, record))
        return all(held)

    def _term(self, model: str, tokens: list[Any], record: Record) -> bool:
        if not tokens:
            raise InvalidDomain("an operator lacks its operands")
        token = tokens.pop(0)
        if token in ("&", "|"):
            left = self._term(model, tokens, record)
            right = self._term(model, tokens, record)
            return (left and right) if token == "&" else (left or right)
        if token == "!":
            return not self._term(model, tokens, record)
        if not isinstance(token, list | tuple) or len(token) != 3:
            raise InvalidDomain(f"invalid leaf {token!r}")
        path, sign, value = token
        return self._leaf(model, path, sign, value, record)

    def _leaf(self, model: str, path: str, sign: str, value: Any, record: Record) -> bool:
        name, _, rest = path.partition(".")
        if name not in self._fields[model]:
            raise InvalidDomain(f"Invalid field {model}.{name} in leaf {(path, sign, value)}")
        if rest:
            reached = self._follow(model, record, name)
            return any(self._leaf(m, rest, sign, value, r) for m, r in reached)
        held = record.get(name, False)
        if isinstance(held, list):
            return any(compare(h, sign, value) for h in held) if held else value is False
        return compare(held, sign, value)


def compare(held: Any, sign: str, value: Any) -> bool:
    """One comparison, as PostgreSQL does it under Odoo's rules for False."""
    if sign in _EQUALITIES:
        return bool(_EQUALITIES[sign](held, value))
    if sign not in _COMPARISONS:
        raise InvalidDomain(f"invalid operator {sign!r}")
    return held is not False and bool(_COMPARISONS[sign](held, value))


def _pattern(like: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|[%_]|[^\\%_]+", like, re.DOTALL)
    meaning = {"%": ".*", "_": "."}
    texts = (meaning.get(p) or re.escape(p.removeprefix("\\")) for p in parts)
    return re.compile("".join(texts), re.DOTALL)


_EQUALITIES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "in": lambda held, values: held in values,
    "not in": lambda held, values: held not in values,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "like": lambda held, text: _pattern(f"%{text}%").fullmatch(held),
    "=like": lambda held, text: _pattern(text).fullmatch(held),
}
