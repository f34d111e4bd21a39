"""What a business event touches of what is kept: records, and the lists that they are in.

An event tells which columns changed and some values before and after. A list is touched if the
record may be in it, before or after, and a column that decides about its being there or its place
has changed; where an event does not tell, it counts as touched.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Condition, Criteria, holds
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.events import (
    Event,
    ForecastRevised,
    InventoryChanged,
    ItemChanged,
    PurchaseOrderAcknowledged,
    PurchaseOrderLineRescheduled,
    PurchaseOrderRevised,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
    RecommendationChanged,
    SupplierChanged,
)

Values = Mapping[str, frozenset[Any]]


class Change(Struct, frozen=True):
    """One record that is not any more as it was.

    Attributes:
        system: Whose record it is.
        entity: What it is.
        values: By column what it was and is, in natural keys; columns that are not known are
            missing.
        columns: Columns that changed; None if the record came or went.
    """

    system: str
    entity: EntityName
    values: Values
    columns: frozenset[str] | None


def changes_of(event: Event) -> list[Change]:
    """The records that an event says have changed; none for one that moved nothing."""
    told = _TOLD.get(type(event.data))
    return told(event, event.data) if told is not None and event.applied else []


def touches(change: Change, criteria: Criteria, decisive: Iterable[str]) -> bool:
    """Tell whether a change may alter which records satisfy criteria, or their order.

    Args:
        change: The change.
        criteria: What the records satisfy.
        decisive: Columns that the criteria and the order look at.
    """
    if not all(_may_hold(c, change.values) for c in criteria):
        return False
    changed = change.columns
    return changed is None or any(_same_part(c, d) for d in decisive for c in changed)


def slots_by_key(change: Change) -> Iterable[tuple[str, str]]:
    """(column, key) of everything that is kept of the record by key."""
    entity = ENTITIES[change.entity]
    for column in dict.fromkeys((KEY, *entity.lookups)):
        for value in change.values.get(column, ()):
            if value is not None:
                yield column, value


def _may_hold(condition: Condition, values: Values) -> bool:
    known = values.get(condition.column)
    return known is None or any(holds(condition, v) for v in known)


def _same_part(one: str, other: str) -> bool:
    """Tell whether a column is the other, within it or around it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _values(**known: Iterable[Any]) -> dict[str, frozenset[Any]]:
    return {column: frozenset(values) for column, values in known.items()}


def _named(event: Event, entity: EntityName) -> list[str]:
    """Names of an event's subjects of an entity."""
    start = f"{entity.value}:"
    return [s.removeprefix(start) for s in event.subjects if s.startswith(start)]


def _order(
    event: Event, data: Any, changed: frozenset[str] | None, **more: Iterable[Any]
) -> Change:
    values = _values(key=[event.key], number=[data.number], **more)
    if data.supplier is not None:
        values["supplier"] = frozenset({data.supplier})
    if items := _named(event, EntityName.ITEM):
        values["lines.item"] = frozenset(items)
    columns = None if changed is None else changed | {"updated_at"}
    return Change(event.system, EntityName.PURCHASE_ORDER, values, columns)


def _status_changed(event: Event, data: PurchaseOrderStatusChanged) -> list[Change]:
    if data.previous_status is None:  # nobody knows what it was, or that it was there
        return [_order(event, data, None)]
    status = (data.status, data.previous_status)
    return [_order(event, data, frozenset({"status", "raw_status"}), status=status)]


def _acknowledged(event: Event, data: PurchaseOrderAcknowledged) -> list[Change]:
    lines = {"lines.confirmed_on", "lines.confirmed_quantity"}
    return [_order(event, data, frozenset({"acknowledgement", *lines}))]


def _rescheduled(event: Event, data: PurchaseOrderLineRescheduled) -> list[Change]:
    return [_order(event, data, frozenset({"lines.due_on", "lines.confirmed_on"}))]


def _order_revised(event: Event, data: PurchaseOrderRevised) -> list[Change]:
    return [_order(event, data, frozenset({*data.changed, "total"}))]


