"""Clauses as Tryton's domains: lists of conditions that all hold, or `["OR", ...]`.

Text is compared as the database does: `like` is case-insensitive on SQLite, so its answers are
checked again. What a domain would get wrong is not pushed: the order of text (it follows the
database's locale), and what is null or negated behind a relation.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from canonical.criteria import Op
from connectors.kit.rows import Clause, Push, Test

Domain = list[Any]

REFERENCE: Final = ".reference"
"""Ending of a path that means the text of a reference field: `shipment.reference`."""

NOTHING: Final[Domain] = [["id", "in", []]]
"""Holds for no record."""

EVERYTHING: Final[Domain] = [["id", "!=", None]]
"""Holds for every record."""


def push(test: Test) -> Push:
    """Tell whether a domain can express a test."""
    related = "." in test.path.removesuffix(REFERENCE)
    if related and (test.negated or _about_null(test)):
        return Push.NO
    if test.kind == "days":
        return Push.NO  # durations are kept as such
    match test.op:
        case Op.CONTAINS | Op.STARTS_WITH:
            return Push.NO if test.negated or test.kind != "string" else Push.SUPERSET
        case Op.RANGE:
            return Push.NO if test.negated or test.kind in _UNORDERED else Push.EXACT
    return Push.EXACT


def domain(where: Sequence[Clause]) -> Domain:
    """Clauses that must all hold, as one domain."""
    return [_clause(clause) for clause in where]


def columns(paths: Sequence[str]) -> list[str]:
    """Paths as Tryton is asked for them: `a.reference` is `a` itself, with the record behind it."""
    found: dict[str, None] = {}
    for path in paths:
        plain = path.removesuffix(REFERENCE)
        found |= {plain: None} if plain == path else {plain: None, f"{plain}.id": None}
    return list(found)


def _clause(clause: Clause) -> Domain:
    parts = [_test(structs.replace(t, path=t.path.removesuffix(REFERENCE))) for t in clause]
    if not parts:
        return NOTHING
    return parts[0] if len(parts) == 1 else ["OR", *parts]


def _test(test: Test) -> Domain:
    match test.op:
        case Op.IN:
            return _choice(test)
        case Op.IS_NULL:
            return [[test.path, "=" if test.value is not test.negated else "!=", None]]
        case Op.RANGE:
            bounds = test.value
            ends = [(sign, getattr(bounds, name, None)) for sign, name in _ENDS]
            found: Domain = [[test.path, sign, end] for sign, end in ends if end is not None]
            return found or [[test.path, "!=", None]]
        case Op.CONTAINS:
            return [[test.path, "like", f"%{_escaped(test.value)}%"]]
        case Op.STARTS_WITH:
            return [[test.path, "like", f"{_escaped(test.value)}%"]]


def _choice(test: Test) -> Domain:
    """A choice of values; null is said apart, since SQL compares it with nothing."""
    if test.kind == "boolean":
        return _truth(test)
    values = [v for v in test.value if v is not None and not _misses(test.path, v)]
    null = None in test.value
    if test.negated:
        chosen: Domain = [[test.path, "not in", values]] if values else []
        if null:
            return [*chosen, [test.path, "!=", None]]
        return ["OR", *chosen, [test.path, "=", None]] if chosen else EVERYTHING
    if len(values) == 1:
        equal: Domain = [[test.path, "=", values[0]]]
    else:
        equal = [[test.path, "in", values]] if values else []
    if not null:
        return equal or NOTHING
    return ["OR", *equal, [test.path, "=", None]]


def _truth(test: Test) -> Domain:
    """True or false, said by `=` alone: searchers of computed fields get `in` and `not in` wrong.

    To Tryton a boolean without a value is false.
    """
    kept = {bool(v) is not test.negated for v in test.value}
    if len(kept) == 1:
        return [[test.path, "=", kept.pop()]]
    return NOTHING if bool(kept) is test.negated else EVERYTHING


def _misses(path: str, value: Any) -> bool:
    """Tell whether an id is none: it equals nothing, but would make the whole call fail."""
    is_id = path == "id" or path.endswith(".id")
    return is_id and not isinstance(value, int) and not str(value).isdecimal()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _about_null(test: Test) -> bool:
    if test.op is Op.IS_NULL:
        return bool(test.value)
    return test.op is Op.IN and None in test.value


_ENDS: Final = ((">=", "gte"), (">", "gt"), ("<=", "lte"), ("<", "lt"))
_UNORDERED: Final = frozenset({"string", "boolean"})
