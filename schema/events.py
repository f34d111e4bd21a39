"""What can be heard: streams of events, their filters, and what an event says.

An object in an answer is a `resolvers.events.Shown`. Streams subscribe by a field's name and
arguments, and hand its events over; the fields themselves yield nothing.
"""

from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import strawberry

from canonical.criteria import Criteria
from canonical.entities import EntityName
from execution.fields import Column
from execution.links import Argument, attribute, computed, heard, link
from resolvers import events, exceptions
from resolvers.events import Shown
from schema.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionSeverity,
    ExceptionState,
    SupplyException,
)
from schema.filters import criteria
from schema.forecasts import Forecast
from schema.inventory import InventoryPosition
from schema.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from schema.receipts import Receipt
from schema.recommendations import ReplenishmentRecommendation


def _said(path: str, returns: Any, description: str) -> Any:
    return attribute(Column(path, attrgetter(path)), returns, description)


def _about(entity: EntityName, returns: Any, description: str) -> Any:
    return link(events.subjects(entity), returns, f"{description}, as its system has it now.")


@strawberry.interface(
    description="Every event carries a cursor: pass the last one seen as `after` to miss nothing "
    "across a reconnect."
)
class Event:
    """A change that was recorded."""

    cursor = _said("cursor", str, "Where the event stands in its stream.")
    event_id = _said("event.event_id", strawberry.ID, "The event's id.")
    type = _said(
        "event.type", str, "What happened, with the version of its data: a CloudEvents type."
    )
    occurred_at = _said("event.occurred_at", datetime, "When it happened.")
    recorded_at = _said("event.recorded_at", datetime, "When this service learned of it.")
    correlation_id = _said(
        "event.correlation_id", str, "Id that ties everything about it together."
    )
    traceparent = _said(
        "event.traceparent", str | None, "W3C trace context that it came with from its source."
    )
    system = _said("event.system", str, "The system that it comes from.")
    snapshot = _said(
        "snapshot",
        bool,
        "Whether nothing happened: it tells what was so already.",
    )

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        """Each stream has events of one type alone."""
        return isinstance(value, Shown)


def _previous_status(shown: Shown) -> Any:
    return getattr(shown.event.data, "previous_status", None)


@strawberry.type(
    description="A purchase order changed: its status, what its supplier promised, or its lines."
)
class PurchaseOrderEvent(Event):
    """A purchase order changed."""

    status = link(events.order_status, PurchaseOrderStatus, "What its status is now.")
    previous_status = attribute(
        Column("event.data.previous_status", _previous_status),
        PurchaseOrderStatus | None,
        "What it was before, if it changed and that is known.",
    )
    purchase_order = _about(EntityName.PURCHASE_ORDER, PurchaseOrder, "The order")


@strawberry.type(description="A forecast was revised.")
class ForecastEvent(Event):
    """A forecast was revised."""

    previous_quantity = _said(
        "event.data.previous_quantity", Decimal | None, "Its quantity before, if there was one."
    )
    forecast = _about(EntityName.FORECAST, Forecast, "The forecast")


@strawberry.type(description="Available stock crossed a threshold, downwards or back.")
class InventoryThresholdEvent(Event):
    """Stock crossed a threshold."""

    threshold = _said("event.data.threshold", Decimal, "The threshold.")
    rule = _said("event.data.rule", str, "Which threshold, e.g. `safety_stock`.")
    available = _said("event.data.available", Decimal, "What might be promised then.")
    recovered = computed(
        events.recovered, bool, "Whether stock came back above it; false if it fell below."
    )
    position = _about(EntityName.INVENTORY, InventoryPosition, "The position")


@strawberry.type(description="Goods were booked in.")
class ReceiptEvent(Event):
    """Goods were booked in."""

    receipt = _about(EntityName.RECEIPT, Receipt, "The receipt")


@strawberry.type(description="A recommendation came up or was decided.")
class RecommendationEvent(Event):
    """A recommendation changed."""

    recommendation = _about(
        EntityName.RECOMMENDATION, ReplenishmentRecommendation, "The recommendation"
    )


@strawberry.type(description="An exception came up, or something happened to it.")
class SupplyExceptionEvent(Event):
    """An exception changed."""

    action = _said("event.data.action", ExceptionAction, "What happened.")
    category = _said("event.data.category", ExceptionCategory, "What kind of trouble it is.")
    severity = _said("event.data.severity", ExceptionSeverity, "How bad it was then.")
    state = _said("event.data.state", ExceptionState, "What had become of it then.")
    owner = _said("event.data.owner", str | None, "Who had to look at it then.")
    exception = link(exceptions.told_of, SupplyException, "The exception, as it is now.")


