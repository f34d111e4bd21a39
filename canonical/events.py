"""Business events: what may be told of, in versioned types, each with its data and its rules.

This table is what the log, ingestion, the streams, the AsyncAPI document and the JSON Schemas agree
on. An event is a CloudEvent 1.0: its `type` is `supplygraph.<stream>.<name>.v<version>`, its
`source` the system, its `subject` the first of `subjects`.

Events are found from observations (`canonical.observations`): what a system said of a record, held
against what was known of it. So the same change, whichever way it was heard of, is one event.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from canonical.entities import EntityName
from canonical.event_streams import PREFIX, EventData, OwnStream, StreamName
from canonical.exception_events import ExceptionChanged
from canonical.items import ItemStatus
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.recommendations import RecommendationStatus
from canonical.suppliers import SupplierStatus


class PurchaseOrderStatusChanged(EventData, frozen=True, kw_only=True):
    """An order came to another status."""

    number: Annotated[str, Meta(description="The order's number.")]
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")]
    status: Annotated[PurchaseOrderStatus, Meta(description="What its status is now.")]
    previous_status: Annotated[
        PurchaseOrderStatus | None, Meta(description="What it was before, where that is known.")
    ] = None


class ConfirmedLine(Struct, frozen=True, kw_only=True):
    """What a supplier promised for one line."""

    line_number: Annotated[int, Meta(description="Number of the order line.")]
    confirmed_quantity: Annotated[
        Decimal | None, Meta(description="Promised quantity, in the line's unit.")
    ] = None
    confirmed_on: Annotated[date | None, Meta(description="Promised day.")] = None


class PurchaseOrderAcknowledged(EventData, frozen=True, kw_only=True):
    """The supplier promised something else than before, or for the first time."""

    number: Annotated[str, Meta(description="The order's number.")]
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")]
    lines: Annotated[
        tuple[ConfirmedLine, ...], Meta(description="The promises that are new, by line.")
    ]
    status: Annotated[
        PurchaseOrderStatus | None, Meta(description="The order's status then, where known.")
    ] = None


class PurchaseOrderLineRescheduled(EventData, frozen=True, kw_only=True):
    """A line is wanted on another day."""

    number: Annotated[str, Meta(description="The order's number.")]
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")]
    line_number: Annotated[int, Meta(description="Number of the line within its order.")]
    item: Annotated[str | None, Meta(description="Sku of the item.")]
    due_on: Annotated[date | None, Meta(description="Day on which the goods are wanted now.")]
    previous_due_on: Annotated[date | None, Meta(description="Day on which they were wanted.")]
    status: Annotated[
        PurchaseOrderStatus | None, Meta(description="The order's status then, where known.")
    ] = None


class PurchaseOrderRevised(EventData, frozen=True, kw_only=True):
    """Something else about an order changed: its lines, quantities or prices."""

    number: Annotated[str, Meta(description="The order's number.")]
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")]
    changed: Annotated[tuple[str, ...], Meta(description="Columns that changed, sorted.")]
    status: Annotated[
        PurchaseOrderStatus | None, Meta(description="The order's status then, where known.")
    ] = None


class ForecastRevised(EventData, frozen=True, kw_only=True):
    """Another demand is expected."""

    item: Annotated[str, Meta(description="Sku of the item.")]
    location: Annotated[str | None, Meta(description="Code of the location; null for all.")]
    period_start: Annotated[date, Meta(description="First day of the period.")]
    period_end: Annotated[date | None, Meta(description="Day after the last day of the period.")]
    quantity: Annotated[Decimal, Meta(description="Expected demand in the whole period.")]
    previous_quantity: Annotated[
        Decimal | None, Meta(description="What was expected before; null if nothing was.")
    ] = None
    unit: Annotated[str | None, Meta(description="Unit of the quantities.")] = None
    version: Annotated[str | None, Meta(description="Name of the forecast version.")] = None


class InventoryChanged(EventData, frozen=True, kw_only=True):
    """Stock of an item at a location moved."""

    item: Annotated[str, Meta(description="Sku of the item.")]
    location: Annotated[str, Meta(description="Code of the location.")]
    available: Annotated[Decimal, Meta(description="What may be promised now.")]
    previous_available: Annotated[
        Decimal | None, Meta(description="What might be promised before, where known.")
    ] = None
    on_hand: Annotated[Decimal | None, Meta(description="Usable stock that is there.")] = None
    unit: Annotated[str | None, Meta(description="Unit of the quantities.")] = None


class InventoryThreshold(EventData, frozen=True, kw_only=True):
    """Available stock crossed a threshold."""

    item: Annotated[str, Meta(description="Sku of the item.")]
    location: Annotated[str, Meta(description="Code of the location.")]
    threshold: Annotated[Decimal, Meta(description="The threshold that was crossed.")]
    available: Annotated[Decimal, Meta(description="What may be promised now.")]
    rule: Annotated[str, Meta(description="Name of the threshold, e.g. `safety_stock`.")]
    unit: Annotated[str | None, Meta(description="Unit of the quantities.")] = None


class PostedLine(Struct, frozen=True, kw_only=True):
    """What arrived of one item."""

    item: Annotated[str, Meta(description="Sku of the item.")]
    quantity: Annotated[Decimal, Meta(description="Quantity that arrived; negative if returned.")]
    unit: Annotated[str | None, Meta(description="Unit that it was booked in.")] = None


class ReceiptPosted(EventData, frozen=True, kw_only=True):
    """Goods were booked in, or a booking was reversed."""

    number: Annotated[str, Meta(description="The receipt's number.")]
    purchase_order: Annotated[
        str | None, Meta(description="Key, in the same system, of the order that it fulfils.")
    ]
    supplier: Annotated[str | None, Meta(description="Code of the supplier.")]
    location: Annotated[str | None, Meta(description="Code of the location that received.")]
    lines: Annotated[tuple[PostedLine, ...], Meta(description="What arrived.")] = ()


class SupplierChanged(EventData, frozen=True, kw_only=True):
    """Master data of a supplier changed."""

    code: Annotated[str, Meta(description="Code of the supplier.")]
    changed: Annotated[tuple[str, ...], Meta(description="Columns that changed, sorted.")]
    status: Annotated[SupplierStatus | None, Meta(description="Its status now.")] = None


class ItemChanged(EventData, frozen=True, kw_only=True):
    """Master data of an item changed."""

    sku: Annotated[str, Meta(description="Sku of the item.")]
    changed: Annotated[tuple[str, ...], Meta(description="Columns that changed, sorted.")]
    status: Annotated[ItemStatus | None, Meta(description="Its status now.")] = None


class RecommendationChanged(EventData, frozen=True, kw_only=True):
    """A recommendation came up, or was decided."""

    item: Annotated[str, Meta(description="Sku of the item.")]
    location: Annotated[str | None, Meta(description="Code of the location that needs it.")]
    supplier: Annotated[str | None, Meta(description="Code of the supplier to buy from.")]
    status: Annotated[RecommendationStatus, Meta(description="How far it has come.")]
    previous_status: Annotated[
        RecommendationStatus | None, Meta(description="What it was before; null if it is new.")
    ] = None


class Replay(StrEnum):
    """What may be done again with an event of the past."""

    ALWAYS = "always"
    """Consumers may be given it again at any time; it states what is so, and counts once."""
    LATEST = "latest"
    """Only the latest of its key still says something; older ones are left out of a replay."""
    NEVER = "never"
    """It called for something to be done then; it is shown, and never given again."""


class EventType(Struct, frozen=True, kw_only=True):
    """One type of event, and its rules.

    Attributes:
        stream: The stream it belongs to: the entity that it is about, or our own.
        name: What happened.
        data: What it says.
        version: Of its data; a breaking change makes a new one beside the old.
        owner: Who decides about its meaning: the business side that it comes from.
        retention_days: How long it is kept at least where the manifest says nothing.
        replay: What may be done again with it.
        coalesces: Whether for a reader that is behind only the latest of a key may be sent.
    """

    stream: StreamName
    name: str
    data: type[EventData]
    owner: str
    retention_days: int
    version: int = 1
    replay: Replay = Replay.ALWAYS
    coalesces: bool = False

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return f"{PREFIX}.{self.stream.value}.{self.name}.v{self.version}"


_PURCHASING, _PLANNING, _WAREHOUSING, _MASTER_DATA, _OPERATIONS = (
    "purchasing",
    "planning",
    "warehousing",
    "master data",
    "operations",
)
_ORDER: Final = EntityName.PURCHASE_ORDER
_STOCK: Final = EntityName.INVENTORY
_SEVEN_YEARS: Final = 2_557
# Orders and receipts are business records: tax law of most countries asks for six to ten years of
# the documents themselves, which the ERP keeps; seven years of events cover most disputes.


def _type(
    stream: StreamName, name: str, data: type[EventData], owner: str, days: int, **more: Any
) -> EventType:
    return EventType(stream=stream, name=name, data=data, owner=owner, retention_days=days, **more)


STATUS_CHANGED: Final = _type(
    _ORDER, "status_changed", PurchaseOrderStatusChanged, _PURCHASING, _SEVEN_YEARS
)
ACKNOWLEDGED: Final = _type(
    _ORDER, "acknowledged", PurchaseOrderAcknowledged, _PURCHASING, _SEVEN_YEARS
)
LINE_RESCHEDULED: Final = _type(
    _ORDER, "line_rescheduled", PurchaseOrderLineRescheduled, _PURCHASING, _SEVEN_YEARS
)
ORDER_REVISED: Final = _type(_ORDER, "revised", PurchaseOrderRevised, _PURCHASING, _SEVEN_YEARS)
FORECAST_REVISED: Final = _type(
    EntityName.FORECAST,
    "revised",
    ForecastRevised,
    _PLANNING,
    400,
    replay=Replay.LATEST,
    coalesces=True,
)
INVENTORY_CHANGED: Final = _type(
    _STOCK, "changed", InventoryChanged, _WAREHOUSING, 90, replay=Replay.LATEST, coalesces=True
)
THRESHOLD_BREACHED: Final = _type(
    _STOCK, "threshold_breached", InventoryThreshold, _PLANNING, 400, replay=Replay.NEVER
)
THRESHOLD_RECOVERED: Final = _type(
    _STOCK, "threshold_recovered", InventoryThreshold, _PLANNING, 400, replay=Replay.NEVER
)
RECEIPT_POSTED: Final = _type(
    EntityName.RECEIPT, "posted", ReceiptPosted, _WAREHOUSING, _SEVEN_YEARS
)
SUPPLIER_CHANGED: Final = _type(
    EntityName.SUPPLIER,
    "changed",
    SupplierChanged,
    _MASTER_DATA,
    400,
    replay=Replay.LATEST,
    coalesces=True,
)
ITEM_CHANGED: Final = _type(
    EntityName.ITEM, "changed", ItemChanged, _MASTER_DATA, 400, replay=Replay.LATEST, coalesces=True
)
RECOMMENDATION_CHANGED: Final = _type(
    EntityName.RECOMMENDATION, "changed", RecommendationChanged, _PLANNING, _SEVEN_YEARS
)
EXCEPTION_CHANGED: Final = _type(
    OwnStream.EXCEPTION, "changed", ExceptionChanged, _OPERATIONS, 400, replay=Replay.LATEST
)

EVENT_TYPES: Final[Mapping[str, EventType]] = MappingProxyType(
    {
        t.type: t
        for t in (
            STATUS_CHANGED,
            ACKNOWLEDGED,
            LINE_RESCHEDULED,
            ORDER_REVISED,
            FORECAST_REVISED,
            INVENTORY_CHANGED,
            THRESHOLD_BREACHED,
            THRESHOLD_RECOVERED,
            RECEIPT_POSTED,
            SUPPLIER_CHANGED,
            ITEM_CHANGED,
            RECOMMENDATION_CHANGED,
            EXCEPTION_CHANGED,
        )
    }
)
"""All types, by CloudEvents type."""

STREAMS: Final = tuple(sorted({t.stream for t in EVENT_TYPES.values()}))
_STREAMS_BY_NAME: Final[Mapping[str, StreamName]] = {s.value: s for s in STREAMS}


def stream_of(name: str) -> StreamName:
    """The stream with a name.

    Raises:
        ValueError: if there is none.
    """
    found = _STREAMS_BY_NAME.get(name)
    if found is None:
        raise ValueError(f"there is no stream {name!r}")
    return found


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        type: Name in `EVENT_TYPES`.
        system: The backend that it comes from.
        source_event_id: What names it in its system; with the system it is unique.
        key: Key, in that system, of the record that it is about.
        subjects: What it is about, for those who look for it: `purchase_order:4500001`,
            `item:SKU-1`, `supplier:S-1`, `location:L-1`; the first is its own record, and its
            business key.
        occurred_at: When it happened, as its system says; else when we learned of it.
        data: An instance of its type's data.
        correlation_id: Ties everything about it together, from the source if it gives one.
        traceparent: W3C trace context that it came with.
        applied: False for one that came after a newer one about the same: it stands in the log and
            in histories, and moves nothing back.
        event_id: Given by the log; empty before.
        position: Place in its stream, from 1 on without gaps; 0 before it is in the log.
        recorded_at: When the log took it.
    """

    type: str
    system: str
    source_event_id: str
    key: str
    subjects: tuple[str, ...]
    occurred_at: datetime
    data: Any
    correlation_id: str
    traceparent: str | None = None
    applied: bool = True
    event_id: str = ""
    position: int = 0
    recorded_at: datetime | None = None

    @property
    def kind(self) -> EventType:
        """Its type, with the rules."""
        return EVENT_TYPES[self.type]

    @property
    def stream(self) -> StreamName:
        """The stream that it belongs to."""
        return EVENT_TYPES[self.type].stream

    @property
    def business_key(self) -> str:
        """What people call its record by: the first of its subjects."""
        return self.subjects[0]


_encode: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode
_DECODERS: Final = {name: msgspec.json.Decoder(t.data) for name, t in EVENT_TYPES.items()}


def encode_data(data: EventData) -> bytes:
    """The canonical payload: JSON with sorted keys, decimals as text."""
    return _encode(data)


def decode_data(type_name: str, payload: bytes) -> EventData:
    """Read a canonical payload.

    Raises:
        KeyError: if there is no such type.
        msgspec.ValidationError: if the payload is not of that type.
    """
    decoded: EventData = _DECODERS[type_name].decode(payload)
    return decoded


def subject(entity: StreamName, name: str) -> str:
    """How a record is called in `Event.subjects`."""
    return f"{entity.value}:{name}"
