"""What callers may tell Coupa: orders of their own, what becomes of them, confirmations, receipts.

    POST purchase_orders                       an external order, a draft until it is issued
    PUT  purchase_orders/:id                   lines by their ids; lines without one are added
    PUT  purchase_orders/:id/issue             also issue_without_send, cancel, close, reopen
    POST order_confirmations                   what the supplier promised, line by line
    POST receiving_transactions                goods of one order line

A `version` that is sent and is not the order's is answered with 412. All of it shows in the rows,
and is told by callouts, as what happens by itself is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from msgspec.structs import replace

from sandbox.changes import Change, Kind
from sandbox.coupa.changing import Changing
from sandbox.coupa.filters import Resource
from sandbox.coupa.rows import KEY_FIELD, Row, Rows
from sandbox.coupa.suppliers import Suppliers
from sandbox.coupa.told import (
    Errors,
    OrderForms,
    RefusedError,
    day_of,
    key_of,
    number_of,
    wanted_day,
)
from sandbox.world import World
from sandbox.world.records import Line, Movement, Order, Schedule

Apply = Callable[[Change], Any]

_OPEN = frozenset({"approved", "sent", "acknowledged", "partially_received"})
_FIRST_CHANGE = 1_000_001


class Ordering:
    """Takes what callers tell, and makes changes of it.

    Args:
        world: The distributor.
        rows: Where rows are made.
        changing: What procurement's orders are now.
        resources: The rows.
        apply: Lets a change be seen.

    Attributes:
        suppliers: Who answers orders that were issued.
    """

    def __init__(
        self,
        world: World,
        rows: Rows,
        changing: Changing,
        resources: Mapping[str, Resource],
        apply: Apply,
    ) -> None:
        self._forms = OrderForms(world)
        self.suppliers = Suppliers(world, self._confirmation)
        self._items = world.items_by_number
        self._rows = rows
        self._changing = changing
        self._resources = resources
        self._apply = apply
        self._numbers = (f"PO-X{n:05}" for n in count(1))
        self._changes = count(_FIRST_CHANGE)
        self._actions: Mapping[str, Callable[[Order], None]] = {
            "issue": lambda order: self._issue(order, "sent"),
            "issue_without_send": lambda order: self._issue(order, "approved"),
            "cancel": self._cancel,
            "close": self._close,
            "reopen": self._reopen,
        }

    def create(self, resource: str, told: Row) -> Row:
        """Make a row of a resource.

        Raises:
            RefusedError: it cannot be made so.
        """
        match resource:
            case "purchase_orders":
                return self._order(told)
            case "order_confirmations":
                return self._confirmation(told)
            case "receiving_transactions":
                return self._receipt(told)
        raise RefusedError(405, {"base": [f"{resource} cannot be created here"]})

    def change(self, number: int, told: Row) -> Row:
        """Change lines of an order.

        Raises:
            RefusedError: it cannot be changed so.
        """
        order = self._current(number, told)
        if order.state not in _OPEN | {"draft"}:
            raise RefusedError(422, {"status": [f"cannot be changed when {order.state}"]})
        errors = Errors()
        lines = self._changed(order, told, errors)
        errors.refuse()
        self._put("rescheduled", replace(order, lines=lines))
        return self._changing.order_row(order.number)

    def act(self, number: int, action: str, told: Row) -> Row:
        """Do an action on an order.

        Raises:
            RefusedError: there is no such action, or not in this state.
        """
        order = self._current(number, told)
        if action not in self._actions:
            raise RefusedError(404, {"base": ["The requested resource could not be found"]})
        self._actions[action](order)
        return self._changing.order_row(order.number)

    def _order(self, told: Row) -> Row:
        at = self._changing.at + timedelta(seconds=1)
        taken = {row["po-number"] for row in self._resources["purchase_orders"].rows}
        order = self._forms.order(told, next(self._numbers), at, taken)
        self._rows.overlays[order.number] = {
            "version": 0,
            "status": "draft",
            "custom-fields": {KEY_FIELD: key_of(told, Errors())},
        }
        self._put("placed", order)
        return self._changing.order_row(order.number)

    def _confirmation(self, told: Row) -> Row:
        header = told.get("order-header") or {}
        order = self._current(_id(header), {})
        if order.state not in _OPEN:
            raise RefusedError(422, {"order-header": [f"cannot be confirmed when {order.state}"]})
        errors = Errors()
        promised = self._promised(order, told, errors)
        errors.refuse()
        lines = tuple(promised.get(line.number, line) for line in order.lines)
        state = "acknowledged" if order.state in {"approved", "sent"} else order.state
        at = self._changing.at + timedelta(seconds=1)
        self._rows.comments[order.number] = told.get("comments")
        self._put("acknowledged", replace(order, state=state, acknowledged_at=at, lines=lines))
        number = self._changing.order_row(order.number)["id"]
        found = [
            row
            for row in self._resources["order_confirmations"].rows
            if row["order-header"]["id"] == number
        ]
        return found[-1]

    def _promised(self, order: Order, told: Row, errors: Errors) -> dict[int, Line]:
        rows = told.get("order-confirmation-lines") or []
        if not rows:
            errors.add("order-confirmation-lines", "must have at least one line")
        by_number = {str(line.number): line for line in order.lines}
        promised: dict[int, Line] = {}
        for row in rows:
            line = by_number.get(str(row.get("line-num")))
            quantity, day = number_of(row.get("quantity")), day_of(row.get("delivery-date"))
            if line is None:
                errors.add("order-confirmation-lines.line-num", "must exist in the order")
            elif quantity is None or quantity < 0:
                errors.add("order-confirmation-lines.quantity", "must not be negative")
            elif day is None:
                errors.add("order-confirmation-lines.delivery-date", "is not a valid date")
            else:
                part = Schedule(line.due_on, line.quantity, day, quantity)
                promised[line.number] = replace(line, schedule=(part,))
        return promised

    def _receipt(self, told: Row) -> Row:
        shown = self._resources["purchase_order_lines"].by_id.get(_id(told.get("order-line") or {}))
        if shown is None:
            raise RefusedError(422, {"order-line": ["must exist"]})
        order = self._changing.orders[shown["order-header-number"]]
        quantity, errors = number_of(told.get("quantity")), Errors()
        key = key_of(told, errors)
        if quantity is None or quantity <= 0:
            errors.add("quantity", "must be greater than 0")
        if order.state not in _OPEN:
            errors.add("order-line", f"cannot be received when {order.state}")
        errors.refuse()
        number = next(self._changes)
        move = self._movement(order, int(shown["line-num"]), quantity or Decimal(0), number)
        self._rows.overlays[move.document] = {KEY_FIELD: key}
        lines = tuple(
            replace(line, received=line.received + move.quantity)
            if line.number == move.line
            else line
            for line in order.lines
        )
        whole = all(line.deleted or line.received >= line.quantity for line in lines)
        kind: Kind = "received" if whole else "partially_received"
        self._put(kind, replace(order, state=kind, lines=lines), (move,))
        return self._resources["receiving_transactions"].rows[-1]

    def _movement(self, order: Order, number: int, quantity: Decimal, change: int) -> Movement:
        line = next(line for line in order.lines if line.number == number)
        at = self._changing.at + timedelta(seconds=1)
        base = quantity * line.numerator / line.denominator
        return Movement(
            document=f"X{change}",
            number=1,
            kind="101",
            posted_on=at.date(),
            created_at=at,
            order=order.number,
            line=number,
            item=line.item,
            plant=line.plant,
            storage_location="",
            supplier=order.supplier,
            quantity=quantity,
            entry_quantity=quantity,
            entry_unit=line.unit,
            base_quantity=base,
            base_unit=self._items[line.item].base_unit,
            cancelled=False,
            reverses=None,
        )

    def _changed(self, order: Order, told: Row, errors: Errors) -> tuple[Line, ...]:
        shown = self._changing.order_row(order.number)["order-lines"]
        numbers = {row["id"]: int(row["line-num"]) for row in shown}
        lines = {line.number: line for line in order.lines}
        for row in told.get("order-lines") or []:
            if "id" not in row:
                place = max(lines, default=0) + 1
                added = self._forms.line(row, order.number, place, told, errors)
                if added is not None:
                    lines[added.number] = added
            elif _id(row) not in numbers:
                errors.add("order-lines.id", "must exist in the order")
            else:
                number = numbers[_id(row)]
                lines[number] = _line_as_told(lines[number], row, errors)
        return tuple(lines.values())

    def _issue(self, order: Order, state: Any) -> None:
        if order.state not in {"draft", "pending_approval"}:
            raise RefusedError(422, {"status": [f"cannot be issued when {order.state}"]})
        self._rows.overlays.get(order.number, {}).pop("status", None)
        self._put(state, replace(order, state=state))
        self.suppliers.issued(order, self._changing.order_row(order.number)["id"])

    def _cancel(self, order: Order) -> None:
        if order.state in {"cancelled", "closed"}:
            raise RefusedError(422, {"status": [f"cannot be cancelled when {order.state}"]})
        if any(line.received for line in order.lines):
            raise RefusedError(422, {"base": ["cannot be cancelled: goods were received"]})
        self._rows.overlays.get(order.number, {}).pop("status", None)
        self._put("cancelled", replace(order, state="cancelled"))

    def _close(self, order: Order) -> None:
        if order.state not in _OPEN | {"received"}:
            raise RefusedError(422, {"status": [f"cannot be closed when {order.state}"]})
        self._rows.overlays.get(order.number, {}).pop("status", None)
        self._put("closed", replace(order, state="closed"))

    def _reopen(self, order: Order) -> None:
        if order.state != "closed":
            raise RefusedError(422, {"status": [f"cannot be reopened when {order.state}"]})
        self._put("sent", replace(order, state="sent"))

    def _current(self, number: int, told: Row) -> Order:
        """An order as it is now, and as the caller believes it to be.

        Raises:
            RefusedError: there is none, or its version is another one.
        """
        row = self._resources["purchase_orders"].by_id.get(number)
        order = None if row is None else self._changing.orders.get(row["po-number"])
        if row is None or order is None:
            raise RefusedError(404, {"base": ["The requested resource could not be found"]})
        if "version" in told and str(told["version"]) != str(row["version"]):
            raise RefusedError(412, {"version": [f"is stale: it is {row['version']} by now"]})
        return order

    def _put(self, kind: Kind, order: Order, moves: tuple[Movement, ...] = ()) -> None:
        """Let an order be seen as it is now."""
        self._rows.overlays.setdefault(order.number, {"version": 1})
        at = self._changing.at + timedelta(seconds=1)
        self._apply(
            Change(
                number=next(self._changes),
                at=at,
                kind=kind,
                order=replace(order, changed_at=at),
                movements=moves,
            )
        )


def _line_as_told(line: Line, told: Row, errors: Errors) -> Line:
    if told.get("status") == "cancelled":
        return replace(line, deleted=True)
    quantity, day = line.quantity, line.due_on
    if "quantity" in told:
        wanted = number_of(told["quantity"])
        if wanted is None or wanted <= 0:
            errors.add("order-lines.quantity", "must be greater than 0")
            return line
        if wanted < line.received:
            errors.add("order-lines.quantity", "is less than what was received")
            return line
        quantity = wanted
    if "need-by-date" in told:
        day = wanted_day(told, errors) or day
    part = replace(line.schedule[0], due_on=day, quantity=quantity)
    return replace(line, quantity=quantity, schedule=(part,))


def _id(told: Mapping[str, Any]) -> int:
    text = str(told.get("id", ""))
    return int(text) if text.isdigit() else -1
