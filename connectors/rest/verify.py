"""Compares rows with what was asked, for systems that ignore a filter that they do not know."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from canonical.criteria import Op
from canonical.errors import BadAnswerError
from connectors.kit.mapping.convert import to_date, to_decimal, to_instant, zone_of
from connectors.kit.mapping.paths import BadValueError, token
from connectors.kit.rows import Bounds, Clause, Row, Test
from connectors.rest.filters import field_name
from connectors.rest.pointers import values_along
from connectors.rest.settings import Spec

_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "gt": lambda value, bound: bool(value > bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def fitting(spec: Spec, where: Sequence[Clause], rows: Sequence[Row], system: str) -> list[Row]:
    """The rows that satisfy every clause; where case alone differs or nothing can be told, they do.

    Raises:
        BadAnswerError: if no row satisfies some clause: the system ignored it.
    """
    kept = list(rows)
    for clause in where:
        checks = [_check(spec, test) for test in clause]
        fit = [row for row in kept if any(check(row) for check in checks)]
        if kept and not fit:
            names = " or ".join(dict.fromkeys(field_name(spec, test.path) for test in clause))
            raise BadAnswerError(system, f"the filter {names} is ignored there; other rows came")
        kept = fit
    return kept


def _check(spec: Spec, test: Test) -> Callable[[Row], bool]:
    if test.negated or test.op is Op.IS_NULL:
        return lambda _: True
    holds = _holds(spec, test)

    def fits(row: Row) -> bool:
        held = [value for value in values_along(row, test.path) if value is not None]
        try:
            return not held or any(holds(value) for value in held)
        except BadValueError:
            return True

    return fits


def _holds(spec: Spec, test: Test) -> Callable[[Any], bool]:
    if test.op is Op.IN:
        wanted = {_folded(value) for value in test.value}
        return lambda value: _folded(value) in wanted
    if test.op is Op.RANGE:
        return _within(spec, test)
    text = _folded(test.value)
    if test.op is Op.CONTAINS:
        return lambda value: text in _folded(value)
    return lambda value: _folded(value).startswith(text)


def _within(spec: Spec, test: Test) -> Callable[[Any], bool]:
    read = {
        "integer": to_decimal,
        "decimal": to_decimal,
        "date": to_date,
        "datetime": lambda raw: to_instant(raw, zone_of(spec.formats.time_zone)),
    }.get(test.kind, _folded)
    bounds = [
        (_COMPARED[n], read(b)) for n, b in Bounds(*test.value)._asdict().items() if b is not None
    ]

    def within(value: Any) -> bool:
        found = read(value)
        return found is None or all(compared(found, bound) for compared, bound in bounds)

    return within


def _folded(value: Any) -> str:
    return str(token(value)).casefold()
