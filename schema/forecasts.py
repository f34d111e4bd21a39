"""Forecasts."""

from datetime import date
from typing import Final

import strawberry

from canonical import forecasts as records
from canonical.criteria import Criteria
from execution.links import Argument, link
from resolvers import items, locations
from resolvers.forecasts import overlapping
from schema.common import Node, connection_types
from schema.filters import criteria
from schema.lazy import ForecastType, ItemType, LocationType
from schema.publishing import published, system_id

SPAN: Final = {
    "from_": Argument(date | None, "Only periods that end after this day.", name="from"),
    "to": Argument(date | None, "Only periods that begin before this day."),
    "location": Argument(str | None, "Code of the only location that counts."),
}
"""Arguments that choose forecasts of an item."""


@published(records.Forecast, hide=("item", "location"))
class Forecast(Node):
    """Expected demand for an item in one period."""

    id = system_id("Forecast")
    item = link(items.items_of, ItemType, "The item.", "item", reference=items.items_named)
    location = link(
        locations.locations_of,
        LocationType | None,
        "The location; null for all of them.",
        "location",
        reference=locations.locations_named,
    )


@strawberry.input(description="Which forecasts; all conditions that are given must hold.")
class ForecastFilter:
    """Which forecasts."""

    item: list[str] | None = strawberry.field(
        default=None, description="Of one of these items, by sku."
    )
    location: list[str] | None = strawberry.field(
        default=None, description="At one of these locations, by code."
    )
    from_: date | None = strawberry.field(
        default=None, name="from", description="Only periods that end after this day."
    )
    to: date | None = strawberry.field(
        default=None, description="Only periods that begin before this day."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        own = criteria(("item", self.item), ("location", self.location))
        return (*own, *overlapping(self.from_, self.to, ()))


ForecastConnection, ForecastEdge = connection_types(ForecastType, "Forecast", "forecasts")
