"""Suppliers."""

from enum import Enum

import strawberry

from canonical import suppliers as records
from canonical.criteria import Criteria, Sort
from execution.links import Argument, column, link
from resolvers import performance, suppliers
from schema.common import AFTER, FIRST, Node, connection_types
from schema.filters import SortDirection, StringFilter, criteria, sort_by
from schema.lazy import (
    ItemConnectionType,
    PurchaseOrderConnectionType,
    SupplierPerformanceType,
    SupplierType,
)
from schema.publishing import named_id, published, published_enum
from schema.purchase_orders import PurchaseOrderFilter, PurchaseOrderOrder


@published(records.Supplier)
class Supplier(Node):
    """A company that is bought from, known by its code."""

    id = named_id("Supplier", "code")
    purchase_orders = link(
        suppliers.purchase_orders_of,
        PurchaseOrderConnectionType,
        "Orders to the supplier, the latest first where nothing else is said.",
        "code",
        arguments={
            "filter": Argument(PurchaseOrderFilter | None, "Which orders."),
            "order_by": Argument(list[PurchaseOrderOrder] | None, "In which order."),
            "first": FIRST,
            "after": AFTER,
        },
        separate=False,  # one supplier's page is asked for as a page
    )
    items = link(
        suppliers.items_of,
        ItemConnectionType,
        "Items that the supplier supplies, by sku.",
        "code",
        arguments={"first": FIRST, "after": AFTER},
    )
    performance = link(
        performance.of_suppliers,
        SupplierPerformanceType | None,
        "How well the supplier delivered in the last 365 days.",
        "code",
    )


@strawberry.type(
    description="How well a supplier delivered, measured on the orders of the last 365 days that "
    "something was received of."
)
class SupplierPerformance:
    """How well a supplier delivered."""

    orders_measured: int = column("Orders that the figures rest on.")
    on_time_rate: float | None = column(
        "Share of orders, from 0 to 1, whose last receipt came no later than the latest due day."
    )
    average_acknowledgement_hours: float | None = column(
        "Mean hours from the start of the day of the order to its acknowledgement."
    )
    average_delay_days: float | None = column(
        "Mean days from the latest due day to the last receipt; negative if early."
    )


@strawberry.input(description="Which suppliers; all conditions that are given must hold.")
class SupplierFilter:
    """Which suppliers."""

    code: StringFilter | None = strawberry.field(default=None, description="By code.")
    name: StringFilter | None = strawberry.field(default=None, description="By name.")
    country: list[str] | None = strawberry.field(
        default=None, description="In one of these countries, ISO 3166-1 alpha-2."
    )
    status: list[published_enum(records.SupplierStatus)] | None = strawberry.field(  # type: ignore[valid-type]  # an enum made at run time
        default=None, description="In one of these statuses."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria."""
        return criteria(
            ("code", self.code),
            ("name", self.name),
            ("country", self.country),
            ("status", self.status),
        )


@strawberry.enum(description="What suppliers can be ordered by.")
class SupplierOrderField(Enum):
    """What suppliers can be ordered by; values are columns."""

    CODE = "code"
    NAME = "name"


@strawberry.input(description="An order of suppliers.")
class SupplierOrder:
    """An order of suppliers."""

    field: SupplierOrderField = strawberry.field(description="By what.")
    direction: SortDirection = strawberry.field(
        default=SortDirection.ASC, description="In which direction."
    )

    def canonical(self) -> Sort:
        """The order in canonical columns."""
        return sort_by(self.field, self.direction)


SupplierConnection, SupplierEdge = connection_types(SupplierType, "Supplier", "suppliers")
