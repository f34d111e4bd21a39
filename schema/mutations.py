"""What can be changed: the shape that clients are written against.

Refused in words until connectors take changes.
"""

from datetime import date
from decimal import Decimal

import strawberry

from execution.links import REQUIRED, Argument, column, link
from resolvers.commands import refuse
from schema import exceptions, forecast_publishing, operations
from schema.acknowledging import ACKNOWLEDGE_PURCHASE_ORDER, DECIDE_ACKNOWLEDGEMENT
from schema.purchase_orders import PurchaseOrder
from schema.recommendations import APPROVE_RECOMMENDATION, REJECT_RECOMMENDATION
from schema.refusals import UserError


@strawberry.input(description="A line of a new order.")
class PurchaseOrderLineInput:
    """A line."""

    item: str = strawberry.field(description="Sku of the item.")
    quantity: Decimal = strawberry.field(description="Quantity, in the item's unit.")
    due_on: date = strawberry.field(description="Day on which the goods are wanted.")
    ship_to: str = strawberry.field(description="Code of the location that receives.")
    unit_price: Decimal | None = strawberry.field(
        default=None, description="Price of one unit; the supplier's terms where not given."
    )


@strawberry.input(description="A new order.")
class CreatePurchaseOrderInput:
    """A new order."""

    supplier: str = strawberry.field(description="Code of the supplier.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="What is ordered.")
    idempotency_key: str = strawberry.field(description="Makes a repeated request count once.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    note: str | None = strawberry.field(default=None, description="A note to the supplier.")


@strawberry.type(description="What came of a new order.")
class CreatePurchaseOrderPayload:
    """What came of it."""

    purchase_order: PurchaseOrder | None = column("The order.")
    user_errors: list[UserError] = column("Why it was refused.")


@strawberry.type(description="What can be changed. A change that is not taken says why.")
class Mutation:
    """The root of every change."""

    acknowledge_purchase_order = ACKNOWLEDGE_PURCHASE_ORDER
    decide_acknowledgement = DECIDE_ACKNOWLEDGEMENT
    create_purchase_order = link(
        refuse,
        CreatePurchaseOrderPayload,
        "Order from a supplier.",
        arguments={"input": Argument(CreatePurchaseOrderInput, "The order.", REQUIRED)},
    )
    publish_forecasts = forecast_publishing.PUBLISH_FORECASTS
    approve_recommendation = APPROVE_RECOMMENDATION
    reject_recommendation = REJECT_RECOMMENDATION
    replay_dead_letter = operations.REPLAY_DEAD_LETTER
    correct_dead_letter = operations.CORRECT_DEAD_LETTER
    discard_dead_letter = operations.DISCARD_DEAD_LETTER
    replay_events = operations.REPLAY_EVENTS
    assign_exception = exceptions.ASSIGN_EXCEPTION
    comment_exception = exceptions.COMMENT_EXCEPTION
    retry_exception = exceptions.RETRY_EXCEPTION
    resolve_exception = exceptions.RESOLVE_EXCEPTION
    cancel_exception = exceptions.CANCEL_EXCEPTION
