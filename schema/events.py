"""What can be heard: the shape that clients are written against, refused in words until changes are pushed."""

from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import strawberry

from canonical.errors import UnsupportedError
from execution.links import column
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

    status: PurchaseOrderStatus = column("What its status is now.")  # type: ignore[valid-type]  # made at run time
    previous_status: PurchaseOrderStatus | None = column("What it was before.")  # type: ignore[valid-type]  # made at run time
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
    status: list[PurchaseOrderStatus] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
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


After = Annotated[
    str | None,
    strawberry.argument(
        description="Cursor of the last event seen; what came since is sent first."
    ),
]
Info = strawberry.Info[RequestContext, None]


def _refuse(info: Info) -> AsyncGenerator[Any, None]:
    async def nothing() -> AsyncGenerator[Any, None]:
        info.context.caller  # noqa: B018  # refuses who has not said who they are
        raise UnsupportedError(_REFUSAL)
        yield

    return nothing()


@strawberry.type(description="What can be heard.")
class Subscription:
    """The root of every stream."""

    @strawberry.subscription(description="Purchase orders that change.")
    def purchase_order_changed(
        self,
        info: Info,
        filter: Annotated[
            PurchaseOrderEventFilter | None, strawberry.argument(description="Which orders.")
        ] = None,
        after: After = None,
    ) -> AsyncGenerator[PurchaseOrderEvent, None]:
        """Purchase orders that change."""
        return _refuse(info)

    @strawberry.subscription(description="Forecasts that are revised.")
    def forecast_changed(
        self,
        info: Info,
        filter: Annotated[
            ForecastEventFilter | None, strawberry.argument(description="Which forecasts.")
        ] = None,
        after: After = None,
    ) -> AsyncGenerator[ForecastEvent, None]:
        """Forecasts that are revised."""
        return _refuse(info)

    @strawberry.subscription(description="Stock that falls below a threshold.")
    def inventory_threshold_breached(
        self,
        info: Info,
        filter: Annotated[
            InventoryEventFilter | None, strawberry.argument(description="Which positions.")
        ] = None,
        after: After = None,
    ) -> AsyncGenerator[InventoryThresholdEvent, None]:
        """Stock that falls below a threshold."""
        return _refuse(info)

    @strawberry.subscription(description="Goods that are booked in.")
    def receipt_posted(self, info: Info, after: After = None) -> AsyncGenerator[ReceiptEvent, None]:
        """Goods that are booked in."""
        return _refuse(info)

    @strawberry.subscription(description="Recommendations that come up or are decided.")
    def recommendation_changed(
        self, info: Info, after: After = None
    ) -> AsyncGenerator[RecommendationEvent, None]:
        """Recommendations that come up or are decided."""
        return _refuse(info)
