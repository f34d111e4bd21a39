"""What can be changed: the shape that clients are written against.

Refused in words until connectors take changes.
"""

from datetime import date
from decimal import Decimal

import strawberry

from execution.links import REQUIRED, Argument, column, link
from resolvers.commands import refuse
from schema import operations, ordering
from schema.purchase_orders import PurchaseOrder
from schema.recommendations import ReplenishmentRecommendation
from schema.refusals import UserError


@strawberry.input(description="What is promised for one line.")
class AcknowledgeLineInput:
    """A promise."""

    line_number: int = strawberry.field(description="Number of the order line.")
    confirmed_quantity: Decimal = strawberry.field(
        description="Promised quantity, in the line's unit."
    )
    confirmed_on: date = strawberry.field(description="Promised day.")


@strawberry.input(description="A supplier's answer to an order.")
class AcknowledgePurchaseOrderInput:
    """An answer to an order."""

    number: str = strawberry.field(description="The order's number.")
    lines: list[AcknowledgeLineInput] = strawberry.field(description="What is promised.")
    system: str | None = strawberry.field(
        default=None, description="The order's system, where several have the number."
    )
    note: str | None = strawberry.field(default=None, description="A note to the buyer.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request count once."
    )


@strawberry.type(description="What came of an acknowledgement.")
class AcknowledgePurchaseOrderPayload:
    """What came of it."""

    purchase_order: PurchaseOrder | None = column("The order as it is now.")
    user_errors: list[UserError] = column("Why it was refused.")


@strawberry.input(description="A forecast.")
class ForecastInput:
    """A forecast."""

    item: str = strawberry.field(description="Sku of the item.")
    period_start: date = strawberry.field(description="First day of the period.")
    period_end: date = strawberry.field(description="Day after the last day of the period.")
    quantity: Decimal = strawberry.field(description="Expected demand, in the item's unit.")
    location: str | None = strawberry.field(default=None, description="Code of the location.")
    version: str | None = strawberry.field(default=None, description="Name of the version.")


@strawberry.input(description="Forecasts to publish.")
class PublishForecastsInput:
    """Forecasts."""

    forecasts: list[ForecastInput] = strawberry.field(description="The forecasts.")
    idempotency_key: str = strawberry.field(description="Makes a repeated request count once.")


@strawberry.type(description="What came of publishing forecasts.")
class PublishForecastsPayload:
    """What came of it."""

    accepted: int = column("How many were taken.")
    user_errors: list[UserError] = column("Why others were refused.")


@strawberry.input(description="A decision on a recommendation.")
class DecideRecommendationInput:
    """A decision."""

    id: strawberry.ID = strawberry.field(description="Id of the recommendation.")
    note: str | None = strawberry.field(default=None, description="Why it was decided so.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request count once."
    )


@strawberry.type(description="What came of a decision.")
class DecideRecommendationPayload:
    """What came of it."""

    recommendation: ReplenishmentRecommendation | None = column("The recommendation as it is now.")
    user_errors: list[UserError] = column("Why it was refused.")


@strawberry.type(description="What can be changed. A change that is not taken says why.")
class Mutation:
    """The root of every change."""

    acknowledge_purchase_order = link(
        refuse,
        AcknowledgePurchaseOrderPayload,
        "Confirm an order as its supplier.",
        arguments={"input": Argument(AcknowledgePurchaseOrderInput, "What is promised.", REQUIRED)},
    )
    create_purchase_order = ordering.CREATE_PURCHASE_ORDER
    validate_purchase_order = ordering.VALIDATE_PURCHASE_ORDER
    cancel_purchase_order = ordering.CANCEL_PURCHASE_ORDER
    publish_forecasts = link(
        refuse,
        PublishForecastsPayload,
        "Publish forecasts to the planning system.",
        arguments={"input": Argument(PublishForecastsInput, "The forecasts.", REQUIRED)},
    )
    approve_recommendation = link(
        refuse,
        DecideRecommendationPayload,
        "Approve a recommendation, so that it is ordered.",
        arguments={"input": Argument(DecideRecommendationInput, "The decision.", REQUIRED)},
    )
    reject_recommendation = link(
        refuse,
        DecideRecommendationPayload,
        "Reject a recommendation.",
        arguments={"input": Argument(DecideRecommendationInput, "The decision.", REQUIRED)},
    )
    replay_dead_letter = operations.REPLAY_DEAD_LETTER
    correct_dead_letter = operations.CORRECT_DEAD_LETTER
    discard_dead_letter = operations.DISCARD_DEAD_LETTER
    replay_events = operations.REPLAY_EVENTS
