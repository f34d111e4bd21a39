"""The world as procurement sees it: all items and suppliers, and the orders of one region.

A reversed receipt is voided in place; a return is a transaction of its own, with a positive
quantity that is to be taken away. Receipts are in the unit of the order line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from sandbox.world import World
from sandbox.world.records import Item, Line, Movement, Order, Plant, Source, Supplier

Row = dict[str, Any]

INSTANCE_ZONE = timezone(timedelta(hours=-8))
KEY_FIELD = "supplygraph-key"
"""The custom field in which callers keep keys of their own."""
_CENT = Decimal("0.01")
_FIRST_ORDER_ID = 500
_LINES_PER_ORDER = 100
_DIRECT_STATUS = {
    "draft": "draft",
    "pending_approval": "buyer_hold",
    "cancelled": "cancelled",
}
_ISSUED = frozenset({"approved", "sent", "acknowledged", "partially_received", "received"})


def decimal(value: Decimal | int) -> str:
    """A number as Coupa writes most of them: a string with six places."""
    return f"{Decimal(value):.6f}"


def moment(value: datetime) -> str:
    """A datetime in the instance's zone."""
    return value.astimezone(INSTANCE_ZONE).isoformat(timespec="seconds")


def day(value: date) -> str:
    """A date: midnight in the instance's zone."""
    return datetime.combine(value, time(), INSTANCE_ZONE).isoformat()


def _code(code: str) -> Row:
    return {"code": code}


