"""Rows as the JSON that services take, and the addresses of rows.

type                 V2                       V4
Edm.Decimal, Int64   "10.5"                   "10.5" (IEEE754Compatible)
Edm.DateTime         "/Date(1706659200000)/"  (none)
Edm.DateTimeOffset   "/Date(1706659200000+0000)/"   "2024-01-31T00:00:00Z"
Edm.Date             (none)                   "2024-01-31"
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.kit.rows import Row
from connectors.odata.keys import padded
from connectors.odata.literals import literal
from connectors.odata.settings import Version
from connectors.odata.shape import Shape

CONTENT_TYPE: Final[Mapping[Version, str]] = {
    "v2": "application/json",
    "v4": "application/json;IEEE754Compatible=true",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TEXTS: Final = frozenset({"Edm.String", "Edm.Decimal", "Edm.Int64", "Edm.Double", "Edm.Single"})
_SAFE: Final = "'(),=$:@!*"


def encoded_body(row: Row, shape: Shape, prefix: str = "") -> bytes:
    """A row with the rows nested in it as a document.

    Args:
        row: The row.
        shape: What is known of the set that it is in, or is nested in.
        prefix: The link that leads to it in that set, with a dot at its end.

    Raises:
        ValueError: if a value has no form there.
    """
    return msgspec.json.encode(_document(row, shape, prefix))


def _document(row: Row, shape: Shape, prefix: str) -> Row:
    return {name: _value(value, f"{prefix}{name}", shape) for name, value in row.items()}


def _value(value: Any, path: str, shape: Shape) -> Any:
    rows = rows_at(path, value, shape)
    if rows is not None:
        return [_document(each, shape, f"{path}.") for each in rows]
    if isinstance(value, dict):
        return _document(value, shape, f"{path}.")
    if path in shape.options.pad:
        value = padded(value, shape.options.pad[path])
    return _scalar(value, shape.type_of(path), shape.settings.version)


def rows_at(path: str, value: Any, shape: Shape) -> list[Row] | None:
    """The rows behind a link; of a link to many a single row may stand for itself."""
    if isinstance(value, list | tuple):
        return list(value)
    return [value] if isinstance(value, dict) and path in shape.options.nested else None


def _scalar(value: Any, edm: str | None, version: Version) -> Any:
    match value:
        case None | bool() | str():
            return value
        case Decimal():
            return f"{value:f}"
        case int():
            return str(value) if edm in _TEXTS else value
        case date():
            return _day(value, edm) if version == "v2" else _iso(value, edm)
    raise ValueError(f"{value!r} has no form in JSON")


def _day(value: date, edm: str | None) -> str:
    if edm == "Edm.String":
        return value.isoformat()
    moment = _moment(value)
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    has_zone = edm == "Edm.DateTimeOffset" or (edm is None and isinstance(value, datetime))
    return f"/Date({milliseconds}{'+0000' if has_zone else ''})/"


def _iso(value: date, edm: str | None) -> str:
    if not isinstance(value, datetime) and edm != "Edm.DateTimeOffset":
        return value.isoformat()
    moment = _moment(value)
    if edm == "Edm.Date":
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def _moment(value: date) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def predicate(key: Sequence[tuple[str, Any]], shape: Shape, prefix: str = "") -> str:
    """A key as it stands behind the name of a set: `('1')`, `(A='1',B='2')`, encoded.

    Raises:
        ValueError: if a value cannot be of its type.
    """
    written = [(name, key_literal(name, value, shape, prefix)) for name, value in key]
    if len(written) == 1:
        return f"({quote(written[0][1], safe=_SAFE)})"
    return f"({quote(','.join(f'{name}={text}' for name, text in written), safe=_SAFE)})"


def key_literal(name: str, value: Any, shape: Shape, prefix: str = "") -> str:
    """A value of a key as a literal.

    Raises:
        ValueError: if it cannot be of its type.
    """
    path = f"{prefix}{name}"
    if path in shape.options.pad:
        value = padded(value, shape.options.pad[path])
    kind = "integer" if isinstance(value, int) else "string"
    return literal(value, shape.edm(path, kind), shape.settings.version)
