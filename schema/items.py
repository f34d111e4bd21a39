"""Items and the sources that they can be bought from."""

from enum import Enum

import strawberry

from canonical import items as records
from canonical.criteria import Criteria, Sort
from canonical.supply_sources import SupplySource as SupplySourceRecord
from execution.links import Argument, link
from resolvers import forecasts, inventory, items, projections, purchase_orders
from schema.common import Node, connection_types
from schema.filters import SortDirection, StringFilter, criteria, sort_by
from schema.forecasts import SPAN
from schema.inventory import InventoryFilter
from schema.lazy import (
    ForecastType,
    InventoryPositionType,
    ItemType,
    ProjectedBucketType,
    PurchaseOrderLineType,
    SupplierType,
    SupplySourceType,
)
from schema.publishing import named_id, published, published_enum


@published(records.Item, hide=("preferred_supplier",))
class Item(Node):
    """A thing that is bought, stocked and forecast, known by its sku."""

    id = named_id("Item", "sku")
    preferred_supplier = link(
        items.preferred_supplier,
        SupplierType | None,
        "The supplier bought from first: as its system says, else its preferred or only source.",
        "sku",
        "preferred_supplier",
    )
    sources = link(
        items.sources,
        list[SupplySourceType],
        "Suppliers that the item can be bought from, with their terms.",
        "sku",
    )
    inventory = link(
        inventory.of_items,
        list[InventoryPositionType],
        "Where the item is stocked.",
        "sku",
        arguments={"filter": Argument(InventoryFilter | None, "Which positions.")},
    )
    forecasts = link(
        forecasts.of_items,
        list[ForecastType],
        "What is expected to be needed, by period.",
        "sku",
        arguments=SPAN,
    )
    open_order_lines = link(
        purchase_orders.open_lines_of,
        list[PurchaseOrderLineType],
        "Order lines of which goods are still to come.",
        "sku",
    )
    projected_inventory = link(
        projections.of_items,
        list[ProjectedBucketType],
        "On hand, plus what is on order, less what is forecast, bucket by bucket: joined from ERP, "
        "procurement and planning, in the item's unit. Buckets are weeks from Monday; the first "
        "starts today. Empty, with an error, if a system that has a part in it cannot be asked.",
        "sku",
        "unit",
        "safety_stock",
        arguments={
            "weeks": Argument(int | None, "How many buckets.", 13),
            "location": Argument(str | None, "Code of the only location that counts."),
        },
    )


@published(SupplySourceRecord, hide=("item", "supplier"))
class SupplySource:
    """One supplier that an item can be bought from, with its terms."""

    supplier = link(
        items.source_supplier,
        SupplierType,
        "The supplier.",
        "supplier",
        reference=items.source_supplier_named,
    )


@strawberry.input(description="Which items; all conditions that are given must hold.")
class ItemFilter:
    """Which items."""

    sku: StringFilter | None = strawberry.field(default=None, description="By sku.")
    name: StringFilter | None = strawberry.field(default=None, description="By name.")
    category: StringFilter | None = strawberry.field(default=None, description="By category.")
    status: list[published_enum(records.ItemStatus)] | None = strawberry.field(  # type: ignore[valid-type]  # an enum made at run time
        default=None, description="In one of these statuses."
    )
    supplier: list[str] | None = strawberry.field(
        default=None, description="Supplied by one of these suppliers, by code."
    )

    def canonical(self) -> tuple[Criteria, list[str] | None]:
        """Criteria on the item, and the suppliers of which one must supply it."""
        own = criteria(
            ("sku", self.sku),
            ("name", self.name),
            ("category", self.category),
            ("status", self.status),
        )
        return own, self.supplier


@strawberry.enum(description="What items can be ordered by.")
class ItemOrderField(Enum):
    """What items can be ordered by; values are columns."""

    SKU = "sku"
    NAME = "name"


@strawberry.input(description="An order of items.")
class ItemOrder:
    """An order of items."""

    field: ItemOrderField = strawberry.field(description="By what.")
    direction: SortDirection = strawberry.field(
        default=SortDirection.ASC, description="In which direction."
    )

    def canonical(self) -> Sort:
        """The order in canonical columns."""
        return sort_by(self.field, self.direction)


ItemConnection, ItemEdge = connection_types(ItemType, "Item", "items")
