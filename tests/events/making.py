"""Events to put into a log."""

from datetime import UTC, datetime, timedelta

from canonical.entities import EntityName
from canonical.events import (
    FORECAST_REVISED,
    ITEM_CHANGED,
    STATUS_CHANGED,
    Event,
    EventType,
    ForecastRevised,
    ItemChanged,
    PurchaseOrderStatusChanged,
    subject,
)
from canonical.purchase_orders import PurchaseOrderStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order_event(number: int, *, source: str | None = None, system: str = "erp") -> Event:
    """An order was sent."""
    return Event(
        type=STATUS_CHANGED.type,
        system=system,
        source_event_id=source or f"e-{number}",
        key=str(number),
        subjects=(
            subject(EntityName.PURCHASE_ORDER, str(number)),
            subject(EntityName.SUPPLIER, f"S-{number % 3}"),
        ),
        occurred_at=NOON + timedelta(seconds=number),
        data=PurchaseOrderStatusChanged(
            number=str(number), supplier=f"S-{number % 3}", status=PurchaseOrderStatus.SENT
        ),
        correlation_id=f"c-{number % 5}",
    )


def item_event(number: int, *, source: str | None = None) -> Event:
    """An item changed."""
    return Event(
        type=ITEM_CHANGED.type,
        system="erp",
        source_event_id=source or f"i-{number}",
        key=str(number),
        subjects=(subject(EntityName.ITEM, f"SKU-{number}"),),
        occurred_at=NOON,
        data=ItemChanged(sku=f"SKU-{number}", changed=("name",)),
        correlation_id=f"c-{number % 5}",
    )


TYPES: tuple[EventType, ...] = (STATUS_CHANGED, ITEM_CHANGED, FORECAST_REVISED)
__all__ = ["NOON", "TYPES", "ForecastRevised", "item_event", "order_event"]