@strawberry.input(description="Which orders; all conditions that are given must hold.")
class PurchaseOrderEventFilter:
    """Which orders."""

    number: list[str] | None = strawberry.field(default=None, description="With these numbers.")
    supplier: list[str] | None = strawberry.field(default=None, description="To these suppliers.")
    status: list[PurchaseOrderStatus] | None = strawberry.field(
        default=None, description="That came to one of these statuses."
    )

    def canonical(self) -> Criteria:
        """The filter as criteria on what events say."""
        return criteria(
            ("number", self.number), ("supplier", self.supplier), ("status", self.status)
        )


@strawberry.input(description="Which forecasts; all conditions that are given must hold.")
class ForecastEventFilter:
    """Which forecasts."""

    item: list[str] | None = strawberry.field(default=None, description="Of these items.")
    location: list[str] | None = strawberry.field(default=None, description="At these locations.")

    def canonical(self) -> Criteria:
        """The filter as criteria on what events say."""
        return criteria(("item", self.item), ("location", self.location))


@strawberry.input(description="Which positions; all conditions that are given must hold.")
class InventoryEventFilter:
    """Which positions."""

    item: list[str] | None = strawberry.field(default=None, description="Of these items.")
    location: list[str] | None = strawberry.field(default=None, description="At these locations.")

    def canonical(self) -> Criteria:
        """The filter as criteria on what events say."""
        return criteria(("item", self.item), ("location", self.location))


@strawberry.input(description="Which exceptions; all conditions that are given must hold.")
class SupplyExceptionEventFilter:
    """Which exceptions."""

    category: list[ExceptionCategory] | None = strawberry.field(
        default=None, description="Of these categories."
    )
    severity: list[ExceptionSeverity] | None = strawberry.field(default=None, description="So bad.")
    owner: list[str] | None = strawberry.field(default=None, description="Of these owners.")
    supplier: list[str] | None = strawberry.field(
        default=None, description="About one of these suppliers."
    )
    item: list[str] | None = strawberry.field(default=None, description="About one of these items.")

    def canonical(self) -> Criteria:
        """The filter as criteria on what events say."""
        return criteria(
            ("category", self.category),
            ("severity", self.severity),
            ("owner", self.owner),
            ("suppliers", self.supplier),
            ("items", self.item),
        )


_AFTER: Final = {
    "after": Argument(
        str | None, "Cursor of the last event seen: what came since is sent first, then what comes."
    )
}
_SNAPSHOT: Final = {
    "snapshot": Argument(
        bool | None, "Begin with what is so now, as events; not together with `after`.", False
    )
}


def _of(filter: Any, kind: str) -> dict[str, Argument]:
    return {"filter": Argument(filter | None, f"Which {kind}."), **_AFTER, **_SNAPSHOT}


@strawberry.type(
    description="What can be heard. A client that is too far behind to be sent every event is told "
    "so, never left in silence: it gets a result with `data: null` and an error whose `extensions` "
    "have the `code` STREAM_GAP, the `cursor` behind which the stream goes on, how many events of "
    "it may have been `missed`, and what to pass as `after` to be sent these."
)
class Subscription:
    """The root of every stream."""

    purchase_order_changed = heard(
        PurchaseOrderEvent,
        "Purchase orders that change.",
        arguments=_of(PurchaseOrderEventFilter, "orders"),
    )
    forecast_changed = heard(
        ForecastEvent,
        "Forecasts that are revised.",
        arguments=_of(ForecastEventFilter, "forecasts"),
    )
    inventory_threshold_breached = heard(
        InventoryThresholdEvent,
        "Stock that falls below a threshold, or comes back above it.",
        arguments=_of(InventoryEventFilter, "positions"),
    )
    receipt_posted = heard(ReceiptEvent, "Goods that are booked in.", arguments=_AFTER)
    recommendation_changed = heard(
        RecommendationEvent,
        "Recommendations that come up or are decided.",
        arguments={**_AFTER, **_SNAPSHOT},
    )
    exception_changed = heard(
        SupplyExceptionEvent,
        "Exceptions that come up, and what happens to them. The present state is what is open.",
        arguments=_of(SupplyExceptionEventFilter, "exceptions"),
    )