def _forecast_revised(event: Event, data: ForecastRevised) -> list[Change]:
    values = _values(
        key=[event.key],
        item=[data.item],
        location=[data.location],
        period_start=[data.period_start],
        quantity=[data.quantity, data.previous_quantity],
    )
    columns = None if data.previous_quantity is None else frozenset({"quantity", "revised_at"})
    return [Change(event.system, EntityName.FORECAST, values, columns)]


_STOCK: Final = frozenset({"on_hand", "reserved", "available", "in_transit", "as_of"})


def _inventory_changed(event: Event, data: InventoryChanged) -> list[Change]:
    values = _values(key=[event.key], item=[data.item], location=[data.location])
    columns = None if data.previous_available is None else _STOCK
    return [Change(event.system, EntityName.INVENTORY, values, columns)]


def _receipt_posted(event: Event, data: ReceiptPosted) -> list[Change]:
    """The receipt is new; with it the order's receipts and the stock have changed."""
    items = {line.item for line in data.lines}
    values = _values(key=[event.key], number=[data.number], purchase_order=[data.purchase_order])
    for column, value in (("supplier", data.supplier), ("location", data.location)):
        if value is not None:
            values[column] = frozenset({value})
    values["lines.item"] = frozenset(items)
    found = [Change(event.system, EntityName.RECEIPT, values, None)]
    if data.purchase_order is not None:
        found.append(_fulfilled(event, data, items))
    if data.location is not None:
        stocked = [_values(item=[item], location=[data.location]) for item in sorted(items)]
        found += [Change(event.system, EntityName.INVENTORY, v, _STOCK) for v in stocked]
    return found


def _fulfilled(event: Event, data: ReceiptPosted, items: set[str]) -> Change:
    values = _values(key=[data.purchase_order])
    if numbers := _named(event, EntityName.PURCHASE_ORDER):
        values["number"] = frozenset(numbers)
    if data.supplier is not None:
        values["supplier"] = frozenset({data.supplier})
    if items:  # its other lines are not known, and kept under other items they are as they were
        values["lines.item"] = frozenset(items)
    changed = frozenset({"lines.received", "status", "raw_status", "updated_at"})
    return Change(event.system, EntityName.PURCHASE_ORDER, values, changed)


def _master(entity: EntityName, column: str) -> Callable[[Event, Any], list[Change]]:
    def told(event: Event, data: SupplierChanged | ItemChanged) -> list[Change]:
        name = getattr(data, column)
        values = _values(**{KEY: [event.key], column: [name]})
        return [Change(event.system, entity, values, frozenset(data.changed) or None)]

    return told


_DECIDED: Final = frozenset(
    {
        "status",
        "decided_by",
        "decided_at",
        "decision_note",
        "first_approved_by",
        "escalated_to",
        "purchase_order",
    }
)


def _recommendation_changed(event: Event, data: RecommendationChanged) -> list[Change]:
    values = _values(
        key=[event.key], item=[data.item], location=[data.location], supplier=[data.supplier]
    )
    if data.previous_status is None:
        return [Change(event.system, EntityName.RECOMMENDATION, values, None)]
    values["status"] = frozenset({data.status, data.previous_status})
    return [Change(event.system, EntityName.RECOMMENDATION, values, _DECIDED)]


_TOLD: Final[Mapping[type, Callable[[Event, Any], list[Change]]]] = {
    PurchaseOrderStatusChanged: _status_changed,
    PurchaseOrderAcknowledged: _acknowledged,
    PurchaseOrderLineRescheduled: _rescheduled,
    PurchaseOrderRevised: _order_revised,
    ForecastRevised: _forecast_revised,
    InventoryChanged: _inventory_changed,
    ReceiptPosted: _receipt_posted,
    SupplierChanged: _master(EntityName.SUPPLIER, "code"),
    ItemChanged: _master(EntityName.ITEM, "sku"),
    RecommendationChanged: _recommendation_changed,
}
