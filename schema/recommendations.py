"""Replenishment recommendations."""

import strawberry

from canonical import recommendations as records
from canonical.criteria import Criteria
from execution.links import link
from resolvers import items, locations, purchase_orders, suppliers
from schema.common import Node, connection_types
from schema.filters import criteria
from schema.lazy import ItemType, LocationType, PurchaseOrderType, SupplierType
from schema.publishing import published, published_enum, system_id


@published(
    records.ReplenishmentRecommendation,
    hide=("item", "location", "supplier", "purchase_order"),
)
class ReplenishmentRecommendation(Node):
    """What is proposed to be bought, and why."""

    id = system_id("ReplenishmentRecommendation")
    item = link(items.items_of, ItemType, "The item.", "item", reference=items.items_named)
    location = link(
        locations.locations_of,
        LocationType | None,
        "The location that needs it.",
        "location",
        reference=locations.locations_named,
    )
    supplier = link(
        suppliers.suppliers_of,
        SupplierType,
        "The supplier to buy from.",
        "supplier",
        reference=suppliers.suppliers_named,
    )
    purchase_order = link(
        purchase_orders.orders_of,
        PurchaseOrderType | None,
        "The order that came of it.",
        "purchase_order",
    )


@strawberry.input(description="Which recommendations; all conditions that are given must hold.")
class RecommendationFilter:
    """Which recommendations."""

    status: list[published_enum(records.RecommendationStatus)] | None = strawberry.field(  # type: ignore[valid-type]  # an enum made at run time
        default=None, description="In one of these statuses."
    )
    item: list[str] | None = strawberry.field(
        default=None, description="Of one of these items, by sku."
    )
    supplier: list[str] | None = strawberry.field(
        default=None, description="From one of these suppliers, by code."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        return criteria(("status", self.status), ("item", self.item), ("supplier", self.supplier))


RecommendationConnection, RecommendationEdge = connection_types(
    ReplenishmentRecommendation, "Recommendation", "replenishment recommendations"
)
