"""Inventory positions."""

import strawberry

from canonical import inventory as records
from canonical.criteria import Criteria
from execution.links import link
from resolvers import inventory, items, locations
from schema.common import Node, connection_types
from schema.filters import DecimalFilter, criteria
from schema.lazy import InventoryPositionType, ItemType, LocationType
from schema.publishing import published, system_id


@published(records.InventoryPosition, hide=("item", "location"))
class InventoryPosition(Node):
    """How much of one item is at one location."""

    id = system_id("InventoryPosition")
    item = link(items.items_of, ItemType, "The item.", "item", reference=items.items_named)
    location = link(
        inventory.location_of,
        LocationType,
        "The location.",
        "location",
        reference=locations.locations_named,
    )


@strawberry.input(description="Which positions; all conditions that are given must hold.")
class InventoryFilter:
    """Which positions."""

    item: list[str] | None = strawberry.field(
        default=None, description="Of one of these items, by sku."
    )
    location: list[str] | None = strawberry.field(
        default=None, description="At one of these locations, by code."
    )
    on_hand: DecimalFilter | None = strawberry.field(
        default=None, description="With so much on hand."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        return criteria(("item", self.item), ("location", self.location), ("on_hand", self.on_hand))


InventoryPositionConnection, InventoryPositionEdge = connection_types(
    InventoryPositionType, "InventoryPosition", "inventory positions"
)
