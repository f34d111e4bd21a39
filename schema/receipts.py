"""Receipts."""

from collections.abc import Sequence

import strawberry

from canonical import receipts as records
from canonical.criteria import Criteria
from execution.links import link
from resolvers import items, locations, purchase_orders
from schema.common import Node, connection_types
from schema.filters import DateTimeFilter, StringFilter, criteria
from schema.lazy import ItemType, LocationType, PurchaseOrderType, ReceiptType
from schema.publishing import published, system_id


@published(records.ReceiptLine, hide=("item",))
class ReceiptLine:
    """What arrived of one item."""

    item = link(items.items_of, ItemType, "The item.", "item", reference=items.items_named)


@published(records.Receipt, hide=("purchase_order", "location", "supplier"))
class Receipt(Node):
    """A booked arrival of goods, or its reversal."""

    id = system_id("Receipt")
    purchase_order = link(
        purchase_orders.orders_of,
        PurchaseOrderType | None,
        "The order that it fulfils.",
        "purchase_order",
    )
    location = link(
        locations.locations_of,
        LocationType | None,
        "The location that received.",
        "location",
        reference=locations.locations_named,
    )


@strawberry.input(description="Which receipts; all conditions that are given must hold.")
class ReceiptFilter:
    """Which receipts."""

    number: StringFilter | None = strawberry.field(default=None, description="By number.")
    purchase_order: list[str] | None = strawberry.field(
        default=None, description="Of one of these orders, by number."
    )
    item: list[str] | None = strawberry.field(
        default=None, description="With one of these items, by sku."
    )
    location: list[str] | None = strawberry.field(
        default=None, description="At one of these locations, by code."
    )
    received_at: DateTimeFilter | None = strawberry.field(
        default=None, description="By the moment of arrival."
    )

    def canonical(self) -> tuple[Criteria, Sequence[str] | None]:
        """Criteria on the receipt, and the numbers of the orders of which it must fulfil one."""
        own = criteria(
            ("number", self.number),
            ("lines.item", self.item),
            ("location", self.location),
            ("received_at", self.received_at),
        )
        return own, self.purchase_order


ReceiptConnection, ReceiptEdge = connection_types(ReceiptType, "Receipt", "receipts")
