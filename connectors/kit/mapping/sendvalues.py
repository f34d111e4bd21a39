"""Values as they are told to a system: canonical ones to the type, code and form that it holds.

A protocol gets Python values (text, int, Decimal, bool, date, datetime with its zone, None) and
writes them as its wire format does.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from connectors.kit.mapping.convert import to_integer, to_text, zone_of
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.paths import BadValueError, shown, token
from connectors.kit.mapping.writes import SendForm

Tell = Callable[[Any], Any]

_MOST_ZEROS: Final = 4


def teller(form: SendForm, settings: MappingSettings) -> Tell:
    """The closure from a value, not None, to what is sent.

    It raises `BadValueError` where the system cannot hold the value.
    """
    steps = tuple(_steps(form, settings))

    def tell(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return tell


def units_per_price(price: Decimal, digits: int) -> int:
    """For how many units a price has at most so many digits after the point; at most 10000."""
    factors = (10**n for n in range(_MOST_ZEROS))
    step = Decimal(1).scaleb(-digits)
    return next((f for f in factors if (price * f).quantize(step) == price * f), 10**_MOST_ZEROS)


def _steps(form: SendForm, settings: MappingSettings) -> Iterator[Tell]:
    if form.unit:
        yield _unit_code(settings.units)
    if form.map is not None:
        yield _code({token(k): v for k, v in form.map.items()})
    if form.plus_days or form.plus_months:
        yield _moved(form.plus_days, form.plus_months)
    if form.digits is not None:
        yield _at_most(form.digits)
    if (typed := _kind(form.type, zone_of(settings.time_zone))) is not None:
        yield typed
    if form.format is not None:
        yield _written(form.format)
    if form.length is not None:
        yield _cut(form.length)


def _unit_code(units: Mapping[str, str]) -> Tell:
    codes: dict[str, str] = {}
    for code, unit in units.items():
        codes.setdefault(unit, code)

    def code_of(unit: Any) -> Any:
        if unit in codes:
            return codes[unit]
        if unit in units:
            raise BadValueError(f"the unit {shown(unit)} has no code there: add it under `units`")
        return unit

    return code_of


def _code(codes: Mapping[Any, Any]) -> Tell:
    return lambda value: codes.get(token(value), value)


def _moved(days: int, months: int) -> Tell:
    def moved(day: Any) -> Any:
        if not isinstance(day, date):
            raise BadValueError(f"{shown(day)} is no date")
        years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        last = monthrange(years, month + 1)[1]
        moved = day.replace(year=years, month=month + 1, day=min(day.day, last))
        return moved + timedelta(days=days)

    return moved


def _at_most(digits: int) -> Tell:
    step = Decimal(1).scaleb(-digits)

    def fitting(number: Any) -> Any:
        exact = Decimal(number)
        held = exact.quantize(step)
        if held != exact:
            raise BadValueError(f"{number} has more than {digits} digits after the point")
        return held

    return fitting


def _kind(kind: FieldType | None, zone: tzinfo) -> Tell | None:
    match kind:
        case FieldType.STRING:
            return to_text
        case FieldType.INTEGER:
            return to_integer
        case FieldType.DECIMAL:
            return Decimal
        case FieldType.DATETIME | FieldType.DAY:
            return lambda value: _midnight(value, zone)
        case FieldType.BOOLEAN | FieldType.DATE | None:
            return None
        case FieldType.DAYS:
            return lambda value: timedelta(days=int(value))


def _midnight(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def _written(form: str) -> Tell:
    return lambda value: value.strftime(form) if isinstance(value, date) else value


def _cut(length: int) -> Tell:
    return lambda value: value[:length] if isinstance(value, str) else value
