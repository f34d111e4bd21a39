"""Events that the records of a world give rise to."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from canonical.entities import EntityName
from canonical.event_streams import EventData, OwnStream, StreamName
from canonical.events import (
    ACKNOWLEDGED,
    EXCEPTION_CHANGED,
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
from canonical.exception_events import ExceptionChanged
from canonical.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionEntry,
    ExceptionSeverity,
    ExceptionState,
    SupplyException,
)
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.recommendations import RecommendationStatus
from canonical.values import Money
from resolvers.events import Shown
from tests.differential.values import DECIMALS
from tests.differential.world import GONE, World
from tests.fakes.desk import NOW

Names = EntityName
_STREAMS: dict[str, StreamName] = {
    "purchaseOrderChanged": Names.PURCHASE_ORDER,
    "forecastChanged": Names.FORECAST,
    "inventoryThresholdBreached": Names.INVENTORY,
    "receiptPosted": Names.RECEIPT,
    "recommendationChanged": Names.RECOMMENDATION,
    "exceptionChanged": OwnStream.EXCEPTION,
}
_MOST = 4


def heard_of(world: World, field: str) -> list[Shown]:
    """Some events of a stream, the same each time; one of them about a record that is gone."""
    rnd = Random(world.seed)
    stream = _STREAMS[field]
    keys = [
        (s.system, r.provenance.key) for s in world.make() if s.entity is stream for r in s.records
    ]
    if stream is OwnStream.EXCEPTION:
        keys = [("supplygraph", each.exception_id) for each in exceptions_of(world)]
    keys = [*rnd.sample(keys, min(len(keys), _MOST)), *keys[:1], (keys[0][0], GONE)] if keys else []
    return list(_heard(stream, keys, rnd))


def exceptions_of(world: World) -> Sequence[SupplyException]:
    """What people have to look at in a world; the same each time."""
    rnd = Random(world.seed)
    return [_exception(f"X{n}", rnd) for n in range(rnd.randrange(_MOST + 1))]


def _exception(name: str, rnd: Random) -> SupplyException:
    opened = ExceptionEntry(at=NOW, action=ExceptionAction.OPENED)
    said = ExceptionEntry(at=NOW, action=ExceptionAction.COMMENTED, actor="a", text="seen")
    return SupplyException(
        exception_id=name,
        category=rnd.choice(list(ExceptionCategory)),
        severity=rnd.choice(list(ExceptionSeverity)),
        state=rnd.choice(list(ExceptionState)),
        message="it is late",
        owner=rnd.choice((None, "role:buyer")),
        subjects=rnd.choice(((), (subject(Names.SUPPLIER, "S1"),))),
        value_at_risk=rnd.choice((None, Money(amount=rnd.choice(DECIMALS), currency="EUR"))),
        correlation_id="c",
        opened_at=NOW,
        updated_at=NOW,
        details=rnd.choice(({}, {"days": "3"})),
        history=rnd.choice(((), (opened,), (opened, said))),
    )


def happened_in(world: World) -> Sequence[Event]:
    """All events of a world, as its log has them."""
    if world.seed not in _logs:
        _logs[world.seed] = [s.event for field in _STREAMS for s in heard_of(world, field)]
    return _logs[world.seed]


_logs: dict[int, Sequence[Event]] = {}


def _heard(stream: StreamName, keys: Sequence[tuple[str, str]], rnd: Random) -> Iterator[Shown]:
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


def _said(stream: StreamName, rnd: Random) -> tuple[EventType, EventData]:
    made: dict[StreamName, Any] = {
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
        OwnStream.EXCEPTION: _of_exception,
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


def _of_exception(rnd: Random) -> tuple[EventType, EventData]:
    return EXCEPTION_CHANGED, ExceptionChanged(
        exception="X0",
        action=rnd.choice(list(ExceptionAction)),
        category=rnd.choice(list(ExceptionCategory)),
        severity=rnd.choice(list(ExceptionSeverity)),
        state=rnd.choice(list(ExceptionState)),
        owner=rnd.choice((None, "role:buyer")),
    )
