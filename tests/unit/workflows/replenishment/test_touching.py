"""Events bear on the items and locations that they are about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.events import (
    ACKNOWLEDGED,
    FORECAST_REVISED,
    INVENTORY_CHANGED,
    ITEM_CHANGED,
    RECEIPT_POSTED,
    SUPPLIER_CHANGED,
    THRESHOLD_BREACHED,
    Event,
    EventType,
    ForecastRevised,
    InventoryChanged,
    InventoryThreshold,
    ItemChanged,
    PostedLine,
    PurchaseOrderAcknowledged,
    ReceiptPosted,
    SupplierChanged,
)
from workflows.replenishment.touching import touched

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def event(kind: EventType, data: Any, *subjects: str, **more: Any) -> Event:
    given = {"correlation_id": "c-1", "subjects": subjects or ("x:1",), **more}
    return Event(
        type=kind.type,
        system="erp",
        source_event_id="e",
        key="k",
        occurred_at=NOON,
        data=data,
        **given,
    )


def revised(location: str | None, **more: Any) -> Event:
    data = ForecastRevised(
        item="I-1",
        location=location,
        period_start=date(2026, 12, 1),
        period_end=None,
        quantity=Decimal(5),
    )
    return event(FORECAST_REVISED, data, **more)


MOVED = InventoryChanged(item="I-1", location="A", available=Decimal(3))
CROSSED = InventoryThreshold(
    item="I-1", location="A", threshold=Decimal(4), available=Decimal(3), rule="safety_stock"
)
POSTED = ReceiptPosted(
    number="R-1",
    purchase_order=None,
    supplier=None,
    location="B",
    lines=(
        PostedLine(item="I-1", quantity=Decimal(1)),
        PostedLine(item="I-2", quantity=Decimal(2)),
    ),
)
PROMISED = PurchaseOrderAcknowledged(number="P-1", supplier="S-1", lines=())
OF_ORDER = ("purchase_order:P-1", "supplier:S-1", "item:I-1", "item:I:2", "location:A")


@pytest.mark.parametrize(
    "happened, places",
    [
        (revised("A"), [("I-1", "A")]),
        (revised(None), [("I-1", None)]),
        (event(INVENTORY_CHANGED, MOVED), [("I-1", "A")]),
        (event(RECEIPT_POSTED, POSTED), [("I-1", "B"), ("I-2", "B")]),
        (event(ACKNOWLEDGED, PROMISED, *OF_ORDER), [("I-1", None), ("I:2", None)]),
        (event(ITEM_CHANGED, ItemChanged(sku="I-1", changed=("unit",))), [("I-1", None)]),
        (event(SUPPLIER_CHANGED, SupplierChanged(code="S-1", changed=())), []),
        (event(THRESHOLD_BREACHED, CROSSED), []),
        (revised("A", applied=False), []),
    ],
    ids=[
        "a forecast",
        "a forecast for all",
        "stock",
        "a receipt",
        "an order",
        "an item",
        "a supplier",
        "a threshold",
        "what came too late",
    ],
)
def test_an_event_bears_on(happened: Event, places: list[tuple[str, str | None]]) -> None:
    found = touched([happened])
    assert [(t.item, t.location) for t in found] == places
    assert {t.cause for t in found} <= {happened.type}


def test_what_is_touched_twice_is_touched_once_for_the_last() -> None:
    events = [revised("A"), event(INVENTORY_CHANGED, MOVED, correlation_id="c-2"), revised("B")]
    found = touched(events)
    assert [(t.location, t.correlation_id) for t in found] == [("A", "c-2"), ("B", "c-1")]