class Rows:
    """All resources over a world; rows that name each other share the nested objects."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._suppliers = {s.number: supplier_row(n, s) for n, s in enumerate(world.suppliers, 100)}
        self._addresses = {
            plant.code: _address(n, plant) for n, plant in enumerate(world.plants, 1)
        }
        self._items = {item.number: item_row(n, item) for n, item in enumerate(world.items, 1000)}
        self._supplier_names = {
            number: {key: row[key] for key in ("id", "number", "name")}
            for number, row in self._suppliers.items()
        }
        self._item_names = {
            number: {key: row[key] for key in ("id", "item-number", "name", "uom")}
            for number, row in self._items.items()
        }
        self._line_names: dict[tuple[str, int], Row] = {}
        self.overlays: dict[str, Row] = {}
        """What was written to an order, by its number, and is no matter of the distributor."""
        self.comments: dict[str, str | None] = {}
        """What suppliers wrote with confirmations that came from outside, by order."""

    def by_resource(self) -> dict[str, list[Row]]:
        """Rows by resource, each list in the order of ids."""
        own = [order for order in self._world.orders if order.system == "procurement"]
        moves: dict[str, list[Movement]] = {}
        for move in self._world.movements:
            moves.setdefault(move.order, []).append(move)
        orders = [
            self.order(_FIRST_ORDER_ID + n, order, moves.get(order.number, []))
            for n, order in enumerate(own)
        ]
        return {
            "items": list(self._items.values()),
            "suppliers": list(self._suppliers.values()),
            "supplier_items": list(self._supplier_items()),
            "addresses": list(self._addresses.values()),
            "purchase_orders": orders,
            "purchase_order_lines": [line for order in orders for line in order["order-lines"]],
            "receiving_transactions": list(self._receipts(own, moves)),
            "order_confirmations": list(self._confirmations(own, orders)),
        }

    def _supplier_items(self) -> Iterator[Row]:
        number = 10_000
        for item in self._world.items:
            for source in item.sources:
                number += 1
                yield self._supplier_item(number, item, source)

    def _supplier_item(self, number: int, item: Item, source: Source) -> Row:
        """Prices here are for one unit; the ERP's may be for 100."""
        return {
            "id": number,
            "item": self._item_names[item.number],
            "supplier": self._supplier_names[source.supplier],
            "supplier-part-num": source.part_number,
            "price": decimal(source.price / source.price_quantity),
            "currency": _code(source.currency),
            "lead-time": source.lead_days,
            "minimum-order-quantity": decimal(source.minimum),
            "preferred": source.preferred,
            "active": not source.deleted,
            "created-at": day(item.created_on),
            "updated-at": moment(item.changed_at),
        }

    def order(self, number: int, order: Order, moves: list[Movement]) -> Row:
        """An order with its lines; every tenth change follows its last receipt."""
        confirmed = order.acknowledged_at
        updated = order.changed_at or order.created_at
        if moves and number % 10 == 0:
            updated = max(updated, *(move.created_at for move in moves))
        lines = [
            self._line(number, n, order, line, _line_updated(order, line, moves))
            for n, line in enumerate(order.lines)
        ]
        return {
            "id": number,
            "po-number": order.number,
            "status": _status(number, order),
            "version": 1,
            "internal-revision": 0 if confirmed is None else 1,
            "type": "ExternalOrderHeader",
            "change-type": "change" if confirmed is None else "confirmation",
            "supplier": self._supplier_names[order.supplier],
            "currency": _code(order.currency),
            "payment-term": _code(order.terms),
            "shipping-term": _code(order.incoterms),
            "ship-to-address": self._ship_to(order.lines[0].plant),
            "requester": {"login": order.buyer.lower(), "fullname": order.buyer.title()},
            "total": decimal(_total(order)),
            "transmission-status": _transmission(number, order),
            "transmission-method-override": "supplier_default",
            "acknowledged-flag": confirmed is not None,
            "acknowledged-at": None if confirmed is None else moment(confirmed),
            "confirmation-status": _confirmation_status(order),
            "exported": order.state in {"received", "closed"},
            "last-exported-at": None,
            "order-lines": lines,
            "custom-fields": {KEY_FIELD: None},
            "created-at": moment(order.created_at),
            "updated-at": moment(updated),
            **self.overlays.get(order.number, {}),
        }

    def _line(self, order_id: int, index: int, order: Order, line: Line, updated: datetime) -> Row:
        number = order_id * _LINES_PER_ORDER + index + 1
        row = {
            "id": number,
            "order-header-id": order_id,
            "order-header-number": order.number,
            "line-num": str(line.number),
            "type": "OrderQuantityLine",
            "status": _line_status(order, line),
            "description": self._item_names[line.item]["name"],
            "item": self._item_names[line.item],
            "quantity": decimal(line.quantity),
            "uom": _code(line.unit),
            "price": decimal(line.price),
            "total": decimal(_amount(line)),
            "currency": _code(order.currency),
            "need-by-date": day(line.due_on),
            "source-part-num": line.part_number,
            "supp-aux-part-num": None,
            "received": decimal(line.received),
            "invoiced": decimal(line.quantity if line.invoiced else 0),
            "supplier": self._supplier_names[order.supplier],
            "ship-to-address": self._ship_to(line.plant),
            "created-at": moment(order.created_at),
            "updated-at": moment(updated),
        }
        self._line_names[order.number, line.number] = {
            key: row[key] for key in ("id", "line-num", "order-header-id", "order-header-number")
        }
        return row

    def _ship_to(self, plant: str) -> Row:
        row = self._addresses[plant]
        return {key: row[key] for key in ("id", "location-code", "name", "country")}

    def _receipts(self, own: list[Order], moves: dict[str, list[Movement]]) -> Iterator[Row]:
        booked = [
            move
            for order in own
            for move in moves.get(order.number, [])
            if move.kind in {"101", "122"}
        ]
        undone = {
            move.reverses
            for order in own
            for move in moves.get(order.number, [])
            if move.reverses is not None
        }
        booked.sort(key=lambda move: (move.created_at, move.document, move.number))
        units = {(ln.order, ln.number): ln.unit for order in own for ln in order.lines}
        for number, move in enumerate(booked, start=90_001):
            voided = (move.document, move.number) in undone
            yield self.receipt(number, move, units[move.order, move.line], voided=voided)

    def receipt(self, number: int, move: Movement, unit: str, *, voided: bool) -> Row:
        """A receipt, or a return, of an order line; `unit` is the line's."""
        returned = move.kind == "122"
        kind = "ReceivingReturnToSupplier" if returned else "ReceivingQuantityConsumption"
        return {
            "id": number,
            "type": kind,
            "status": "voided" if voided else "created",
            "quantity": decimal(move.quantity),
            "uom": _code(unit),
            "transaction-date": moment(move.created_at),
            "order-line": self._line_names[move.order, move.line],
            "item": self._item_names[move.item],
            "ship-to-address": self._ship_to(move.plant),
            "custom-fields": {KEY_FIELD: None, **self.overlays.get(move.document, {})},
            "created-at": moment(move.created_at),
            "updated-at": moment(move.created_at + timedelta(minutes=40 if voided else 0)),
        }

    def _confirmations(self, own: list[Order], orders: list[Row]) -> Iterator[Row]:
        number = 30_000
        for order, row in zip(own, orders, strict=True):
            if order.acknowledged_at is not None:
                number += 1
                yield self.confirmation(number, order, row)

    def confirmation(self, number: int, order: Order, row: Row) -> Row:
        """What the supplier confirmed of an order that `row` shows."""
        at = moment(order.acknowledged_at or order.created_at)
        told = order.number in self.comments
        return {
            "id": number,
            "order-header": {"id": row["id"], "po-number": order.number},
            "status": "confirmed",
            "confirmed-at": at,
            "confirmed-by": self._suppliers[order.supplier]["primary-contact"]["email"],
            "comments": self.comments.get(order.number),
            "order-confirmation-lines": [
                {
                    "id": shown["id"] * 10,
                    "order-line": self._line_names[order.number, line.number],
                    "line-num": shown["line-num"],
                    "quantity": decimal(_confirmed(line)),
                    "uom": shown["uom"],
                    "price": shown["price"],
                    "delivery-date": day(line.confirmed_on or line.due_on),
                }
                for line, shown in zip(order.lines, row["order-lines"], strict=True)
                if line.confirmed_on is not None or not told
            ],
            "created-at": at,
            "updated-at": at,
        }


