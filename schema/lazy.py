"""Names of the types that link to each other, so that each may stand in a file of its own."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    # Connections are made at run time; to the type checker they are only names.
    class InventoryPositionConnection:
        """A page of inventory positions."""

    class ItemConnection:
        """A page of items."""

    class PurchaseOrderConnection:
        """A page of purchase orders."""

    from schema.forecasts import Forecast
    from schema.inventory import InventoryPosition
    from schema.items import Item, SupplySource
    from schema.locations import Location
    from schema.projections import ProjectedBucket
    from schema.purchase_orders import PurchaseOrder, PurchaseOrderLine
    from schema.receipts import Receipt
    from schema.suppliers import Supplier, SupplierPerformance

ForecastType = Annotated["Forecast", strawberry.lazy("schema.forecasts")]
InventoryPositionType = Annotated["InventoryPosition", strawberry.lazy("schema.inventory")]
InventoryPositionConnectionType = Annotated[
    "InventoryPositionConnection", strawberry.lazy("schema.inventory")
]
ItemType = Annotated["Item", strawberry.lazy("schema.items")]
ItemConnectionType = Annotated["ItemConnection", strawberry.lazy("schema.items")]
SupplySourceType = Annotated["SupplySource", strawberry.lazy("schema.items")]
LocationType = Annotated["Location", strawberry.lazy("schema.locations")]
ProjectedBucketType = Annotated["ProjectedBucket", strawberry.lazy("schema.projections")]
PurchaseOrderType = Annotated["PurchaseOrder", strawberry.lazy("schema.purchase_orders")]
PurchaseOrderConnectionType = Annotated[
    "PurchaseOrderConnection", strawberry.lazy("schema.purchase_orders")
]
PurchaseOrderLineType = Annotated["PurchaseOrderLine", strawberry.lazy("schema.purchase_orders")]
ReceiptType = Annotated["Receipt", strawberry.lazy("schema.receipts")]
SupplierType = Annotated["Supplier", strawberry.lazy("schema.suppliers")]
SupplierPerformanceType = Annotated["SupplierPerformance", strawberry.lazy("schema.suppliers")]
