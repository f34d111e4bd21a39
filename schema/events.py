"""What can be heard: the shape that clients are written against.

Refused in words until changes are pushed.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import strawberry
from strawberry.types import Info

from canonical.errors import UnsupportedError
from execution.links import Argument, column, declare
from resolvers.context import RequestContext
from schema.forecasts import Forecast
from schema.inventory import InventoryPosition
from schema.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from schema.receipts import Receipt
from schema.recommendations import ReplenishmentRecommendation

_REFUSAL: Final = "this installation does not push changes yet: read again from time to time"


@strawberry.interface(
    description="Every event carries a cursor: pass the last one seen as `after` to miss nothing "
    "across a reconnect."
)
class Event:
    """A change that was recorded."""

    cursor: str = column("Where the event stands in its stream.")
    event_id: strawberry.ID = column("The event's id.")
    occurred_at: datetime = column("When it happened.")
    recorded_at: datetime = column("When this service learned of it.")
    correlation_id: str = column("Id that ties everything about it together.")
    system: str = column("The system that it comes from.")


@strawberry.type(description="A purchase order changed.")
class PurchaseOrderEvent(Event):
    """A purchase order changed."""

    status: PurchaseOrderStatus = column("What its status is now.")
    previous_status: PurchaseOrderStatus | None = column("What it was before.")
    purchase_order: PurchaseOrder = column("The order.")


@strawberry.type(description="A forecast was revised.")
class ForecastEvent(Event):
    """A forecast was revised."""

    previous_quantity: Decimal | None = column("Its quantity before.")
    forecast: Forecast = column("The forecast.")


@strawberry.type(description="Stock fell below a threshold.")
class InventoryThresholdEvent(Event):
    """Stock fell below a threshold."""

    threshold: Decimal = column("The threshold.")
    position: InventoryPosition = column("The position.")


@strawberry.type(description="Goods were booked in.")
class ReceiptEvent(Event):
    """Goods were booked in."""

    receipt: Receipt = column("The receipt.")


@strawberry.type(description="A recommendation came up or was decided.")
class RecommendationEvent(Event):
    """A recommendation changed."""

    recommendation: ReplenishmentRecommendation = column("The recommendation.")


@strawberry.input(description="Which orders; all conditions that are given must hold.")
class PurchaseOrderEventFilter:
    """Which orders."""

    number: list[str] | None = strawberry.field(default=None, description="With these numbers.")
    supplier: list[str] | None = strawberry.field(default=None, description="To these suppliers.")
    status: list[PurchaseOrderStatus] | None = strawberry.field(
        default=None, description="That came to one of these statuses."
    )


@strawberry.input(description="Which forecasts; all conditions that are given must hold.")
class ForecastEventFilter:
    """Which forecasts."""

    item: list[str] | None = strawberry.field(default=None, description="Of these items.")
    location: list[str] | None = strawberry.field(default=None, description="At these locations.")


@strawberry.input(description="Which positions; all conditions that are given must hold.")
class InventoryEventFilter:
    """Which positions."""

    item: list[str] | None = strawberry.field(default=None, description="Of these items.")
    location: list[str] | None = strawberry.field(default=None, description="At these locations.")


_AFTER: Final = Argument(
    str | None, "Cursor of the last event seen; what came since is sent first."
)


def _events(context: RequestContext) -> list[Any]:
    context.caller  # noqa: B018  # refuses who has not said who they are
    raise UnsupportedError(_REFUSAL)


def _stream(event: Any, description: str, filter: Any = None, of: str = "") -> Any:
    """A field that is heard. For now it refuses, once it knows who is asking."""

    async def refuse(
        root: Any,  # noqa: ARG001  # strawberry hands it over by this name
        info: Info[RequestContext, None],
        **_: Any,
    ) -> AsyncGenerator[Any, None]:
        for heard in _events(info.context):
            yield heard

    arguments = {"after": _AFTER}
    if filter is not None:
        arguments = {"filter": Argument(filter | None, f"Which {of}."), **arguments}
    declare(refuse, AsyncGenerator[event, None], arguments)
    return strawberry.subscription(resolver=refuse, description=description)


@strawberry.type(description="What can be heard.")
class Subscription:
    """The root of every stream."""

    purchase_order_changed = _stream(
        PurchaseOrderEvent, "Purchase orders that change.", PurchaseOrderEventFilter, "orders"
    )
    forecast_changed = _stream(
        ForecastEvent, "Forecasts that are revised.", ForecastEventFilter, "forecasts"
    )
    inventory_threshold_breached = _stream(
        InventoryThresholdEvent,
        "Stock that falls below a threshold.",
        InventoryEventFilter,
        "positions",
    )
    receipt_posted = _stream(ReceiptEvent, "Goods that are booked in.")
    recommendation_changed = _stream(
        RecommendationEvent, "Recommendations that come up or are decided."
    )
