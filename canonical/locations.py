"""Locations: where stock is kept and goods are received."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record


class LocationKind(StrEnum):
    """What a location is."""

    DISTRIBUTION_CENTER = "DISTRIBUTION_CENTER"
    PLANT = "PLANT"
    STORE = "STORE"
    SUPPLIER_SITE = "SUPPLIER_SITE"
    VIRTUAL = "VIRTUAL"


class Location(Record, frozen=True, kw_only=True):
    """A place where stock is kept or goods are received, known by its code."""

    code: Annotated[
        str, Meta(description="The location's natural key, as the enterprise uses it.")
    ] = ABSENT
    name: Annotated[str, Meta(description="Name of the place.")] = ABSENT
    kind: Annotated[LocationKind, Meta(description="What the place is.")] = ABSENT
    region: Annotated[str | None, Meta(description="Region of the enterprise.")] = ABSENT
    country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2 code.")] = ABSENT
    time_zone: Annotated[str | None, Meta(description="IANA time zone name.")] = ABSENT
