"""Scalars: exact numbers as strings, days as ISO 8601, moments as RFC 3339 with an offset."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from execution.leaves import ColumnWriter

_MAX_DIGITS: Final = 60
_SHOWN: Final = 60
_SHOWN_DECIMALS: Final = 3

_MANY_DECIMALS: Final = re.compile(r"\.\d{4}")

JSON = NewType("JSON", object)


def _decimal_text(value: Decimal) -> str:
    """The number, exactly; without the zeros that a system appends beyond the third decimal."""
    text = format(value, "f")
    whole, point, decimals = text.partition(".")
    if len(decimals) <= _SHOWN_DECIMALS:
        return text
    significant = max(len(decimals.rstrip("0")), _SHOWN_DECIMALS)
    return f"{whole}{point}{decimals[:significant]}"


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise GraphQLError(f'a Decimal is written as a string, like "12.50"; not {value!r}')
    text = value if isinstance(value, str) else repr(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise GraphQLError(f'a Decimal is written as "12.50"; not {_shown(text)}') from None
    if not number.is_finite() or len(number.as_tuple().digits) > _MAX_DIGITS:
        raise GraphQLError(f"a Decimal is finite and has at most {_MAX_DIGITS} digits")
    if abs(number.adjusted()) > _MAX_DIGITS:
        raise GraphQLError(f"a Decimal has at most {_MAX_DIGITS} places")
    return number


def _date(value: object) -> date:
    try:
        return date.fromisoformat(_text(value, "Date"))
    except ValueError:
        raise GraphQLError(f'a Date is written as "2026-11-23"; not {_shown(value)}') from None


def _datetime(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value, "DateTime"))
    except ValueError:
        raise GraphQLError(
            f'a DateTime is written as "2026-11-23T08:00:00Z"; not {_shown(value)}'
        ) from None
    if moment.tzinfo is None:
        raise GraphQLError(
            f'a DateTime needs an offset, like "2026-11-23T08:00:00Z"; {_shown(value)} has none'
        )
    return moment


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"a {name} is written as a string; not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _scalar(
    name: str, description: str, serialize: Callable[[Any], Any], parse: Callable[[Any], Any]
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, serialize=serialize, parse_value=parse
    )


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Decimal: _scalar(
        "Decimal", 'An exact decimal number as a string, like "12.50".', _decimal_text, _decimal
    ),
    date: _scalar("Date", 'A calendar day as ISO 8601, like "2026-11-23".', date.isoformat, _date),
    datetime: _scalar(
        "DateTime",
        'A moment as RFC 3339 with offset, like "2026-11-23T08:00:00+00:00".',
        datetime.isoformat,
        _datetime,
    ),
    JSON: _scalar("JSON", "Any JSON value.", lambda value: value, lambda value: value),
}
"""Python types and the scalars that they are published as."""


def _decimal_column(values: Sequence[Any]) -> list[str] | None:
    try:
        texts = list(map(Decimal.__str__, values))
    except TypeError:
        return None
    joined = "\n".join(texts)
    if "E" in joined or "N" in joined or "I" in joined or _MANY_DECIMALS.search(joined):
        return list(map(_decimal_text, values))
    return texts


def _date_column(values: Sequence[Any]) -> list[str] | None:
    if set(map(type, values)) != {date}:
        return None
    texts = {day: date.isoformat(day) for day in set(values)}  # many values are few days
    return [texts[day] for day in values]


def _datetime_column(values: Sequence[Any]) -> list[str] | None:
    return list(map(datetime.isoformat, values)) if set(map(type, values)) == {datetime} else None


COLUMN_WRITERS: Final[Mapping[str, ColumnWriter]] = {
    "Decimal": _decimal_column,
    "Date": _date_column,
    "DateTime": _datetime_column,
}
"""The same scalars written for a whole column at a time."""
