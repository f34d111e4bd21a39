"""Events in a sentence, for people who read a timeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from canonical.events import (
    THRESHOLD_RECOVERED,
    Event,
    ForecastRevised,
    InventoryChanged,
    InventoryThreshold,
    ItemChanged,
    PurchaseOrderAcknowledged,
    PurchaseOrderLineRescheduled,
    PurchaseOrderRevised,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
    RecommendationChanged,
    SupplierChanged,
)
from canonical.exception_events import ExceptionChanged

_LISTED: Final = 5


def summaries(events: Sequence[Event]) -> list[str]:
    """What happened, event by event; of one that came too late, that it did."""
    return [
        _SENTENCES[type(e.data)](e, e.data) + ("" if e.applied else " (told late)") for e in events
    ]


def _status_changed(_: Event, data: PurchaseOrderStatusChanged) -> str:
    return f"Order {data.number} is {data.status.value}{_before(data.previous_status)}"


def _acknowledged(_: Event, data: PurchaseOrderAcknowledged) -> str:
    promised = _listed(
        f"line {x.line_number}{_quantity(x.confirmed_quantity)}{_on(x.confirmed_on)}"
        for x in data.lines
    )
    who = "The supplier" if data.supplier is None else f"Supplier {data.supplier}"
    return f"{who} confirmed order {data.number}{promised}"


def _rescheduled(_: Event, data: PurchaseOrderLineRescheduled) -> str:
    item = "" if data.item is None else f" ({data.item})"
    day = "no certain day" if data.due_on is None else data.due_on.isoformat()
    before = _before(data.previous_due_on)
    return f"Order {data.number}: line {data.line_number}{item} is wanted on {day}{before}"


def _revised(_: Event, data: PurchaseOrderRevised) -> str:
    return f"Order {data.number} changed{_listed(data.changed)}"


def _forecast(_: Event, data: ForecastRevised) -> str:
    what = f"Forecast of {data.item}{_at(data.location)} from {data.period_start.isoformat()}"
    return f"{what}: {data.quantity:f}{_unit(data.unit)}{_before(data.previous_quantity)}"


def _stock(_: Event, data: InventoryChanged) -> str:
    available = f"{data.available:f}{_unit(data.unit)} available"
    return f"{data.item}{_at(data.location)}: {available}{_before(data.previous_available)}"


def _threshold(event: Event, data: InventoryThreshold) -> str:
    way = "back above" if event.type == THRESHOLD_RECOVERED.type else "below"
    available = f"{data.available:f}{_unit(data.unit)} available"
    return f"{data.item}{_at(data.location)}: {available}, {way} {data.rule} ({data.threshold:f})"


def _receipt(_: Event, data: ReceiptPosted) -> str:
    arrived = _listed(f"{x.quantity:f}{_unit(x.unit)} of {x.item}" for x in data.lines)
    return f"Receipt {data.number}{_at(data.location)}{arrived}"


def _supplier(_: Event, data: SupplierChanged) -> str:
    return f"Supplier {data.code} changed{_listed(data.changed)}"


def _item(_: Event, data: ItemChanged) -> str:
    return f"Item {data.sku} changed{_listed(data.changed)}"


def _recommendation(_: Event, data: RecommendationChanged) -> str:
    whom = "" if data.supplier is None else f" from {data.supplier}"
    where = "" if data.location is None else f" for {data.location}"
    status = f"{data.status.value}{_before(data.previous_status)}"
    return f"Recommendation to buy {data.item}{whom}{where}: {status}"


def _exception(_: Event, data: ExceptionChanged) -> str:
    category = data.category.value.replace("_", " ").lower()
    whose = "" if data.owner is None else f", for {data.owner}"
    action = data.action.value.replace("_", " ").lower()
    return f"Exception ({category}, {data.severity.value.lower()}) {action}{whose}"


_SENTENCES: Final[Mapping[type, Callable[[Event, Any], str]]] = {
    PurchaseOrderStatusChanged: _status_changed,
    PurchaseOrderAcknowledged: _acknowledged,
    PurchaseOrderLineRescheduled: _rescheduled,
    PurchaseOrderRevised: _revised,
    ForecastRevised: _forecast,
    InventoryChanged: _stock,
    InventoryThreshold: _threshold,
    ReceiptPosted: _receipt,
    SupplierChanged: _supplier,
    ItemChanged: _item,
    RecommendationChanged: _recommendation,
    ExceptionChanged: _exception,
}


def _before(value: Any) -> str:
    return "" if value is None else f", before {getattr(value, 'value', value)!s}"


def _at(location: str | None) -> str:
    return "" if location is None else f" at {location}"


def _unit(unit: str | None) -> str:
    return "" if unit is None else f" {unit}"


def _quantity(value: Any) -> str:
    return "" if value is None else f" {value:f}"


def _on(day: Any) -> str:
    return "" if day is None else f" by {day.isoformat()}"


def _listed(parts: Any) -> str:
    """Parts after a colon, of many only the first ones; nothing if there are none."""
    known = list(parts)
    if not known:
        return ""
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f": {', '.join(known[:_LISTED])}{more}"
