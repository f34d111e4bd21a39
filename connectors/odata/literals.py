"""Values as OData literals, by EDM type and protocol version.

    type                 V2                                 V4
    Edm.String           'O''Neil'                          'O''Neil'
    Edm.Decimal          10.5M                              10.5
    Edm.Int64            10L                                10
    Edm.Guid             guid'...'                          ...
    Edm.DateTime         datetime'2024-01-31T00:00:00'      (none)
    Edm.DateTimeOffset   datetimeoffset'2024-01-31T00:00:00Z'   2024-01-31T00:00:00Z
    Edm.Date             (none)                             2024-01-31
    an enumeration       (none)                             Name.Space.Type'Member'

Whatever a caller wrote ends up between quotes, or is checked to be a number, a date or a GUID.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from connectors.odata.settings import Version


def edm_type(kind: str, version: Version) -> str:
    """The EDM type that fields of a mapping's type most often have."""
    if kind == "date":
        return "Edm.DateTime" if version == "v2" else "Edm.Date"
    return _BY_KIND.get(kind, "Edm.String")


def literal(value: Any, edm: str, version: Version) -> str:
    """Write a value as a literal of an EDM type.

    Raises:
        ValueError: if no such value can exist in that type, or the version has no such type.
    """
    if not edm.startswith("Edm."):
        if version == "v2":
            raise ValueError(f"no literal of type {edm} in OData V2")
        return edm + quoted(str(value))
    write = _WRITERS.get(edm)
    if write is None:
        raise ValueError(f"no literal of type {edm}")
    return write(value, version)


def quoted(text: str) -> str:
    """Text as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def _string(value: Any, version: Version) -> str:
    del version
    if isinstance(value, Decimal):
        return quoted(f"{value:f}")
    if isinstance(value, date):
        return quoted(value.isoformat())
    return quoted(str(value))


def _boolean(value: Any, version: Version) -> str:
    del version
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return "true" if value else "false"


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(value)
    except (ArithmeticError, TypeError) as exc:
        raise ValueError(f"{value!r} is no number") from exc
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    return number


def _fraction(suffix: str) -> Callable[[Any, Version], str]:
    def write(value: Any, version: Version) -> str:
        return f"{_number(value):f}{suffix if version == 'v2' else ''}"

    return write


def _whole(suffix: str) -> Callable[[Any, Version], str]:
    def write(value: Any, version: Version) -> str:
        number = _number(value)
        if number != number.to_integral_value():
            raise ValueError(f"{value!r} is no whole number")
        return f"{int(number)}{suffix if version == 'v2' else ''}"

    return write


def _guid(value: Any, version: Version) -> str:
    text = str(UUID(str(value)))
    return f"guid'{text}'" if version == "v2" else text


def _moment(value: Any) -> datetime:
    """A moment in UTC; a day stands for its beginning, a time without zone is UTC."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        case date():
            return datetime.combine(value, time(), UTC)
    raise ValueError(f"{value!r} is neither a date nor a time")


def _datetime(value: Any, version: Version) -> str:
    if version == "v4":
        raise ValueError("no Edm.DateTime in OData V4")
    return f"datetime'{_moment(value).replace(tzinfo=None).isoformat()}'"


def _datetimeoffset(value: Any, version: Version) -> str:
    text = _moment(value).replace(tzinfo=None).isoformat() + "Z"
    return f"datetimeoffset'{text}'" if version == "v2" else text


def _date(value: Any, version: Version) -> str:
    if version == "v2":
        raise ValueError("no Edm.Date in OData V2")
    return _moment(value).date().isoformat()


_BY_KIND: Final[Mapping[str, str]] = {
    "string": "Edm.String",
    "integer": "Edm.Int32",
    "decimal": "Edm.Decimal",
    "datetime": "Edm.DateTimeOffset",
    "boolean": "Edm.Boolean",
}

_WRITERS: Final[Mapping[str, Callable[[Any, Version], str]]] = {
    "Edm.String": _string,
    "Edm.Boolean": _boolean,
    "Edm.Decimal": _fraction("M"),
    "Edm.Double": _fraction("d"),
    "Edm.Single": _fraction("f"),
    "Edm.Byte": _whole(""),
    "Edm.SByte": _whole(""),
    "Edm.Int16": _whole(""),
    "Edm.Int32": _whole(""),
    "Edm.Int64": _whole("L"),
    "Edm.Guid": _guid,
    "Edm.DateTime": _datetime,
    "Edm.DateTimeOffset": _datetimeoffset,
    "Edm.Date": _date,
}
