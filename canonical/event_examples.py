"""An event of each type, for documents: one small story of an order, its item and its supplier."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from canonical import events as e
from canonical.event_streams import EventData
from canonical.exception_events import ExceptionChanged
from canonical.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionSeverity,
    ExceptionState,
)
from canonical.items import ItemStatus
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.recommendations import RecommendationStatus
from canonical.suppliers import SupplierStatus

_AT: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_ORDER, _ITEM, _SUPPLIER, _PLACE = "4500001", "SKU-1", "S-1", "L-1"
_STOCK: Final = e.InventoryThreshold(
    item=_ITEM,
    location=_PLACE,
    threshold=Decimal(40),
    available=Decimal("37.5"),
    rule="safety_stock",
    unit="EA",
)
_DATA: Final[Mapping[str, EventData]] = {
    e.STATUS_CHANGED.type: e.PurchaseOrderStatusChanged(
        number=_ORDER,
        supplier=_SUPPLIER,
        status=PurchaseOrderStatus.SENT,
        previous_status=PurchaseOrderStatus.APPROVED,
    ),
    e.ACKNOWLEDGED.type: e.PurchaseOrderAcknowledged(
        number=_ORDER,
        supplier=_SUPPLIER,
        lines=(
            e.ConfirmedLine(
                line_number=10, confirmed_quantity=Decimal(120), confirmed_on=date(2026, 3, 20)
            ),
        ),
        status=PurchaseOrderStatus.ACKNOWLEDGED,
    ),
    e.LINE_RESCHEDULED.type: e.PurchaseOrderLineRescheduled(
        number=_ORDER,
        supplier=_SUPPLIER,
        line_number=10,
        item=_ITEM,
        due_on=date(2026, 3, 24),
        previous_due_on=date(2026, 3, 20),
    ),
    e.ORDER_REVISED.type: e.PurchaseOrderRevised(
        number=_ORDER, supplier=_SUPPLIER, changed=("lines",)
    ),
    e.FORECAST_REVISED.type: e.ForecastRevised(
        item=_ITEM,
        location=_PLACE,
        period_start=date(2026, 4, 1),
        period_end=date(2026, 5, 1),
        quantity=Decimal("310.25"),
        previous_quantity=Decimal(280),
        unit="EA",
    ),
    e.INVENTORY_CHANGED.type: e.InventoryChanged(
        item=_ITEM, location=_PLACE, available=Decimal("37.5"), previous_available=Decimal(52)
    ),
    e.THRESHOLD_BREACHED.type: _STOCK,
    e.THRESHOLD_RECOVERED.type: replace(_STOCK, available=Decimal(64)),
    e.RECEIPT_POSTED.type: e.ReceiptPosted(
        number="5000017",
        purchase_order=_ORDER,
        supplier=_SUPPLIER,
        location=_PLACE,
        lines=(e.PostedLine(item=_ITEM, quantity=Decimal(120), unit="EA"),),
    ),
    e.SUPPLIER_CHANGED.type: e.SupplierChanged(
        code=_SUPPLIER, changed=("status",), status=next(iter(SupplierStatus))
    ),
    e.ITEM_CHANGED.type: e.ItemChanged(
        sku=_ITEM, changed=("description",), status=next(iter(ItemStatus))
    ),
    e.RECOMMENDATION_CHANGED.type: e.RecommendationChanged(
        item=_ITEM,
        location=_PLACE,
        supplier=_SUPPLIER,
        status=next(iter(RecommendationStatus)),
    ),
    e.EXCEPTION_CHANGED.type: ExceptionChanged(
        exception="0198a1b2-0000-7000-8000-000000000001",
        action=ExceptionAction.OPENED,
        category=ExceptionCategory.LATE_ACKNOWLEDGEMENT,
        severity=ExceptionSeverity.HIGH,
        state=ExceptionState.OPEN,
        owner="purchasing-eu",
        suppliers=(_SUPPLIER,),
        items=(_ITEM,),
        regions=("EU",),
    ),
}


def _example(name: str, data: EventData, position: int) -> e.Event:
    stream = e.EVENT_TYPES[name].stream
    key = next(iter(data.__struct_fields__))
    return e.Event(
        type=name,
        system="erp",
        source_event_id=f"change-{position}",
        key=getattr(data, key),
        subjects=(e.subject(stream, getattr(data, key)),),
        occurred_at=_AT + timedelta(minutes=position),
        data=data,
        correlation_id="order-4500001",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        event_id=f"01J0000000000000000000{position:04}",
        position=position,
        recorded_at=_AT + timedelta(minutes=position, seconds=1),
    )


EXAMPLES: Final[Mapping[str, e.Event]] = MappingProxyType(
    {name: _example(name, data, n) for n, (name, data) in enumerate(_DATA.items(), 1)}
)
"""By type, one of each."""
