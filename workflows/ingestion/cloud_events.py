"""CloudEvents of our own types as reports: what senders say who speak our taxonomy.

A sender says what is so: an order's status, a promise, a day, a forecast, stock, a receipt, a
recommendation. That something else changed (`revised`, `changed`) says no values and is no report;
thresholds we find ourselves.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.absent import ABSENT
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.events import EVENT_TYPES, decode_data
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine
from canonical.receipts import Receipt, ReceiptLine
from canonical.recommendations import ReplenishmentRecommendation
from canonical.records import Record

_LONGEST_ID: Final = 256


class CloudEvent(Struct, frozen=True, kw_only=True):
    """The attributes of a CloudEvent 1.0 that count here.

    Attributes:
        specversion: `1.0`.
        id: Its id: with the system, what it counts once by.
        source: Where it comes from; the system is told by the address that it is sent to.
        type: One of our types.
        time: When it happened.
        recordkey: Extension: the record's key in its system, where the data does not name it.
        correlationid: Extension: ties everything about it together.
        traceparent: Extension: W3C trace context.
        data: What it says.
    """

    specversion: str
    id: str
    source: str
    type: str
    time: datetime | None = None
    recordkey: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


def report_of(system: str, event: CloudEvent) -> Observation:
    """The report that an event makes.

    Raises:
        InvalidInputError: if it makes none; the message says what the sender must mend.
    """
    _check(event)
    try:
        data = decode_data(event.type, bytes(event.data))
    except msgspec.MsgspecError as exc:
        raise InvalidInputError(f"event {event.id}: its data is no {event.type}: {exc}") from exc
    stream = EVENT_TYPES[event.type].stream
    made = _RECORDS.get(EVENT_TYPES[event.type].data.__name__)
    if made is None or not isinstance(stream, EntityName):
        raise InvalidInputError(
            f"event {event.id}: {event.type} says no values; send the type that says them"
        )
    record, named = made(data)
    key = event.recordkey or named
    if not key:
        raise InvalidInputError(
            f"event {event.id}: send the attribute `recordkey`, the record's key in its system"
        )
    return Observation(
        system=system,
        entity=stream,
        key=key,
        record=record,
        occurred_at=event.time,
        source_event_id=event.id,
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
        partial=stream is EntityName.PURCHASE_ORDER,
    )


def _check(event: CloudEvent) -> None:
    if event.specversion != "1.0":
        raise InvalidInputError(f"specversion {event.specversion!r} is not taken, only 1.0")
    if not 0 < len(event.id) <= _LONGEST_ID:
        raise InvalidInputError(f"`id` must have 1 to {_LONGEST_ID} characters")
    if event.type not in EVENT_TYPES:
        known = ", ".join(sorted(EVENT_TYPES))
        raise InvalidInputError(
            f"event {event.id}: there is no type {event.type!r}; there are {known}"
        )
    if event.time is not None and event.time.tzinfo is None:
        raise InvalidInputError(f"event {event.id}: `time` must say its zone, such as a final Z")


def _or_absent(value: Any) -> Any:
    return ABSENT if value is None else value


def _order(data: Any, **more: Any) -> tuple[Record, str]:
    record = PurchaseOrder(
        number=data.number,
        supplier=_or_absent(data.supplier),
        status=_or_absent(data.status),
        **more,
    )
    return record, data.number


def _acknowledged(data: Any) -> tuple[Record, str]:
    lines = tuple(
        PurchaseOrderLine(
            line_number=line.line_number,
            confirmed_quantity=_or_absent(line.confirmed_quantity),
            confirmed_on=_or_absent(line.confirmed_on),
        )
        for line in data.lines
    )
    return _order(data, lines=lines)


def _rescheduled(data: Any) -> tuple[Record, str]:
    line = PurchaseOrderLine(
        line_number=data.line_number, item=_or_absent(data.item), due_on=data.due_on
    )
    return _order(data, lines=(line,))


def _forecast(data: Any) -> tuple[Record, str]:
    record = Forecast(
        item=data.item,
        location=data.location,
        period_start=data.period_start,
        period_end=_or_absent(data.period_end),
        quantity=data.quantity,
        unit=_or_absent(data.unit),
        version=data.version,
    )
    return record, ""


def _stock(data: Any) -> tuple[Record, str]:
    record = InventoryPosition(
        item=data.item,
        location=data.location,
        available=data.available,
        on_hand=_or_absent(data.on_hand),
        unit=_or_absent(data.unit),
    )
    return record, ""


def _receipt(data: Any) -> tuple[Record, str]:
    lines = tuple(
        ReceiptLine(line_number=i, item=x.item, quantity=x.quantity, unit=_or_absent(x.unit))
        for i, x in enumerate(data.lines, 1)
    )
    record = Receipt(
        number=data.number,
        purchase_order=data.purchase_order,
        supplier=data.supplier,
        location=data.location,
        lines=lines,
    )
    return record, data.number


def _recommendation(data: Any) -> tuple[Record, str]:
    record = ReplenishmentRecommendation(
        item=data.item,
        location=data.location,
        supplier=_or_absent(data.supplier),
        status=data.status,
    )
    return record, ""


_RECORDS: Final[Mapping[str, Callable[[Any], tuple[Record, str]]]] = {
    "PurchaseOrderStatusChanged": _order,
    "PurchaseOrderAcknowledged": _acknowledged,
    "PurchaseOrderLineRescheduled": _rescheduled,
    "ForecastRevised": _forecast,
    "InventoryChanged": _stock,
    "ReceiptPosted": _receipt,
    "RecommendationChanged": _recommendation,
}
