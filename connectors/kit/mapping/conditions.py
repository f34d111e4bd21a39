"""Conditions of the mapping language as closures over a row or element."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.mapping.convert import to_date, to_decimal
from connectors.kit.mapping.paths import (
    BadValueError,
    Env,
    Getter,
    compile_list,
    compile_path,
    token,
)
from connectors.kit.mapping.when import Compare, ListWhen, NumberWhen, When

Holds = Callable[[Any, Env], bool]
Check = Callable[[Any], bool]
Calculate = Callable[[Any], Getter]
"""Compiles a field, as written, to the number that it gives."""


def compile_when(
    when: When, empty: tuple[Any, ...] = (), number: Calculate | None = None
) -> Holds | None:
    """A condition as a closure; None where it always holds.

    Args:
        when: The condition.
        empty: Values that mean null everywhere in the system.
        number: Compiles a calculated number; None where there may be none.

    Raises:
        ValueError: if it compares calculated numbers where there may be none.
    """
    parts: list[Holds] = []
    for path, wanted in when.tests.items():
        parts.append(_at(path, _check(wanted, empty), wanted))
    if when.any_ is not None:
        parts.append(_over(when.any_, empty, number, every=False))
    if when.all_ is not None:
        parts.append(_over(when.all_, empty, number, every=True))
    if when.or_:
        parts.append(_either([compile_when(w, empty, number) for w in when.or_]))
    if when.compare is not None:
        parts.append(_compared(when.compare, number))
    if len(parts) <= 1:
        return parts[0] if parts else None
    return lambda element, env: all(holds(element, env) for holds in parts)


def is_empty(value: Any, empty: Sequence[Any]) -> bool:
    """Whether a value means null. `false` and 0 are different values here."""
    if value is None:
        return True
    return any(type(value) is type(e) and value == e for e in empty)


def equals(values: Sequence[Any]) -> Check:
    """A check that a value is one of some, whatever way numbers and booleans are written."""
    tokens = {token(v) for v in values}
    for value in values:
        if isinstance(value, bool):
            tokens.add("1" if value else "0")
    numbers = [Decimal(v) for v in values if isinstance(v, int | Decimal) and type(v) is not bool]
    if not numbers:
        return lambda raw: token(raw) in tokens
    return lambda raw: token(raw) in tokens or _number(raw) in numbers


def _check(wanted: Any, empty: tuple[Any, ...]) -> Check:
    if isinstance(wanted, Compare):
        return _comparison(wanted, empty)
    values = wanted if isinstance(wanted, tuple) else (wanted,)
    same = equals([v for v in values if v is not None])
    with_null = None in values
    return lambda raw: with_null if is_empty(raw, empty) and not _listed(raw, values) else same(raw)


def _listed(raw: Any, values: Sequence[Any]) -> bool:
    return raw is not None and any(type(raw) is type(v) and raw == v for v in values)


def _comparison(wanted: Compare, empty: tuple[Any, ...]) -> Check:
    checks: list[Check] = []
    if "not_" in wanted.model_fields_set:
        refused = tuple(wanted.not_) if isinstance(wanted.not_, list) else (wanted.not_,)
        same = _check(refused, empty)
        checks.append(lambda raw: not same(raw))
    if wanted.null is not None:
        null = wanted.null
        checks.append(lambda raw: is_empty(raw, empty) is null)
    for name in ("gte", "gt", "lt", "lte"):
        bound = getattr(wanted, name)
        if bound is not None:
            checks.append(_bounded(name, bound))
    if wanted.starts_with is not None:
        prefix = wanted.starts_with
        checks.append(lambda raw: raw is not None and str(token(raw)).startswith(prefix))
    return lambda raw: all(check(raw) for check in checks)


def _bounded(name: str, bound: Any) -> Check:
    if isinstance(bound, date) and not isinstance(bound, datetime):
        return lambda raw: raw is not None and _ordered(name, to_date(raw), bound)
    if isinstance(bound, str):
        return lambda raw: raw is not None and _ordered(name, str(token(raw)), bound)
    number = Decimal(bound)
    return lambda raw: raw is not None and _ordered(name, to_decimal(raw), number)


def _ordered(name: str, value: Any, bound: Any) -> bool:
    if value is None:
        return False
    match name:
        case "gte":
            return bool(value >= bound)
        case "gt":
            return bool(value > bound)
        case "lt":
            return bool(value < bound)
        case _:
            return bool(value <= bound)


def _at(path: str, check: Check, wanted: Any) -> Holds:
    get = _any_value(path)
    if isinstance(wanted, Compare) and wanted.gte_path is not None:
        other = compile_path(wanted.gte_path)
        return lambda element, env: all(
            check(v) and _reaches(v, other(element, env)) for v in get(element, env)
        )
    return lambda element, env: any(check(v) for v in get(element, env))


def _any_value(path: str) -> Callable[[Any, Env], Sequence[Any]]:
    one = compile_path(path)
    through = compile_list(path)

    def get(element: Any, env: Env) -> Sequence[Any]:
        try:
            value = one(element, env)
        except BadValueError:
            return through(element, env)
        return value if isinstance(value, list) else (value,)

    return get


def _reaches(value: Any, other: Any) -> bool:
    if value is None or other is None:
        return False
    a, b = _number(value), _number(other)
    if a is not None and b is not None:
        return a >= b
    return str(token(value)) >= str(token(other))


def _number(raw: Any) -> Decimal | None:
    try:
        return to_decimal(raw)
    except BadValueError:
        return None


def _compared(wanted: NumberWhen, number: Calculate | None) -> Holds:
    if number is None:
        raise ValueError("`compare` may not stand in `where`")
    value = number(wanted.value)
    least = None if wanted.gte is None else number(wanted.gte)
    below = None if wanted.gt is None else number(wanted.gt)

    def check(element: Any, env: Env) -> bool:
        found = value(element, env)
        if found is None:
            return False
        if least is not None and ((bound := least(element, env)) is None or found < bound):
            return False
        return below is None or ((bound := below(element, env)) is not None and found > bound)

    return check


def _over(
    wanted: ListWhen, empty: tuple[Any, ...], number: Calculate | None, *, every: bool
) -> Holds:
    elements = compile_list(wanted.of)
    holds = compile_when(wanted.when, empty, number)

    def check(element: Any, env: Env) -> bool:
        found = elements(element, env)
        if not found or holds is None:
            return bool(found)
        test = all if every else any
        return test(holds(e, env) for e in found)

    return check


def _either(options: list[Holds | None]) -> Holds:
    known = [o for o in options if o is not None]
    if len(known) < len(options):
        return lambda _element, _env: True
    return lambda element, env: any(o(element, env) for o in known)
