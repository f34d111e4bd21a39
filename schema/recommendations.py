"""Replenishment recommendations, and decisions on them."""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from canonical import recommendations as records
from canonical.criteria import Criteria
from canonical.replenishment import ExplainedLine as ExplainedLineRecord
from execution.links import REQUIRED, Argument, column, link
from resolvers import items, locations, recommendations, suppliers
from resolvers.recommendations import Deciding, RecalculationBasis
from schema.common import Money, Node, connection_types
from schema.filters import criteria
from schema.lazy import ItemType, LocationType, PurchaseOrderType, SupplierType
from schema.publishing import published, published_enum, system_id
from schema.refusals import UserError


@published(ExplainedLineRecord)
class ExplainedLine:
    """One line of a calculation, as a planner reads it."""


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
        recommendations.orders_of,
        PurchaseOrderType | None,
        "The order that came of it.",
        "purchase_order",
        "provenance",
    )
    explanation = link(
        recommendations.explanations_of,
        list[ExplainedLine],
        "How it was calculated, line by line; nothing where a planning system has made it.",
        "provenance",
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


@strawberry.input(description="A decision on a recommendation.")
class DecideRecommendationInput:
    """A decision."""

    id: strawberry.ID = strawberry.field(description="Id of the recommendation.")
    note: str | None = strawberry.field(default=None, description="Why it was decided so.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request count once."
    )

    def canonical(self) -> Deciding:
        """The decision as resolvers take it."""
        return Deciding(self.id, self.note, self.idempotency_key)


@strawberry.type(description="What came of a decision.")
class DecideRecommendationPayload:
    """What came of it."""

    recommendation: ReplenishmentRecommendation | None = column("The recommendation as it is now.")
    user_errors: list[UserError] = column("Why it was refused.")


@strawberry.type(description="What a recommendation would be if it were made now.")
class RecalculatedRecommendation:
    """What a recommendation would be now."""

    recommendation: ReplenishmentRecommendation = column("The recommendation, which stays.")
    same: bool = column("Whether the same would be proposed.")
    needed: bool = column("Whether anything would be.")
    supplier = link(
        recommendations.supplier_of,
        SupplierType | None,
        "The supplier to buy from.",
        reference=suppliers.suppliers_named,
    )
    quantity: Decimal | None = column("Proposed quantity, in `unit`.")
    unit: str | None = column("Unit of the quantity.")
    need_by: date | None = column("Day on which the goods are needed.")
    estimated_cost: Money | None = column("What it would cost.")
    reason: str | None = column("Why it would be proposed.")
    explanation: list[ExplainedLine] = column("The calculation, line by line.")


_DECISION: Final = {"input": Argument(DecideRecommendationInput, "The decision.", REQUIRED)}
APPROVE_RECOMMENDATION: Final = link(
    recommendations.approve,
    DecideRecommendationPayload,
    "Approve a recommendation, so that it is ordered.",
    arguments=_DECISION,
)
REJECT_RECOMMENDATION: Final = link(
    recommendations.reject,
    DecideRecommendationPayload,
    "Reject a recommendation.",
    arguments=_DECISION,
)
RECALCULATE_RECOMMENDATION: Final = link(
    recommendations.recalculate,
    RecalculatedRecommendation | None,
    "Calculate a recommendation again, on the figures that it was made of or on today's. Nothing "
    "is changed by it.",
    arguments={
        "id": Argument(strawberry.ID, "Id of the recommendation.", REQUIRED),
        "on": Argument(
            published_enum(RecalculationBasis), "On which figures.", RecalculationBasis.SAME
        ),
    },
)
