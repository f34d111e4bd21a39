"""What can be told of purchase orders and receipts."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.events import (
    ACKNOWLEDGED,
    LINE_RESCHEDULED,
    ORDER_REVISED,
    RECEIPT_POSTED,
    STATUS_CHANGED,
    ConfirmedLine,
    EventType,
    PostedLine,
    PurchaseOrderAcknowledged,
    PurchaseOrderLineRescheduled,
    PurchaseOrderRevised,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
)
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.receipts import Receipt
from workflows.ingestion.states import by_number
from workflows.ingestion.telling import GONE, Change, Late, Told, subjects, value

_HEADER: Final = ("number", "supplier", "buyer", "ordered_on", "currency", "total")
_LINE: Final = (
    "item",
    "ship_to",
    "quantity",
    "received",
    "unit",
    "unit_price",
    "cancelled",
    "completed",
)
_MOST_ITEMS: Final = 50
"""Items of an order that its events are found by; longer orders are found by their own number."""

Promise = tuple[Decimal | None, date | None]
_NOTHING: Final[Promise] = (None, None)


def order_changes(change: Change) -> Iterator[Told]:
    """Events of an order: status, promises, days, and whatever else changed, in this order."""
    before, after = change.before, change.after
    tell = _Teller(change.key, after, value(after, "status"))
    if change.differs("status"):
        previous = None if before is None else value(before, "status")
        yield tell.status(after.status, previous)
    yield from _promised(change, tell)
    changed = change.changed(_HEADER)
    old = {} if before is None else by_number(value(before, "lines") or ())
    new = by_number(value(after, "lines") or ())
    for number, line in new.items():
        was = old.get(number)
        if _is_rescheduled(change, was, line):
            previous_day = None if was is None else value_of(was, "due_on")
            yield tell.rescheduled(number, line, previous_day)
        if was is not None:
            changed += [f"lines.{c}" for c in _LINE if _is_other(was, line, c)]
    if change.is_known("lines") and old.keys() != new.keys():
        changed.append("lines")
    if _note(before) != _note(after) and change.is_known("acknowledgement"):
        changed.append("acknowledgement.note")
    if changed:
        yield tell.revised(changed)


def order_late(late: Late) -> Iterator[Told]:
    """What an order's report tells that came too late.

    A status is told if it was not the one before it already. Of the rest only what was reported as
    a change can be told: what a whole order once was says not what had changed then.
    """
    status = value(late.said, "status")
    tell = _Teller(late.key, late.known, status)
    if status is not None and late.differs("status") and late.previous != status.value:
        previous = None if late.previous is None else PurchaseOrderStatus(late.previous)
        yield tell.status(status, previous)
    if not late.partial:
        return
    lines = by_number(value(late.said, "lines") or ())
    promised = _promises(late.said)
    if promised:
        yield tell.acknowledged(promised)
    for number, line in lines.items():
        if not is_absent(line.due_on):
            yield tell.rescheduled(number, line, None)


def order_gone(key: str, known: PurchaseOrder) -> Iterator[Told]:
    """An order is no longer in its system: whether it was called off, nobody said."""
    yield _Teller(key, known, value(known, "status")).revised([GONE])


def receipt_changes(change: Change) -> Iterator[Told]:
    """A receipt is posted, or posted otherwise than before."""
    columns = ("number", "purchase_order", "supplier", "location", "lines")
    is_new = change.before is None and change.is_news
    if is_new or change.changed(columns):
        yield _posted(change.key, change.after, _posted_lines(change.after))


def receipt_gone(key: str, known: Receipt) -> Iterator[Told]:
    """A receipt is no longer in its system: what it brought is taken back."""
    lines = _posted_lines(known, -1)
    if lines:
        yield _posted(key, known, lines)


def value_of(line: Any, column: str) -> Any:
    """A line's column, or None if it is not known."""
    found = getattr(line, column)
    return None if is_absent(found) else found


def _posted_lines(receipt: Receipt, sign: int = 1) -> tuple[PostedLine, ...]:
    return tuple(
        PostedLine(item=x.item, quantity=sign * x.quantity, unit=value_of(x, "unit"))
        for x in value(receipt, "lines") or ()
        if not is_absent(x.item) and not is_absent(x.quantity)
    )


def _posted(key: str, receipt: Receipt, lines: tuple[PostedLine, ...]) -> Told:
    data = ReceiptPosted(
        number=value(receipt, "number") or key,
        purchase_order=value(receipt, "purchase_order"),
        supplier=value(receipt, "supplier"),
        location=value(receipt, "location"),
        lines=lines,
    )
    about = subjects(
        (EntityName.RECEIPT, data.number),
        (EntityName.PURCHASE_ORDER, data.purchase_order),
        (EntityName.SUPPLIER, data.supplier),
        (EntityName.LOCATION, data.location),
        *((EntityName.ITEM, x.item) for x in lines[:_MOST_ITEMS]),
    )
    return Told(RECEIPT_POSTED, data, about)


