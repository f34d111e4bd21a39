"""Rows out of their OData envelope.

V2 wraps rows in `{"d": {"results": [...]}}` (older services in `{"d": [...]}`, single rows in
`{"d": {...}}`), links to many rows once more in `results`, and links that were not expanded as
`__deferred`. V4 has `value`. Out come plain rows: lists are lists, a link without rows is null,
`/Date(ms)/` is ISO text, and what describes the protocol is gone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from msgspec import Struct

from connectors.kit.rows import Row
from connectors.odata.settings import Version

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"/Date\((-?\d+)(?:([+-])(\d+))?\)/")
_FLAT: Final = frozenset({str, int, bool, Decimal, type(None)})
_MARKED: Final = frozenset({"/", "0"})
"""What texts begin with that may be dates, or say that there is none."""
_NEXT: Final = "@odata.nextLink"
_FORMS_OF_ROWS: Final = 512
_DATES: Final = 4096
_NO_DATES: Final = frozenset({"0000-00-00", "0001-01-01", "0001-01-01T00:00:00Z"})


class Rest(Struct, frozen=True):
    """A list within a row that the system cut: its rows so far, and where they go on."""

    rows: list[Row]
    next: str


class Envelope(Struct, frozen=True):
    """What one answer holds.

    Attributes:
        rows: The rows, unwrapped.
        next: Address of the following page, as the system wrote it.
        total: All rows that match, where it was asked for.
        rests: Lists within rows that go on elsewhere.
    """

    rows: list[Row]
    next: str | None
    total: int | None
    rests: Sequence[Rest]


def open_envelope(body: Any, version: Version, etag: str | None = None) -> Envelope:
    """Take the rows out of a decoded body.

    Args:
        body: The body.
        version: The protocol's.
        etag: Name under which rows get their ETag, if they are to have it.

    Raises:
        ValueError: if it has not the form that the version prescribes.
    """
    rests: list[Rest] = []
    rows, following, total = _open_v2(body) if version == "v2" else _open_v4(body)
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list of something other than rows")
    found = [_row(r, rests) for r in rows]
    if etag is not None:
        for row, raw in zip(found, rows, strict=True):
            row[etag] = _etag(raw)
    return Envelope(found, _link(following), _count(total), rests)


def _open_v2(body: Any) -> tuple[list[Any], Any, Any]:
    match body:
        case {"d": {"results": list(rows), **rest}}:
            return rows, rest.get("__next"), rest.get("__count")
        case {"d": list(rows)}:
            return rows, None, None
        case {"d": dict(row)}:
            return [row], None, None
    raise ValueError("no `d` that holds rows")


def _open_v4(body: Any) -> tuple[list[Any], Any, Any]:
    match body:
        case {"value": list(rows), **rest}:
            return rows, rest.get("@odata.nextLink"), rest.get("@odata.count")
        case {"@odata.context": str()}:
            return [body], None, None
    raise ValueError("no `value` that holds rows")


def _etag(raw: Mapping[str, Any]) -> str | None:
    """What tells the state of a row from later ones, as the system has it."""
    metadata = raw.get("__metadata")
    found = metadata.get("etag") if isinstance(metadata, dict) else raw.get("@odata.etag")
    return found if isinstance(found, str) else None


def _link(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, str | int) and str(value).isdecimal() else None


def _row(raw: Mapping[str, Any], rests: list[Rest]) -> Row:
    names = _names(tuple(raw))
    row = {name: _value(raw[name], rests) for name in names.kept}
    if names.links or any(type(v) is dict and "__next" in v for v in raw.values()):
        for name, link in _cut(raw):
            if isinstance(row.get(name), list):
                rests.append(Rest(row[name], link))
    return row


class _Names(NamedTuple):
    """Names of a row: those that stay, and whether there are links to the rest of a list."""

    kept: tuple[str, ...]
    links: bool


@lru_cache(_FORMS_OF_ROWS)
def _names(names: tuple[str, ...]) -> _Names:
    """Rows of one answer have the same names, so that these are looked at once."""
    kept = tuple(n for n in names if not n.startswith("__") and "@" not in n)
    return _Names(kept, any(n.endswith(_NEXT) for n in names))


def _value(value: Any, rests: list[Rest]) -> Any:
    if type(value) is str:
        return _text(value) if value[:1] in _MARKED else value
    if type(value) in _FLAT:
        return value
    match value:
        case list() | {"results": list()}:
            elements = value if isinstance(value, list) else value["results"]
            return [_value(element, rests) for element in elements]
        case {"__deferred": _}:
            return None
        case dict():
            return _row(value, rests)
    return value


def _cut(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lists within a row that have a next link, by name."""
    for name, value in raw.items():
        if isinstance(value, dict) and isinstance(value.get("__next"), str):
            yield name, value["__next"]
        elif name.endswith(_NEXT) and isinstance(value, str):
            yield name.removesuffix(_NEXT), value


def _text(text: str) -> str | None:
    if text.startswith("/Date("):
        return _date(text)
    return None if text in _NO_DATES else text


@lru_cache(_DATES)
def _date(text: str) -> str | None:
    """`/Date(ms)/` as wall time without zone, `/Date(ms+60)/` in UTC; None where no such day is.

    The offset only says in which zone the system would show the moment. Year 1 is how services
    write that there is no date.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    try:
        moment = _EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return None
    if moment.year == 1:
        return None
    return (moment if match[2] else moment.replace(tzinfo=None)).isoformat()
