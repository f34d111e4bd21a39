"""What can be asked."""

import strawberry

from execution.links import REQUIRED, Argument, column, link
from resolvers import (
    forecasts,
    inventory,
    items,
    locations,
    nodes,
    purchase_orders,
    receipts,
    recommendations,
    suppliers,
    viewer,
)
from schema.audit import AUDIT_ENTRIES
from schema.catalogue import CATALOG, SCHEMA_USAGE
from schema.common import AFTER, FIRST, MAX_STALENESS, Node
from schema.exceptions import EXCEPTION, EXCEPTIONS
from schema.forecasts import ForecastConnection, ForecastFilter
from schema.inventory import InventoryFilter, InventoryPositionConnection
from schema.items import Item, ItemConnection, ItemFilter, ItemOrder
from schema.locations import Location, LocationConnection, LocationFilter
from schema.operations import DEAD_LETTER, DEAD_LETTERS
from schema.processes import PROCESS, PROCESS_TIMES, PROCESSES
from schema.purchase_orders import (
    PurchaseOrder,
    PurchaseOrderConnection,
    PurchaseOrderFilter,
    PurchaseOrderOrder,
)
from schema.receipts import ReceiptConnection, ReceiptFilter
from schema.recommendations import (
    RECALCULATE_RECOMMENDATION,
    RecommendationConnection,
    RecommendationFilter,
)
from schema.suppliers import Supplier, SupplierConnection, SupplierFilter, SupplierOrder
from schema.timeline import TIMELINE

_PAGE = {"first": FIRST, "after": AFTER, "max_staleness": MAX_STALENESS}


@strawberry.type(description="Who is asking, and what they may see.")
class Viewer:
    """The caller."""

    subject: str = column("Who it is, as the issuer of the token names it.")
    roles: list[str] = column(
        "What it is here: PLANNER, BUYER, SUPPLIER, OPERATOR, AUDITOR, MACHINE."
    )
    suppliers: list[str] | None = column(
        "Codes of the suppliers whose data it may see; null for all."
    )


@strawberry.type(description="What can be asked.")
class Query:
    """The root of every question."""

    node = link(
        nodes.node,
        Node | None,
        "The record with a global id; null if it is not there or may not be seen.",
        arguments={"id": Argument(strawberry.ID, "The id, as it was read.", REQUIRED)},
    )
    nodes = link(
        nodes.nodes,
        list[Node | None],
        "The records with some global ids, in their order.",
        arguments={"ids": Argument(list[strawberry.ID], "The ids, as they were read.", REQUIRED)},
    )
    item = link(
        items.item,
        Item | None,
        "The item with a sku.",
        arguments={
            "sku": Argument(str, "The sku.", REQUIRED),
            "max_staleness": MAX_STALENESS,
        },
    )
    items = link(
        items.items,
        ItemConnection,
        "Items, by sku where nothing else is said.",
        arguments={
            "filter": Argument(ItemFilter | None, "Which items."),
            "order_by": Argument(list[ItemOrder] | None, "In which order."),
            **_PAGE,
        },
    )
    supplier = link(
        suppliers.supplier,
        Supplier | None,
        "The supplier with a code.",
        arguments={
            "code": Argument(str, "The code.", REQUIRED),
            "max_staleness": MAX_STALENESS,
        },
    )
    suppliers = link(
        suppliers.suppliers,
        SupplierConnection,
        "Suppliers, by code where nothing else is said.",
        arguments={
            "filter": Argument(SupplierFilter | None, "Which suppliers."),
            "order_by": Argument(list[SupplierOrder] | None, "In which order."),
            **_PAGE,
        },
    )
    location = link(
        locations.location,
        Location | None,
        "The location with a code.",
        arguments={
            "code": Argument(str, "The code.", REQUIRED),
            "max_staleness": MAX_STALENESS,
        },
    )
    locations = link(
        locations.locations,
        LocationConnection,
        "Locations, by code.",
        arguments={"filter": Argument(LocationFilter | None, "Which locations."), **_PAGE},
    )
    inventory = link(
        inventory.inventory,
        InventoryPositionConnection,
        "Inventory positions, by item and location.",
        arguments={"filter": Argument(InventoryFilter | None, "Which positions."), **_PAGE},
    )
    purchase_order = link(
        purchase_orders.purchase_order,
        PurchaseOrder | None,
        "The order with a number. An error, if several systems have one and none is named.",
        arguments={
            "number": Argument(str, "The number.", REQUIRED),
            "system": Argument(str | None, "The only system to look in."),
            "max_staleness": MAX_STALENESS,
        },
    )
    purchase_orders = link(
        purchase_orders.purchase_orders,
        PurchaseOrderConnection,
        "Purchase orders, the latest first where nothing else is said.",
        arguments={
            "filter": Argument(PurchaseOrderFilter | None, "Which orders."),
            "order_by": Argument(list[PurchaseOrderOrder] | None, "In which order."),
            **_PAGE,
        },
    )
    receipts = link(
        receipts.receipts,
        ReceiptConnection,
        "Receipts, system by system, in the order of their keys there.",
        arguments={"filter": Argument(ReceiptFilter | None, "Which receipts."), **_PAGE},
    )
    forecasts = link(
        forecasts.forecasts,
        ForecastConnection,
        "Forecasts, by their first day.",
        arguments={"filter": Argument(ForecastFilter | None, "Which forecasts."), **_PAGE},
    )
    recommendations = link(
        recommendations.recommendations,
        RecommendationConnection,
        "Replenishment recommendations, by the day on which the goods are needed.",
        arguments={
            "filter": Argument(RecommendationFilter | None, "Which recommendations."),
            **_PAGE,
        },
    )
    recalculate_recommendation = RECALCULATE_RECOMMENDATION
    timeline = TIMELINE
    dead_letters = DEAD_LETTERS
    dead_letter = DEAD_LETTER
    exceptions = EXCEPTIONS
    exception = EXCEPTION
    processes = PROCESSES
    process = PROCESS
    process_times = PROCESS_TIMES
    audit_entries = AUDIT_ENTRIES
    schema_usage = SCHEMA_USAGE
    catalog = CATALOG
    viewer = link(viewer.viewer, Viewer, "Who is asking, and what they may see.")