class _Teller:
    """Makes events of one order."""

    def __init__(self, key: str, order: PurchaseOrder, status: PurchaseOrderStatus | None) -> None:
        self._number: str = value(order, "number") or key
        self._supplier: str | None = value(order, "supplier")
        self._status = status
        self._lines = by_number(value(order, "lines") or ())

    def status(
        self,
        status: PurchaseOrderStatus,
        previous: PurchaseOrderStatus | None,
    ) -> Told:
        data = PurchaseOrderStatusChanged(
            number=self._number, supplier=self._supplier, status=status, previous_status=previous
        )
        return self._told(STATUS_CHANGED, data, self._lines.values())

    def acknowledged(self, promised: dict[int, Promise]) -> Told:
        lines = tuple(
            ConfirmedLine(line_number=n, confirmed_quantity=quantity, confirmed_on=day)
            for n, (quantity, day) in sorted(promised.items())
        )
        data = PurchaseOrderAcknowledged(
            number=self._number,
            supplier=self._supplier,
            lines=lines,
            status=self._status,
        )
        concerned = [self._lines[n] for n in promised if n in self._lines]
        return self._told(ACKNOWLEDGED, data, concerned or self._lines.values())

    def rescheduled(self, number: int, line: PurchaseOrderLine, previous: date | None) -> Told:
        item = value_of(line, "item")
        if item is None and number in self._lines:
            item = value_of(self._lines[number], "item")
        data = PurchaseOrderLineRescheduled(
            number=self._number,
            supplier=self._supplier,
            line_number=number,
            item=item,
            due_on=line.due_on,
            previous_due_on=previous,
            status=self._status,
        )
        return self._told(LINE_RESCHEDULED, data, [self._lines.get(number, line)], str(number))

    def revised(self, changed: list[str]) -> Told:
        data = PurchaseOrderRevised(
            number=self._number,
            supplier=self._supplier,
            changed=tuple(sorted(set(changed))),
            status=self._status,
        )
        return self._told(ORDER_REVISED, data, self._lines.values())

    def _told(self, kind: EventType, data: Any, lines: Any, part: str = "") -> Told:
        items = dict.fromkeys(value_of(x, "item") for x in lines)
        about = subjects(
            (EntityName.PURCHASE_ORDER, self._number),
            (EntityName.SUPPLIER, self._supplier),
            *((EntityName.ITEM, i) for i in list(items)[:_MOST_ITEMS]),
        )
        return Told(kind, data, about, part)


def _promised(change: Change, tell: _Teller) -> Iterator[Told]:
    """Promises that are new; those of an order that is new are all so."""
    were, are = _promises(change.before), _promises(change.after)
    known = change.is_known("lines") or change.is_known("acknowledgement")
    if not known and not change.is_news:
        return
    new = {
        n: are.get(n, _NOTHING)
        for n in {*were, *are}
        if were.get(n, _NOTHING) != are.get(n, _NOTHING)
    }
    first = value(change.after, "acknowledgement") is not None and change.differs("acknowledgement")
    was = None if change.before is None else value(change.before, "acknowledgement")
    if new or (first and was is None):
        yield tell.acknowledged(new)


def _promises(order: PurchaseOrder | None) -> dict[int, Promise]:
    """What is promised by line, wherever the system says it."""
    found: dict[int, Promise] = {}
    if order is None:
        return found
    acknowledgement = value(order, "acknowledgement")
    parts = [] if acknowledgement is None else list(value_of(acknowledgement, "lines") or ())
    lines = by_number(value(order, "lines") or ())
    for part in (*parts, *lines.values()):
        quantity, day = value_of(part, "confirmed_quantity"), value_of(part, "confirmed_on")
        if quantity is not None or day is not None:
            found[part.line_number] = (quantity, day)
    return found


def _is_rescheduled(change: Change, was: PurchaseOrderLine | None, line: PurchaseOrderLine) -> bool:
    if is_absent(line.due_on):
        return False
    if was is None or is_absent(was.due_on):
        return change.partial and change.is_news
    return was.due_on != line.due_on


def _is_other(was: PurchaseOrderLine, line: PurchaseOrderLine, column: str) -> bool:
    old, new = getattr(was, column), getattr(line, column)
    if is_absent(old) or is_absent(new) or old == new:
        return False
    if column == "received":  # unit by unit, in no order
        return sorted(map(repr, _amounts(old))) != sorted(map(repr, _amounts(new)))
    return True


def _amounts(received: Any) -> list[tuple[str, Decimal]]:
    return [(q.unit, q.amount.normalize()) for q in received if q.amount]


def _note(order: PurchaseOrder | None) -> Any:
    found = None if order is None else value(order, "acknowledgement")
    return None if found is None else value_of(found, "note")
