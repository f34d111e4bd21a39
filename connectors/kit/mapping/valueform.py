"""What is done with a value that was found: null rules, code maps, units, types and rounding."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.kit.mapping.convert import literal, reader_for, rounded_to, zone_of
from connectors.kit.mapping.fields import FieldType, ValueForm
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.paths import BadValueError, token
from connectors.kit.mapping.shape import Column

Finish = Callable[[Any], Any]


def finisher(form: ValueForm, column: Column, settings: MappingSettings) -> Finish:
    """The closure from a value as found to the column's value, or None.

    It raises `BadValueError` where the value cannot be the column's.
    """
    read = reader_for(column.type, form.type, zone_of(settings.time_zone), form=form.format)
    if form.digits is not None and column.type is Decimal:
        read = _both(read, rounded_to(form.digits))
    if form.plus_days and column.type is date:
        read = _both(read, _later(timedelta(days=form.plus_days)))
    if form.plus_months and column.type is date:
        read = _both(read, _months_later(form.plus_months))
    if form.unit:
        read = _by_unit(read, settings.units)
    default = literal(column.type, form.default)
    read = _without_empties(read, empties(form, column, settings))
    if form.map is not None:
        read = _by_map(read, form, column, default)
    return read if default is None else _with_default(read, default)


def empties(form: ValueForm, column: Column, settings: MappingSettings) -> tuple[Any, ...]:
    """Values that mean null for a field; `false` in a boolean one only if that says so."""
    boolean = column.type is bool and form.type in (None, FieldType.BOOLEAN) and form.map is None
    common = tuple(e for e in settings.empty if not (boolean and isinstance(e, bool)))
    return form.empty + common


def _both(first: Finish, then: Finish) -> Finish:
    return lambda raw: then(first(raw))


def _later(delay: timedelta) -> Finish:
    return lambda day: None if day is None else day + delay


def _months_later(months: int) -> Finish:
    def later(day: date | None) -> date | None:
        if day is None:
            return None
        years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        last = monthrange(years, month + 1)[1]
        return day.replace(year=years, month=month + 1, day=min(day.day, last))

    return later


def _without_empties(read: Finish, empty: tuple[Any, ...]) -> Finish:
    texts = frozenset(e for e in empty if isinstance(e, str))
    false = any(e is False for e in empty)
    true = any(e is True for e in empty)
    numbers = tuple(e for e in empty if isinstance(e, int | Decimal) and not isinstance(e, bool))
    if not empty:
        return lambda raw: None if raw is None else read(raw)

    def get(raw: Any) -> Any:
        if raw is None or (type(raw) is str and raw in texts):
            return None
        if (raw is False and false) or (raw is True and true):
            return None
        if numbers and type(raw) in (int, Decimal) and raw in numbers:
            return None
        return read(raw)

    return get


def _by_unit(read: Finish, units: dict[str, str]) -> Finish:
    return lambda raw: read(units.get(raw, raw) if type(raw) is str else raw)


def _by_map(read: Finish, form: ValueForm, column: Column, default: Any) -> Finish:
    """Mapped values are the column's already; others become the default, or stay."""
    known = {token(k): literal(column.type, v) for k, v in (form.map or {}).items()}
    without_empties = read

    def get(raw: Any) -> Any:
        if isinstance(raw, dict | list):
            raise BadValueError(f"{raw!r:.60} is found where a code should be")
        key = token(raw)
        if key in known:
            return known[key]
        return without_empties(raw) if default is None else default

    return get


def _with_default(read: Finish, default: Any) -> Finish:
    def get(raw: Any) -> Any:
        value = read(raw)
        return default if value is None else value

    return get
