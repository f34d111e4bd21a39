"""The shape of a service: entity sets, their properties and links, read from a short notation.

A property is a line `Name Type(facets) [flag ...]`; flags are `unit=Property`, `nofilter`,
`nosort`, and for strings `alpha` (digits lose leading zeros) or `numc` (as alpha, ordered as
numbers). A link is a line `to_X * Target Local=Remote ...`, with `*` for many and `1` for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["String", "Decimal", "DateTime", "DateTimeOffset", "Time", "Boolean", "Guid"]

_PROPERTY = re.compile(r"(?P<name>\w+)\s+(?P<kind>\w+)(?:\((?P<facets>[\d,]+)\))?\s*(?P<flags>.*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Property(Struct, frozen=True):
    """A property of an entity type."""

    name: str
    kind: Kind
    length: int | None
    scale: int | None
    unit: str
    filterable: bool
    sortable: bool
    strips_zeros: bool
    numeric_order: bool

    @property
    def default(self) -> Any:
        """What stands on the wire where nothing is known: empty, 0, false or null."""
        if self.kind == "Decimal":
            return f"{Decimal(0):.{self.scale or 0}f}"
        return {"String": "", "Boolean": False, "Time": "PT00H00M00S"}.get(self.kind)

    def stored(self, value: str) -> str:
        """A string as it is stored: number-like keys carry no leading zeros."""
        if self.strips_zeros and value.isdigit():
            return value.lstrip("0") or ("0" if self.numeric_order else "")
        return value


class Link(Struct, frozen=True):
    """A navigation property; `pairs` are (own property, target's property)."""

    name: str
    many: bool
    target: str
    pairs: tuple[tuple[str, str], ...]


class EntitySet(Struct, frozen=True):
    """An entity set and its type.

    `changed` names the property that makes the etag; `shares` the set and the own property that
    lead to the row whose etag it is instead.
    """

    name: str
    key: tuple[str, ...]
    properties: dict[str, Property]
    links: dict[str, Link]
    changed: str
    shares: tuple[str, ...] = ()

    @property
    def type_name(self) -> str:
        """The entity type's name without namespace."""
        return f"{self.name}Type"


class Service(Struct, frozen=True):
    """An OData service: its name is also its namespace."""

    name: str
    sets: dict[str, EntitySet]


def service(name: str, *sets: EntitySet) -> Service:
    """Put entity sets together as a service."""
    return Service(name, {entity_set.name: entity_set for entity_set in sets})


def entity_set(
    name: str, key: str, properties: str, links: str = "", changed: str = "", shares: str = ""
) -> EntitySet:
    """Read an entity set from the notation above; names have blanks between them."""
    return EntitySet(
        name=name,
        key=tuple(key.split()),
        properties={p.name: p for p in map(_property, _lines(properties))},
        links={link.name: link for link in map(_link, _lines(links))},
        changed=changed,
        shares=tuple(shares.split()),
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _property(line: str) -> Property:
    match = _PROPERTY.fullmatch(line)
    if match is None:
        raise ValueError(f"not a property: {line}")
    flags = match["flags"].split()
    facets = [int(facet) for facet in (match["facets"] or "").split(",") if facet]
    return Property(
        name=match["name"],
        kind=match["kind"],  # type: ignore[arg-type]  # declared in services.py only
        length=facets[0] if facets else None,
        scale=facets[1] if len(facets) > 1 else None,
        unit=next((flag[5:] for flag in flags if flag.startswith("unit=")), ""),
        filterable="nofilter" not in flags,
        sortable="nosort" not in flags and "nofilter" not in flags,
        strips_zeros="alpha" in flags or "numc" in flags,
        numeric_order="numc" in flags,
    )


def _link(line: str) -> Link:
    name, many, target, *pairs = line.split()
    split = tuple((own, remote) for own, _, remote in (pair.partition("=") for pair in pairs))
    return Link(name, many == "*", target, split)


def milliseconds(moment: date | datetime) -> int:
    """Milliseconds since 1970 of a UTC datetime, or of a day's midnight."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def to_wire(prop: Property) -> Callable[[Any], Any]:
    """How a Python value of the property is written in JSON."""
    if prop.kind == "Decimal":
        pattern = f"{{:.{prop.scale or 0}f}}"
        return pattern.format
    if prop.kind == "DateTime":
        return lambda value: f"/Date({milliseconds(value)})/"
    if prop.kind == "DateTimeOffset":
        return lambda value: f"/Date({milliseconds(value)}+0000)/"
    if prop.kind == "Time":
        return lambda value: value.strftime("PT%HH%MM%SS")
    return lambda value: value


def checked(prop: Property, value: Any) -> Any:
    """A value of a client's JSON as it stands in a row.

    Raises:
        ValueError: the value is none of the property's, or too long for it.
    """
    if value is None:
        return prop.default
    if prop.kind == "Boolean" and type(value) is bool:
        return value
    if not isinstance(value, str) or not _fits(prop, value):
        raise ValueError(value)
    return _decimal(prop, value) if prop.kind == "Decimal" else prop.stored(value)


def _fits(prop: Property, text: str) -> bool:
    if prop.kind in _WRITTEN:
        return _WRITTEN[prop.kind].fullmatch(text) is not None
    if prop.kind == "Boolean":
        return False
    return prop.kind == "Decimal" or prop.length is None or len(text) <= prop.length


def _decimal(prop: Property, text: str) -> str:
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(text) from error
    scale = prop.scale or 0
    if not number.is_finite() or number != round(number, scale):
        raise ValueError(text)
    if abs(number) >= Decimal(10) ** ((prop.length or 0) - scale):
        raise ValueError(text)
    return f"{number:.{scale}f}"


_WRITTEN: dict[str, re.Pattern[str]] = {
    "DateTime": re.compile(r"/Date\(-?\d+\)/"),
    "DateTimeOffset": re.compile(r"/Date\(-?\d+\+0000\)/"),
    "Time": re.compile(r"PT\d\dH\d\dM\d\dS"),
}


def from_wire(prop: Property) -> Callable[[Any], Any]:
    """How a JSON value of the property becomes something that can be compared; never of null."""
    if prop.kind == "Decimal":
        return Decimal
    if prop.kind == "DateTime":
        return lambda value: int(value[6:-2])
    if prop.kind == "DateTimeOffset":
        return lambda value: int(value[6:-7])
    if prop.numeric_order:
        width = prop.length or 0
        return lambda value: value.zfill(width)
    return lambda value: value
