"""Values of a system's rows as canonical ones: exactly typed, never through a binary float.

Every reader takes a value that is not None and returns the canonical value, or None where the
system's value means that there is none (the empty text for a number or date, a date of the year 1
or 9999, `0000-00-00`).
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.paths import BadValueError, shown, token

Reader = Callable[[Any], Any]
Forms = str | tuple[str, ...] | None

_SAP_DATE: Final = re.compile(r"/Date\((-?\d+)([+-]\d+)?\)/")
_DURATION: Final = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_CLOCK: Final = re.compile(
    r"(?P<sign>-?)(?:(?P<days>\d+)(?: days?,)? +)?"
    r"(?P<hours>\d+):(?P<minutes>\d+)(?::(?P<seconds>\d+(?:\.\d+)?))?"
)
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_WEEKDAY: Final = re.compile("%[aAuw]")
_NO_DATE: Final = ("", "0", "00000000", "0000-00-00")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 86_400_000
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9999
_TRUE: Final = frozenset({"true", "1", "y", "yes", "t", "x"})
_FALSE: Final = frozenset({"false", "0", "n", "no", "f", ""})


def reader_for(
    target: type[Any], kind: FieldType | None, zone: tzinfo, *, form: Forms = None
) -> Reader:
    """The reader that makes a column's type of what a system holds.

    Args:
        target: The column's type.
        kind: What the system holds; None: what the column's type suggests.
        zone: Zone of times that are written without one.
        form: How dates are written (strptime), where not ISO 8601; several are tried in order.
    """
    if issubclass(target, Enum):
        members = {str(m.value): m for m in target}
        return lambda raw: _member(members, raw)
    if target is str:
        return _text_reader(kind, zone, form)
    if target is bool:
        return to_boolean
    if target in (int, Decimal):
        plain = to_integer if target is int else to_decimal
        return (lambda raw: _map(plain, to_days(raw))) if kind is FieldType.DAYS else plain
    if target in (date, datetime):
        return _moment_reader(target, kind, zone, form)
    raise TypeError(f"no reader makes {target.__name__}")


def _moment_reader(target: type[Any], kind: FieldType | None, zone: tzinfo, form: Forms) -> Reader:
    parse = _parser(form, zone) if form else lambda raw: raw
    if target is datetime:
        return lambda raw: to_instant(parse(raw), zone)
    if kind in (FieldType.DAY, FieldType.DATETIME):
        return lambda raw: _day(to_instant(parse(raw), zone), zone)
    return lambda raw: to_date(parse(raw))


def literal(target: type[Any], value: Any) -> Any:
    """A value written in a preset (or decoded from a cursor) as a column's type.

    Raises:
        BadValueError: if it cannot be one.
    """
    if value is None:
        return None
    return reader_for(target, None, UTC)(value)


def to_decimal(raw: Any) -> Decimal | None:
    """A number, exactly as written."""
    if type(raw) is Decimal:
        if raw.is_finite():
            return raw
    elif type(raw) is str:
        if _NUMBER.fullmatch(raw):
            return Decimal(raw.strip())
        if not raw.strip():
            return None
    elif type(raw) is int:
        return Decimal(raw)
    elif isinstance(raw, float) and math.isfinite(raw):
        return Decimal(repr(raw))
    raise BadValueError(f"{shown(raw)} is no number")


def to_integer(raw: Any) -> int | None:
    """A whole number; a fraction of zero is allowed."""
    if type(raw) is int:
        return raw
    number = to_decimal(raw)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise BadValueError(f"{shown(raw)} is no whole number")
    return int(number)


def to_boolean(raw: Any) -> bool:
    """True or false, also as 1/0, Y/N, X/empty and the like."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | str | Decimal):
        text = str(token(raw)).strip().lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
    raise BadValueError(f"{shown(raw)} is neither true nor false")


def to_text(raw: Any) -> str:
    """Text as it is; numbers and booleans as they are written."""
    if type(raw) is str:
        return raw
    if isinstance(raw, str | bool | int | Decimal | date):
        return str(token(raw)) if not isinstance(raw, date) else raw.isoformat()
    if isinstance(raw, float):
        return str(token(Decimal(repr(raw))))
    raise BadValueError(f"{shown(raw)} is no text")