def _confirmed(line: Line) -> Decimal:
    return line.quantity if line.confirmed_quantity is None else line.confirmed_quantity


def _line_updated(order: Order, line: Line, moves: list[Movement]) -> datetime:
    """A line's time of change follows its receipts, which the order's mostly does not."""
    receipts = (move.created_at for move in moves if move.line == line.number)
    return max((order.changed_at or order.created_at, *receipts))


def _amount(line: Line) -> Decimal:
    return line.amount.quantize(_CENT)


def _total(order: Order) -> Decimal:
    """The value of the lines that are not cancelled; of a cancelled order, of all."""
    cancelled = order.state == "cancelled"
    counted = (line for line in order.lines if cancelled or not line.deleted)
    return sum(map(_amount, counted), Decimal(0))


def _status(number: int, order: Order) -> str:
    if order.state == "draft" and number % 5 == 3:
        return "error"
    if order.state == "approved" and number % 3 == 0:
        return "supplier_window_hold"
    if order.state == "closed":
        return "soft_closed" if number % 4 == 0 else "closed"
    return "issued" if order.state in _ISSUED else _DIRECT_STATUS[order.state]


def _line_status(order: Order, line: Line) -> str:
    if line.deleted:
        return "cancelled"
    if order.state == "closed":
        return "closed"
    if line.completed or line.received >= line.quantity:
        return "received"  # also when a little less came and no more is awaited
    return "partially_received" if line.received > 0 else "created"


def _transmission(number: int, order: Order) -> str:
    """Sent, in one of the ways, whatever is further than approved."""
    if order.state in _ISSUED - {"approved"} or order.state == "closed":
        return ("sent_via_email", "sent_via_cxml", "sent_via_xml")[number % 3]
    return "pending" if order.state == "approved" and number % 2 else "not_sent"


def _confirmation_status(order: Order) -> str | None:
    if order.acknowledged_at is None:
        return None
    short = any(_confirmed(line) < line.quantity for line in order.lines)
    return "partially_confirmed" if short else "confirmed"


def supplier_row(number: int, supplier: Supplier) -> Row:
    """A row of suppliers."""
    return {
        "id": number,
        "number": supplier.coupa_number,
        "name": supplier.name,
        "display-name": f"{supplier.name} {supplier.legal_form}",
        "status": "active" if supplier.status == "approved" else "inactive",
        "primary-contact": {"id": number + 5000, "email": supplier.email},
        "primary-address": {
            "street1": supplier.street,
            "city": supplier.city,
            "postal-code": supplier.postal_code,
            "country": _code(supplier.country),
        },
        "payment-term": _code(supplier.terms),
        "shipping-term": _code(supplier.incoterms),
        "default-currency": _code(supplier.currency),
        "tax-id": f"TX{supplier.number}",
        "on-hold": supplier.status == "on_hold",
        "created-at": day(supplier.created_on),
        "updated-at": moment(supplier.changed_at),
    }


def _address(number: int, plant: Plant) -> Row:
    return {
        "id": number,
        "location-code": plant.coupa_code,
        "name": plant.name,
        "street1": plant.street,
        "city": plant.city,
        "postal-code": plant.postal_code,
        "country": _code(plant.country),
        "active": True,
        "created-at": "2024-05-06T09:00:00-08:00",
        "updated-at": "2025-10-19T09:00:00-08:00",
    }


def item_row(number: int, item: Item) -> Row:
    """A row of items."""
    return {
        "id": number,
        "item-number": item.coupa_number,
        "name": item.name,
        "description": item.text,
        "active": item.status != "phased_out",
        "item-type": "Item",
        "uom": _code(item.base_unit),
        "commodity": {"name": item.category},
        "custom-fields": {},
        "created-at": day(item.created_on),
        "updated-at": moment(item.changed_at),
    }
