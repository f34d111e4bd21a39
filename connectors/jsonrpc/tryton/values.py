"""Tryton's typed JSON, both ways: objects with `__class__` stand for what JSON has no form for.

Replies name nested records with a dot at the end (`"party.": {"code": ...}`); here they become
plain nested dicts, and floats become exact decimals, as short as they are written. Where a
reference (`"shipment": "stock.shipment.in,1"`) is read with its record, its text goes there as
`reference`.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.jsonrpc.numbers import exact

_CLASS: Final = "__class__"


def decode(content: bytes) -> Any:
    """Read a reply.

    Raises:
        msgspec.DecodeError: if it is no JSON.
        ValueError: if a typed value does not make sense.
    """
    return _plain(_DECODER.decode(content))


def encode(value: Any) -> bytes:
    """Write a request."""
    return msgspec.json.encode(_typed(value))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    read = _READERS.get(value.get(_CLASS, ""))
    if read is not None:
        try:
            return read(value)
        except (KeyError, TypeError, ArithmeticError) as exc:
            raise ValueError(f"a {value[_CLASS]} cannot be read") from exc
    nested = {k[:-1]: _plain(v) for k, v in value.items() if k.endswith(".")}
    own = {k: _plain(v) for k, v in value.items() if not k.endswith(".")}
    for name in nested.keys() & own.keys():
        if isinstance(own[name], str) and isinstance(nested[name], dict):
            nested[name]["reference"] = own[name]
    return own | nested


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _typed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(v) for v in value]
    write = next((w for kind, w in _WRITERS if isinstance(value, kind)), None)
    if write is None:
        return value
    name, parts = write(value)
    return {_CLASS: name, **parts}


def _moment(value: datetime) -> tuple[str, Mapping[str, Any]]:
    in_utc = value.astimezone(UTC)  # Tryton keeps UTC without saying so
    return "datetime", {part: getattr(in_utc, part) for part in (*_DAY, *_TIME)}


def _number(value: Decimal) -> tuple[str, Mapping[str, Any]]:
    # Fields have a number of digits, and a zero at the end would be one too many.
    text = f"{value:f}"
    return "Decimal", {"decimal": text.rstrip("0").rstrip(".") if "." in text else text}


def _parts(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    return {name: int(value[name]) for name in names}


def _datetime(value: Mapping[str, Any]) -> datetime:
    return datetime(**_parts(value, (*_DAY, *_TIME)), tzinfo=UTC)


def _time(value: Mapping[str, Any]) -> time:
    return time(**_parts(value, _TIME))  # type: ignore[arg-type]  # ints


_DAY: Final = ("year", "month", "day")
_TIME: Final = ("hour", "minute", "second", "microsecond")
_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "Decimal": lambda v: Decimal(v["decimal"]),
    "date": lambda v: date(**_parts(v, _DAY)),
    "datetime": _datetime,
    "time": _time,
    "timedelta": lambda v: timedelta(seconds=float(v["seconds"])),
    "bytes": lambda v: base64.b64decode(v["base64"]),
}
_WRITERS: Final[Sequence[tuple[type, Callable[[Any], tuple[str, Mapping[str, Any]]]]]] = (
    (Decimal, _number),
    (datetime, _moment),  # before its base class, date
    (date, lambda v: ("date", {part: getattr(v, part) for part in _DAY})),
    (timedelta, lambda v: ("timedelta", {"seconds": v.total_seconds()})),
    (bytes, lambda v: ("bytes", {"base64": base64.b64encode(v).decode()})),
)
_DECODER: Final = msgspec.json.Decoder(type=Any, float_hook=exact)
