"""Reports of one record, and what is known of it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.entities import EntityName
from canonical.events import (
    Event,
    decode_data,
    encode_data,
)
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.locations import Location
from canonical.observations import Observation
from canonical.purchase_orders import (
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from canonical.receipts import Receipt
from canonical.recommendations import ReplenishmentRecommendation
from canonical.records import Record
from canonical.suppliers import Supplier
from workflows.ingestion.changes import Found, find
from workflows.ingestion.states import State, decode_state, encode_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPROVED, SENT, CONFIRMED = (
    PurchaseOrderStatus.APPROVED,
    PurchaseOrderStatus.SENT,
    PurchaseOrderStatus.ACKNOWLEDGED,
)


def at(minutes: int) -> datetime:
    return NOW - timedelta(hours=2) + timedelta(minutes=minutes)


ENTITY_OF: dict[type, EntityName] = {
    PurchaseOrder: EntityName.PURCHASE_ORDER,
    Forecast: EntityName.FORECAST,
    InventoryPosition: EntityName.INVENTORY,
    Receipt: EntityName.RECEIPT,
    ReplenishmentRecommendation: EntityName.RECOMMENDATION,
    Supplier: EntityName.SUPPLIER,
    Item: EntityName.ITEM,
    Location: EntityName.LOCATION,
}


def seen(record: Record, minute: int | None = 0, name: str = "e", **more: Any) -> Observation:
    return Observation(
        system="erp",
        entity=ENTITY_OF[type(record)],
        key="77",
        record=record,
        occurred_at=None if minute is None else at(minute),
        source_event_id=name,
        **more,
    )


def gone(entity: EntityName, minute: int = 9) -> Observation:
    return Observation(
        system="erp",
        entity=entity,
        key="77",
        record=None,
        occurred_at=at(minute),
        source_event_id="g",
    )


def line(number: int = 10, **more: Any) -> PurchaseOrderLine:
    values: dict[str, Any] = {
        "item": f"SKU-{number}",
        "quantity": Decimal(5),
        "due_on": date(2026, 4, 1),
        "confirmed_on": None,
        "confirmed_quantity": None,
    }
    return PurchaseOrderLine(line_number=number, **{**values, **more})


def order(
    status: PurchaseOrderStatus = SENT, *lines: PurchaseOrderLine, **more: Any
) -> PurchaseOrder:
    return PurchaseOrder(
        number="4500001", supplier="S-1", status=status, lines=lines or (line(),), **more
    )


def known(record: Record, minute: int = 0) -> State[Any]:
    found = find(None, seen(record, minute, baseline=True), NOW)
    assert found.events == ()
    assert found.state is not None
    return kept(found)


def kept(found: Found) -> State[Any]:
    """The state, as it comes back from where it is kept."""
    assert found.state is not None
    entity = ENTITY_OF[type(found.state.record)]
    state = decode_state(entity, encode_state(found.state))
    assert state == found.state
    return state


def told(events: tuple[Event, ...]) -> list[str]:
    for event in events:
        assert decode_data(event.type, encode_data(event.data)) == event.data
    return [e.kind.name for e in events]