def to_date(raw: Any) -> date | None:
    """A calendar day as written, whatever time and zone follow it."""
    if isinstance(raw, datetime):
        return _proper(raw.date())
    if isinstance(raw, date):
        return _proper(raw)
    text = str(raw).strip() if type(raw) in (str, int) else None
    if text is None:
        raise BadValueError(f"{shown(raw)} is no date")
    if text in _NO_DATE or text.startswith("0000-00-00"):
        return None
    if text.startswith("/Date("):
        milliseconds, offset = _sap(text)
        return _from_days((milliseconds + offset * 60_000) // _DAY_MS)
    if (
        not text.startswith(("0001", "9999"))
        and len(text) > len("2026-01-31")
        and text[10] not in "T "
    ):
        raise BadValueError(f"{shown(raw)} is no date")
    try:
        return _proper(date.fromisoformat(text[:10]))
    except ValueError as exc:
        raise BadValueError(f"{shown(raw)} is no date") from exc


def to_instant(raw: Any, zone: tzinfo) -> datetime | None:
    """An instant, in UTC. Without a zone of its own it is a time in `zone`."""
    moment = raw if isinstance(raw, datetime) else _parsed_instant(raw)
    if moment is None or _proper(moment.date()) is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def to_days(raw: Any) -> int | None:
    """A duration in whole days, a part of a day counted as a day. A bare number counts seconds."""
    if isinstance(raw, timedelta):
        return -(-raw // timedelta(days=1))
    if isinstance(raw, str) and not raw.strip():
        return None
    if isinstance(raw, str) and not _NUMBER.fullmatch(raw):
        seconds = _duration_s(raw.strip())
    else:
        number = to_decimal(raw)
        seconds = Decimal(0) if number is None else number
    return math.ceil(seconds / 86_400)


def rounded_to(digits: int) -> Reader:
    """Rounds a number half-even."""
    step = Decimal(1).scaleb(-digits)
    return lambda number: None if number is None else number.quantize(step, ROUND_HALF_EVEN)


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _map(then: Reader, value: Any) -> Any:
    return None if value is None else then(value)


def _member(members: Mapping[str, Any], raw: Any) -> Any:
    found = members.get(raw) if type(raw) is str else members.get(str(token(raw)))
    if found is None:
        raise BadValueError(f"{shown(raw)} is not one of {', '.join(members)}")
    return found


def _text_reader(kind: FieldType | None, zone: tzinfo, form: Forms) -> Reader:
    if kind in (FieldType.DATE, FieldType.DAY, FieldType.DATETIME):
        target = datetime if kind is FieldType.DATETIME else date
        inner = reader_for(target, kind, zone, form=form)
        return lambda raw: _map(lambda moment: moment.isoformat(), inner(raw))
    if kind in (FieldType.INTEGER, FieldType.DAYS):
        number = reader_for(int, kind, zone)
        return lambda raw: _map(str, number(raw))
    return to_text


def _parser(form: str | tuple[str, ...], zone: tzinfo) -> Reader:
    forms = (form,) if isinstance(form, str) else form

    def parse(raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        if not raw.strip():
            return ""
        moment = next((m for f in forms if (m := _moment(raw.strip(), f)) is not None), None)
        if moment is None:
            written = " or ".join(map(repr, forms))
            raise BadValueError(f"{shown(raw)} is no date as {written} writes it")
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)

    return parse


def _moment(text: str, form: str) -> datetime | None:
    if "%V" in form and not _WEEKDAY.search(form):
        text, form = f"{text} 1", f"{form} %u"
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None


def _proper(day: date) -> date | None:
    return day if _FIRST_YEAR < day.year < _LAST_YEAR else None


def _day(moment: datetime | None, zone: tzinfo) -> date | None:
    return None if moment is None else moment.astimezone(zone).date()


def _sap(text: str) -> tuple[int, int]:
    found = _SAP_DATE.fullmatch(text)
    if found is None:
        raise BadValueError(f"{shown(text)} is no date")
    return int(found[1]), int(found[2] or 0)


def _from_days(days: int) -> date | None:
    try:
        return _proper(date(1970, 1, 1) + timedelta(days=days))
    except OverflowError:
        return None


def _parsed_instant(raw: Any) -> datetime | None:
    if isinstance(raw, date):
        return datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 - the zone follows
    text = str(raw).strip() if type(raw) in (str, int) else None
    if text is None:
        raise BadValueError(f"{shown(raw)} is no time")
    if text in _NO_DATE or text.startswith("0000-00-00"):
        return None
    if text.startswith("/Date("):
        milliseconds, _ = _sap(text)
        try:
            moment = _EPOCH + timedelta(milliseconds=milliseconds)
        except OverflowError:
            return None
        # Without an offset it is a wall time; with one, the milliseconds already count from UTC.
        return moment if _SAP_DATE.fullmatch(text)[2] else moment.replace(tzinfo=None)  # type: ignore[index]
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadValueError(f"{shown(raw)} is no time") from exc


def _duration_s(text: str) -> Decimal:
    found = _DURATION.fullmatch(text) or _CLOCK.fullmatch(text)
    parts = {k: v for k, v in found.groupdict().items() if v and k != "sign"} if found else {}
    if found is None or not parts:
        raise BadValueError(f"{shown(text)} is no duration")
    seconds = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
    try:
        total = sum((Decimal(v) * seconds[k] for k, v in parts.items()), Decimal(0))
    except InvalidOperation as exc:
        raise BadValueError(f"{shown(text)} is no duration") from exc
    return -total if found["sign"] else total
