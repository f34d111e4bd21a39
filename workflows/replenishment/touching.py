"""Which items at which locations an event bears on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from canonical.entities import EntityName
from canonical.events import (
    ACKNOWLEDGED,
    FORECAST_REVISED,
    INVENTORY_CHANGED,
    ITEM_CHANGED,
    LINE_RESCHEDULED,
    ORDER_REVISED,
    RECEIPT_POSTED,
    STATUS_CHANGED,
    Event,
)
from runtime.replenishment.evaluations import Touch

_ITEM: Final = f"{EntityName.ITEM.value}:"

STREAMS: Final = frozenset(
    {
        EntityName.FORECAST,
        EntityName.INVENTORY,
        EntityName.PURCHASE_ORDER,
        EntityName.RECEIPT,
        EntityName.ITEM,
    }
)
"""The streams whose events bear on anything."""


def touched(events: Iterable[Event]) -> Sequence[Touch]:
    """Items with locations that events bear on, each once, for the last event that does.

    A forecast for all locations bears on all that its item has to do with, and so does an order: it
    may have moved a line from one location to another. Orders of more items than their events name
    bear on those that are named; the others are evaluated at night.
    """
    found: dict[tuple[str, str | None], Touch] = {}
    for event in events:
        places = _PLACES.get(event.type)
        if places is None or not event.applied:
            continue
        for item, location in places(event):
            found[item, location] = Touch(
                item=item,
                location=location,
                cause=event.type,
                correlation_id=event.correlation_id,
            )
    return list(found.values())


_Places = Iterator[tuple[str, str | None]]


def _of_data(event: Event) -> _Places:
    yield event.data.item, event.data.location


def _of_item(event: Event) -> _Places:
    yield event.data.sku, None


def _of_receipt(event: Event) -> _Places:
    for line in event.data.lines:
        yield line.item, event.data.location


def _of_subjects(event: Event) -> _Places:
    for subject in event.subjects:
        if subject.startswith(_ITEM):
            yield subject.removeprefix(_ITEM), None


_PLACES: Final[Mapping[str, Callable[[Event], _Places]]] = {
    FORECAST_REVISED.type: _of_data,
    INVENTORY_CHANGED.type: _of_data,
    ITEM_CHANGED.type: _of_item,
    RECEIPT_POSTED.type: _of_receipt,
    **dict.fromkeys(
        (t.type for t in (STATUS_CHANGED, ACKNOWLEDGED, LINE_RESCHEDULED, ORDER_REVISED)),
        _of_subjects,
    ),
}
