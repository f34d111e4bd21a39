"""Purchase orders with their lines, acknowledgement and history."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from canonical import purchase_orders as records
from canonical.criteria import Criteria, Sort
from canonical.ids import GlobalId
from execution.links import column, computed, link
from resolvers import purchase_orders, receipts, suppliers
from resolvers.purchase_orders import OrderLine
from schema.common import Node, connection_types
from schema.filters import (
    DateFilter,
    DateTimeFilter,
    SortDirection,
    StringFilter,
    criteria,
    sort_by,
)
from schema.lazy import (
    ItemType,
    LocationType,
    PurchaseOrderLineType,
    PurchaseOrderType,
    ReceiptType,
    SupplierType,
)
from schema.publishing import published, published_enum, system_id

PurchaseOrderStatus = published_enum(records.PurchaseOrderStatus)


@published(records.AcknowledgedLine)
class AcknowledgedLine:
    """What the supplier promised for one line."""


@published(records.Acknowledgement)
class Acknowledgement:
    """The supplier's answer to an order."""


@strawberry.type(description="A change of an order's status that was seen.")
class StatusChange:
    """A change of an order's status."""

    status: PurchaseOrderStatus = column("What it became.")  # type: ignore[valid-type]  # made at run time
    previous_status: PurchaseOrderStatus | None = column("What it was before, if known.")  # type: ignore[valid-type]  # made at run time
    at: datetime = column("When.")
    system: str = column("The system that tells.")
    correlation_id: str | None = column("Id that ties everything about it together.")


def _line_id(line: OrderLine) -> str:
    origin = line.order.provenance
    parts = (origin.system, origin.key, str(line.line.line_number))
    return GlobalId("PurchaseOrderLine", parts).encode()


@published(records.PurchaseOrder, hide=("supplier",))
class PurchaseOrder(Node):
    """An order to a supplier."""

    id = system_id("PurchaseOrder")
    supplier = link(
        suppliers.suppliers_of,
        SupplierType,
        "The supplier.",
        "supplier",
        reference=suppliers.suppliers_named,
    )
    lines = computed(
        lambda orders: [purchase_orders.lines(o) for o in orders],
        list[PurchaseOrderLineType],
        "What was ordered, by line number.",
        "lines",
        "lines.line_number",
        inside="lines",
    )
    receipts = link(receipts.of_orders, list[ReceiptType], "What arrived, in the order of arrival.")
    history = link(
        purchase_orders.history_of,
        list[StatusChange],
        "Status changes that were seen, oldest first.",
        "number",
        "status",
        "updated_at",
        "acknowledgement",
        "acknowledgement.acknowledged_at",
    )


@published(
    records.PurchaseOrderLine,
    hide=("item", "ship_to", "received"),
    instance=OrderLine,
    through="line",
)
class PurchaseOrderLine(Node):
    """One line of a purchase order."""

    id = computed(
        lambda lines: [_line_id(x) for x in lines],
        strawberry.ID,
        "Opaque global id.",
        "line_number",
    )
    purchase_order = link(
        purchase_orders.order_of_line, PurchaseOrderType, "The order that it stands on."
    )
    item = link(
        purchase_orders.item_of_line,
        ItemType,
        "The item.",
        "item",
        reference=purchase_orders.line_items_named,
    )
    ship_to = link(
        purchase_orders.ship_to_of_line,
        LocationType | None,
        "The location that receives.",
        "ship_to",
        reference=purchase_orders.line_locations_named,
    )
    received_quantity = link(
        purchase_orders.received_quantity,
        Decimal,
        "Received so far less what was returned, in `unit`.",
        "received",
        "unit",
        "item",
    )
    open_quantity = link(
        purchase_orders.open_quantity,
        Decimal,
        "Still to come, in `unit`; zero once the line is cancelled or completed.",
        "received",
        "unit",
        "item",
        "quantity",
        "cancelled",
        "completed",
    )


@strawberry.input(description="Which orders; all conditions that are given must hold.")
class PurchaseOrderFilter:
    """Which orders."""

    number: StringFilter | None = strawberry.field(default=None, description="By number.")
    status: list[PurchaseOrderStatus] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="In one of these statuses."
    )
    supplier: list[str] | None = strawberry.field(
        default=None, description="To one of these suppliers, by code."
    )
    item: list[str] | None = strawberry.field(
        default=None, description="With a line of one of these items, by sku."
    )
    ordered_on: DateFilter | None = strawberry.field(default=None, description="By day of order.")
    due_on: DateFilter | None = strawberry.field(
        default=None, description="With a line that is due in this span."
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=None, description="By the last change."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        return criteria(
            ("number", self.number),
            ("status", self.status),
            ("supplier", self.supplier),
            ("lines.item", self.item),
            ("ordered_on", self.ordered_on),
            ("lines.due_on", self.due_on),
            ("updated_at", self.updated_at),
        )


@strawberry.enum(description="What orders can be ordered by.")
class PurchaseOrderOrderField(Enum):
    """What orders can be ordered by; values are columns."""

    NUMBER = "number"
    ORDERED_ON = "ordered_on"
    UPDATED_AT = "updated_at"


@strawberry.input(description="An order of purchase orders.")
class PurchaseOrderOrder:
    """An order of purchase orders."""

    field: PurchaseOrderOrderField = strawberry.field(description="By what.")
    direction: SortDirection = strawberry.field(
        default=SortDirection.ASC, description="In which direction."
    )

    def canonical(self) -> Sort:
        """The order in canonical columns."""
        return sort_by(self.field, self.direction)


PurchaseOrderConnection, PurchaseOrderEdge = connection_types(
    PurchaseOrderType, "PurchaseOrder", "purchase orders"
)
