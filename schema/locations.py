"""Locations."""

import strawberry

from canonical import locations as records
from canonical.criteria import Criteria
from execution.links import Argument, link
from resolvers import locations
from schema.common import AFTER, FIRST, Node, connection_types
from schema.filters import StringFilter, criteria
from schema.inventory import InventoryFilter
from schema.lazy import InventoryPositionConnectionType, LocationType
from schema.publishing import named_id, published, published_enum


@published(records.Location)
class Location(Node):
    """A place where stock is kept or goods are received, known by its code."""

    id = named_id("Location", "code")
    inventory = link(
        locations.inventory_of,
        InventoryPositionConnectionType,
        "What is stocked at the location, by item.",
        "code",
        arguments={
            "filter": Argument(InventoryFilter | None, "Which positions."),
            "first": FIRST,
            "after": AFTER,
        },
        separate=False,  # one location's page is asked for as a page
    )


@strawberry.input(description="Which locations; all conditions that are given must hold.")
class LocationFilter:
    """Which locations."""

    code: StringFilter | None = strawberry.field(default=None, description="By code.")
    region: list[str] | None = strawberry.field(
        default=None, description="In one of these regions."
    )
    country: list[str] | None = strawberry.field(
        default=None, description="In one of these countries, ISO 3166-1 alpha-2."
    )
    kind: list[published_enum(records.LocationKind)] | None = strawberry.field(  # type: ignore[valid-type]  # an enum made at run time
        default=None, description="Of one of these kinds."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        return criteria(
            ("code", self.code),
            ("region", self.region),
            ("country", self.country),
            ("kind", self.kind),
        )


LocationConnection, LocationEdge = connection_types(LocationType, "Location", "locations")
