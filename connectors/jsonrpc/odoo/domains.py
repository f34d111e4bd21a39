"""Clauses as Odoo's domains: in prefix notation, `"|"` before two of which one is enough.

    [["state", "=", "purchase"], "|", ["name", "in", ["P1"]], ["partner_ref", "in", ["P1"]]]

Odoo has False where we have null, keeps times in UTC without saying so, and stores fractions of
seconds that it does not show: bounds are moved to whole seconds so that they mean what is shown.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from canonical.criteria import Op
from connectors.kit.rows import Clause, Push, Test

Domain = list[Any]

_NOTHING: Final = ["id", "in", []]
_EVERYTHING: Final = ["id", "!=", False]
_SECOND: Final = timedelta(seconds=1)
_UNORDERED: Final = frozenset({"string", "boolean"})
_NUMBERS: Final = frozenset({"integer", "decimal"})


def push(test: Test) -> Push:
    """Tell whether a domain can express a test."""
    return Push.NO if _meant_otherwise(test) else Push.EXACT


def _meant_otherwise(test: Test) -> bool:
    """Tell whether Odoo would take a test for something else."""
    if test.negated and (test.op is not Op.IN or "." in test.path):
        return True
    match test.op:
        case Op.IS_NULL:
            # A missing number is 0; a missing record has no fields to be null.
            return test.kind in _NUMBERS or ("." in test.path and test.value)
        case Op.IN:
            null = None in test.value and (test.kind in _NUMBERS or "." in test.path)
            return null or test.kind == "datetime"
        case Op.RANGE:
            return test.kind in _UNORDERED  # text is sorted by the database's locale
    return test.kind != "string"


def domain(where: Sequence[Clause]) -> Domain:
    """Clauses that must all hold, as one domain."""
    return [token for clause in where for token in _clause(clause)]


def _clause(clause: Clause) -> Domain:
    parts = [_test(test) for test in clause]
    if not parts:
        return [_NOTHING]
    return ["|"] * (len(parts) - 1) + [token for part in parts for token in _all(part)]


def _all(leaves: Sequence[Any]) -> Domain:
    return ["&"] * (len(leaves) - 1) + list(leaves)


def _test(test: Test) -> Sequence[Any]:
    """Conditions that must all hold; at least one."""
    match test.op:
        case Op.IN:
            return [_choice(test)]
        case Op.IS_NULL:
            return [[test.path, "=" if test.value else "!=", False]]
        case Op.RANGE:
            return _range(test)
        case Op.CONTAINS:
            return [[test.path, "like", _escaped(test.value)]]
        case Op.STARTS_WITH:
            return [[test.path, "=like", f"{_escaped(test.value)}%"]]


def _choice(test: Test) -> Any:
    values = [_sent(v) for v in test.value if not _misses(test.path, v)]
    if not values:
        return _EVERYTHING if test.negated else _NOTHING
    # Null counts as other than any value, as Odoo has it too.
    return [test.path, "not in" if test.negated else "in", values]


def _range(test: Test) -> Sequence[Any]:
    ends = [(sign, getattr(test.value, name, None)) for name, sign in _ENDS.items()]
    found = [[test.path, *_end(sign, end)] for sign, end in ends if end is not None]
    return found or [[test.path, "!=", False]]


def _end(sign: str, value: Any) -> tuple[str, Any]:
    if not isinstance(value, datetime):
        return sign, _sent(value)
    second = value.replace(microsecond=0)
    if sign in {">", "<="}:
        return (">=" if sign == ">" else "<"), _sent(second + _SECOND)
    return sign, _sent(second if second == value else second + _SECOND)


def _sent(value: Any) -> Any:
    if value is None:
        return False
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _misses(path: str, value: Any) -> bool:
    is_id = path == "id" or path.endswith(".id")
    return is_id and not isinstance(value, int) and not str(value).isdecimal()


_ENDS: Final = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
