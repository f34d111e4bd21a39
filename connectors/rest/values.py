"""How Python values are written in a query or a path."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.rest.styles import Formats


def written(value: Any, formats: Formats) -> str:
    """Write one value as the system reads it.

    Datetimes are moved into the declared zone first; decimals are written in full, never with an
    exponent.
    """
    match value:
        case bool():
            return formats.boolean[0] if value else formats.boolean[1]
        case datetime():
            return _moment(value, formats)
        case date():
            return value.strftime(formats.date)
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _moment(value: datetime, formats: Formats) -> str:
    if formats.datetime == "epoch":
        return str(int(value.timestamp()))
    if formats.datetime == "epoch_ms":
        return str(int(value.timestamp() * 1000))
    local = value.astimezone(ZoneInfo(formats.time_zone))
    if formats.datetime != "iso":
        return local.strftime(formats.datetime)
    return local.isoformat().replace("+00:00", "Z")
