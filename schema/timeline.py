"""Timelines: what happened, across systems, in order. An entry is a `canonical.events.Event`."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec
import strawberry

from canonical.events import Event, encode_data
from execution.fields import Column
from execution.links import Argument, attribute, computed, link
from resolvers import timeline
from resolvers.summaries import summaries
from schema.common import AFTER, FIRST, connection_types
from schema.lazy import PurchaseOrderType
from schema.scalars import JSON


def _said(name: str, returns: Any, description: str) -> Any:
    return attribute(Column(name, attrgetter(name)), returns, description)


def _data(events: Sequence[Event]) -> list[Any]:
    return [msgspec.json.decode(encode_data(e.data)) for e in events]


@strawberry.type(description="One thing that happened.")
class TimelineEntry:
    """One thing that happened."""

    event_id = _said("event_id", strawberry.ID, "The event's id.")
    type = _said("type", str, "What happened, with the version of its data: a CloudEvents type.")
    at = _said("occurred_at", datetime, "When it happened, as its system says.")
    recorded_at = _said(
        "recorded_at", datetime | None, "When this service learned of it; null in a preview."
    )
    system = _said("system", str, "The system that tells.")
    correlation_id = _said("correlation_id", str, "Id that ties everything about it together.")
    business_key = _said(
        "business_key", str, "What it is about, as people call it: `purchase_order:4500001`."
    )
    summary = computed(summaries, str, "What happened, in a sentence.")
    data = computed(_data, JSON, "What the event says, in the form of its type.")
    applied = _said(
        "applied",
        bool,
        "False for what was told after something newer about the same, and moved nothing back.",
    )
    purchase_order = link(
        timeline.orders_of,
        PurchaseOrderType | None,
        "The order that it is about, as its system has it now; null if it is about none.",
    )


TimelineConnection, TimelineEdge = connection_types(
    TimelineEntry, "Timeline", "events of a timeline"
)

TIMELINE: Final = link(
    timeline.timeline,
    TimelineConnection,
    "What happened to one thing, oldest first, across systems: name one of `purchaseOrder`, `item` "
    f"and `correlationId`. It reaches back {timeline.MOST_EVENTS} events.",
    arguments={
        "purchase_order": Argument(str | None, "Number of the order."),
        "item": Argument(str | None, "Sku of the item."),
        "correlation_id": Argument(str | None, "Correlation id of an event or a change."),
        "system": Argument(str | None, "Only what this system tells."),
        "first": FIRST,
        "after": AFTER,
    },
)
