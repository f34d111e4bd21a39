"""Worlds without what is not a supplier's: records, internal figures and events of others."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.events import (
    FORECAST_REVISED,
    RECEIPT_POSTED,
    STATUS_CHANGED,
    Event,
    ForecastRevised,
    PostedLine,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
    subject,
)
from canonical.records import Record
from tests.differential.sources import TroubledSource
from tests.differential.world import World
from tests.fakes.desk import NOW

Names = EntityName

_OWNER: Final = {
    Names.SUPPLIER: "code",
    Names.SUPPLY_SOURCE: "supplier",
    Names.PURCHASE_ORDER: "supplier",
    Names.RECEIPT: "supplier",
}
_NOT_THEIRS: Final = frozenset({Names.INVENTORY, Names.FORECAST, Names.RECOMMENDATION})
_INTERNAL: Final = (
    "standard_cost",
    "safety_stock",
    "reorder_point",
    "minimum_order_quantity",
    "lead_time_days",
    "preferred_supplier",
)


def lesser(world: World, codes: Sequence[str]) -> World:
    """The world in which nothing exists but what some suppliers may see."""

    def make() -> list[TroubledSource]:
        sources = world.make()
        skus = _skus(sources, codes)
        for source in sources:
            source.records = _theirs(source, codes, skus)
        return sources

    return replace(world, make=make)


def log_of(world: World) -> list[Event]:
    """What has happened in a world: a change of each order, each receipt, each forecast."""
    events: list[Event] = []
    for source in world.make():
        for record in source.records:
            said = _said(source.entity, record)
            if said is not None:
                events.append(_event(source, record, said, len(events)))
    return events


def told_to(events: Sequence[Event], codes: Sequence[str]) -> list[Event]:
    """Of what has happened, what some suppliers may know."""
    heard = (Names.PURCHASE_ORDER, Names.RECEIPT)
    return [e for e in events if e.stream in heard and e.data.supplier in codes]


def _theirs(source: TroubledSource, codes: Sequence[str], skus: set[str]) -> list[Record]:
    entity, records = source.entity, source.records
    if entity in _NOT_THEIRS:
        return []
    if entity in _OWNER:
        return [r for r in records if getattr(r, _OWNER[entity]) in codes]
    if entity is Names.ITEM:
        return [_public(r) for r in records if getattr(r, "sku", None) in skus]
    return records


def _public(item: Record) -> Record:
    return replace(item, **dict.fromkeys(_INTERNAL))


def _skus(sources: Sequence[TroubledSource], codes: Sequence[str]) -> set[str]:
    """Items that suppliers supply, or that stand on their orders and receipts."""
    found: set[str] = set()
    for source in sources:
        for record in source.records:
            own = getattr(record, _OWNER.get(source.entity, ""), None) in codes
            if own and source.entity is Names.SUPPLY_SOURCE:
                found.add(getattr(record, "item", ""))
            elif own:
                found.update(line.item for line in getattr(record, "lines", ()))
    return found


def _event(source: TroubledSource, record: Any, said: Any, position: int) -> Event:
    kind, data, name, items = said
    key = record.provenance.key
    return Event(
        type=kind.type,
        system=source.system,
        source_event_id=f"s{position}",
        key=key,
        subjects=(
            subject(source.entity, name),
            *(subject(Names.ITEM, i) for i in items if isinstance(i, str)),
        ),
        occurred_at=NOW - timedelta(minutes=position % 7),
        data=data,
        correlation_id=f"c{position % 5}",
        event_id=f"e{position}",
        position=position,
        recorded_at=NOW,
    )


def _said(entity: EntityName, record: Any) -> Any:
    """Type and data of an event, the name of what it is about, and its items."""
    if entity is Names.PURCHASE_ORDER:
        changed = PurchaseOrderStatusChanged(
            number=record.number, supplier=record.supplier, status=record.status
        )
        items = dict.fromkeys(line.item for line in record.lines)
        return STATUS_CHANGED, changed, record.number, items
    if entity is Names.RECEIPT:
        lines = tuple(PostedLine(item=x.item, quantity=x.quantity) for x in record.lines)
        posted = ReceiptPosted(
            number=record.number,
            purchase_order=record.purchase_order,
            supplier=record.supplier,
            location=record.location,
            lines=lines,
        )
        return RECEIPT_POSTED, posted, record.number, {x.item: None for x in lines}
    if entity is Names.FORECAST:
        revised = ForecastRevised(
            item=record.item,
            location=record.location,
            period_start=record.period_start,
            period_end=record.period_end,
            quantity=record.quantity,
        )
        return FORECAST_REVISED, revised, record.provenance.key, {record.item: None}
    assert not is_absent(entity)
    return None
