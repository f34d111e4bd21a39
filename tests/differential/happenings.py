"""Events that the records of a world give rise to."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from canonical.entities import EntityName
from canonical.event_streams import EventData
from canonical.events import (
    ACKNOWLEDGED,
    FORECAST_REVISED,
    RECEIPT_POSTED,
    RECOMMENDATION_CHANGED,
    STATUS_CHANGED,
    THRESHOLD_BREACHED,
    THRESHOLD_RECOVERED,
    Event,
    EventType,
    ForecastRevised,
    InventoryThreshold,
    PurchaseOrderAcknowledged,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
    RecommendationChanged,
    subject,
)
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.recommendations import RecommendationStatus
from resolvers.events import Shown
from tests.differential.values import DECIMALS
from tests.differential.world import GONE, World
from tests.fakes.desk import NOW

Names = EntityName
_STREAMS = {
    "purchaseOrderChanged": Names.PURCHASE_ORDER,
    "forecastChanged": Names.FORECAST,
    "inventoryThresholdBreached": Names.INVENTORY,
    "receiptPosted": Names.RECEIPT,
    "recommendationChanged": Names.RECOMMENDATION,
}
_MOST = 4


def heard_of(world: World, field: str) -> list[Shown]:
    """Some events of a stream, the same each time; one of them about a record that is gone."""
    rnd = Random(world.seed)
    stream = _STREAMS[field]
    keys = [
        (s.system, r.provenance.key) for s in world.make() if s.entity is stream for r in s.records
    ]
    keys = [*rnd.sample(keys, min(len(keys), _MOST)), *keys[:1], (keys[0][0], GONE)] if keys else []
    return list(_heard(stream, keys, rnd))


def happened_in(world: World) -> Sequence[Event]:
    """All events of a world, as its log has them."""
    if world.seed not in _logs:
        _logs[world.seed] = [s.event for field in _STREAMS for s in heard_of(world, field)]
    return _logs[world.seed]


_logs: dict[int, Sequence[Event]] = {}


def _heard(stream: EntityName, keys: Sequence[tuple[str, str]], rnd: Random) -> Iterator[Shown]:
    for position, (system, key) in enumerate(keys, 1):
        kind, data = _said(stream, rnd)
        event = Event(
            type=kind.type,
            system=system,
            source_event_id=f"s{position}",
            key=key,
            subjects=(subject(stream, key.replace("K", "PO")), subject(Names.ITEM, "I")),
            occurred_at=NOW - timedelta(minutes=position),
            data=data,
            correlation_id=f"c{position}",
            traceparent=rnd.choice(
                (None, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            ),
            event_id=f"{stream}-e{position}",
            position=position,
            recorded_at=NOW,
        )
        yield Shown(event, f"{stream}-{position}")


def _said(stream: EntityName, rnd: Random) -> tuple[EventType, EventData]:
    made: dict[EntityName, Any] = {
        Names.PURCHASE_ORDER: _of_order,
        Names.FORECAST: _of_forecast,
        Names.INVENTORY: _of_stock,
        Names.RECEIPT: lambda _: (
            RECEIPT_POSTED,
            ReceiptPosted(number="R", purchase_order=None, supplier=None, location=None),
        ),
        Names.RECOMMENDATION: lambda _: (
            RECOMMENDATION_CHANGED,
            RecommendationChanged(
                item="I", location=None, supplier=None, status=RecommendationStatus.APPROVED
            ),
        ),
    }
    said: tuple[EventType, EventData] = made[stream](rnd)
    return said


def _of_order(rnd: Random) -> tuple[EventType, EventData]:
    status = rnd.choice(list(PurchaseOrderStatus))
    if rnd.random() < 0.5:
        known = rnd.choice((None, status))
        told = PurchaseOrderAcknowledged(number="P", supplier=None, lines=(), status=known)
        return ACKNOWLEDGED, told
    previous = rnd.choice((None, PurchaseOrderStatus.DRAFT))
    changed = PurchaseOrderStatusChanged(
        number="P", supplier=None, status=status, previous_status=previous
    )
    return STATUS_CHANGED, changed


def _of_forecast(rnd: Random) -> tuple[EventType, EventData]:
    previous = rnd.choice((None, rnd.choice(DECIMALS)))
    return FORECAST_REVISED, ForecastRevised(
        item="I",
        location=None,
        period_start=NOW.date(),
        period_end=None,
        quantity=rnd.choice(DECIMALS),
        previous_quantity=previous,
    )


def _of_stock(rnd: Random) -> tuple[EventType, EventData]:
    data = InventoryThreshold(
        item="I",
        location="L",
        threshold=rnd.choice(DECIMALS),
        available=rnd.choice(DECIMALS),
        rule="safety_stock",
    )
    return rnd.choice((THRESHOLD_BREACHED, THRESHOLD_RECOVERED)), data
