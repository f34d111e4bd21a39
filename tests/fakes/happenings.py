"""Events that something happened, for tests that need no log."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.event_streams import EventData
from canonical.events import (
    FORECAST_REVISED,
    STATUS_CHANGED,
    THRESHOLD_BREACHED,
    Event,
    EventType,
    ForecastRevised,
    InventoryThreshold,
    PurchaseOrderStatusChanged,
    subject,
)
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.values import ZERO
from tests.fakes.desk import NOW


def happened(
    kind: EventType, key: str, data: EventData, *subjects: str, after_s: int = 0, **changes: Any
) -> Event:
    """An event as the log gives it, so long after `NOW`; its place in its stream as given."""
    given: dict[str, Any] = {
        "type": kind.type,
        "system": "erp",
        "source_event_id": f"{key}@{after_s}",
        "key": key,
        "subjects": subjects or (subject(kind.stream, key),),
        "occurred_at": NOW + timedelta(seconds=after_s),
        "data": data,
        "correlation_id": f"about {key}",
        "event_id": f"{kind.stream}-{key}-{after_s}",
        "position": 1,
        "recorded_at": NOW + timedelta(seconds=after_s + 1),
    }
    return Event(**{**given, **changes})


def status_changed(number: int, status: PurchaseOrderStatus, **changes: Any) -> Event:
    """An order of `tests.fakes.distributor` came to a status."""
    previous, supplier = changes.pop("previous", None), changes.pop("supplier", "S1")
    data = PurchaseOrderStatusChanged(
        number=f"PO{number}", supplier=supplier, status=status, previous_status=previous
    )
    own = subject(EntityName.PURCHASE_ORDER, f"PO{number}")
    of_supplier = subject(EntityName.SUPPLIER, supplier)
    return happened(STATUS_CHANGED, f"K{number}", data, own, of_supplier, **changes)


def forecast_revised(key: str, item: str, **changes: Any) -> Event:
    """A forecast of an item was revised."""
    data = ForecastRevised(
        item=item,
        location=None,
        period_start=NOW.date(),
        period_end=None,
        quantity=ZERO,
        previous_quantity=changes.pop("previous", None),
    )
    own = subject(EntityName.FORECAST, key)
    return happened(FORECAST_REVISED, key, data, own, subject(EntityName.ITEM, item), **changes)


def threshold_crossed(key: str, data: InventoryThreshold, **changes: Any) -> Event:
    """Stock of an item at a location fell below a threshold, or came back."""
    kind = changes.pop("kind", THRESHOLD_BREACHED)
    own = subject(EntityName.INVENTORY, key)
    return happened(kind, key, data, own, subject(EntityName.ITEM, data.item), **changes)


class FakeHistory:
    """Keeps the promises of `canonical.histories.EventHistory` over events in memory."""

    def __init__(self, *events: Event, error: SupplygraphError | None = None) -> None:
        self.events = events
        self.error = error
        self.asked: list[tuple[str, ...]] = []

    async def of_subjects(
        self,
        subjects: Collection[str],
        *,
        types: Collection[str] = (),
        newest: int = 1_000,
    ) -> Mapping[str, Sequence[Event]]:
        self._asked(*sorted(subjects))
        wanted = [e for e in self.events if not types or e.type in types]
        return {s: [e for e in wanted if s in e.subjects][-newest:] for s in subjects}

    async def of_correlation(self, correlation_id: str, *, limit: int = 1_000) -> Sequence[Event]:
        self._asked(correlation_id)
        return [e for e in self.events if e.correlation_id == correlation_id][:limit]

    def _asked(self, *what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
