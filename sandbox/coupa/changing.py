"""Changes of the distributor, as procurement's rows show them.

A receipt moves the `updated-at` of its line and has one of its own, but that of only every tenth
order. What a supplier confirms later alters the confirmation that is there.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.changes import Change, first_moment
from sandbox.coupa.filters import Resource
from sandbox.coupa.rows import Row, Rows, item_row, moment, supplier_row
from sandbox.kit.product import Touched
from sandbox.world import World
from sandbox.world.records import Movement, Order

_RECEIPT = "101"
_KEYS = ("id", "po-number", "item-number", "number")


class Changing:
    """Puts changes into the resources."""

    def __init__(self, world: World, rows: Rows, resources: Mapping[str, Resource]) -> None:
        self._rows = rows
        self._resources = resources
        self._supplier_ids = {s.number: n for n, s in enumerate(world.suppliers, 100)}
        self._item_ids = {item.number: n for n, item in enumerate(world.items, 1000)}
        self._order_ids = {row["po-number"]: row["id"] for row in resources["purchase_orders"].rows}
        self._confirmation_ids = {
            row["order-header"]["id"]: row["id"] for row in resources["order_confirmations"].rows
        }
        self.orders = {o.number: o for o in world.orders if o.system == "procurement"}
        self.at = first_moment(world.today)
        self._moves: dict[str, list[Movement]] = {}
        for move in world.movements:
            if move.order in self._order_ids:
                self._moves.setdefault(move.order, []).append(move)

    def apply(self, change: Change) -> list[Touched]:
        """Make the rows like what the change says.

        Returns:
            What differs from before, row by row; nothing if procurement does not see the change.
        """
        self.at = max(self.at, change.at)
        touched: list[Touched] = []
        if change.order is not None and change.order.system == "procurement":
            touched += self._order(change, change.order)
        if change.supplier is not None:
            supplier = change.supplier
            row = supplier_row(self._supplier_ids[supplier.number], supplier)
            touched += self._put("suppliers", row)
        if change.item is not None:
            row = item_row(self._item_ids[change.item.number], change.item)
            touched += self._put("items", row)
        return touched

    def adopt(self, number: int, order: Order) -> None:
        """Take in an order that is among the rows already."""
        self._order_ids[order.number] = number
        self.orders[order.number] = order

    def order_row(self, number: str) -> Row:
        """An order as the interface shows it now."""
        return self._resources["purchase_orders"].by_id[self._order_ids[number]]

    def _put(self, name: str, row: Row) -> list[Touched]:
        values = self._resources[name].put(row)
        key = {name: row[name] for name in _KEYS if name in row}
        return [Touched(name, key, values)] if values else []

    def _order(self, change: Change, order: Order) -> list[Touched]:
        overlay = self._rows.overlays.get(order.number)
        if overlay is not None and self.orders.get(order.number) != order:
            overlay["version"] += 1
        self.orders[order.number] = order
        moves = self._moves.setdefault(order.number, [])
        received = [move for move in change.movements if move.kind == _RECEIPT]
        moves += received
        number = self._order_ids.get(order.number) or self._next_id("purchase_orders", 500)
        self._order_ids[order.number] = number
        row = self._rows.order(number, order, moves)
        name = "purchase_order_lines"
        lines = [part for line in row["order-lines"] for part in self._put(name, line)]
        own = self._resources[name].by_id
        row["order-lines"] = [own[line["id"]] for line in row["order-lines"]]
        touched = self._put("purchase_orders", row)
        receipts = [part for move in received for part in self._receipt(order, move)]
        confirmed = self._confirmation(order, row) if order.acknowledged_at else []
        return [*lines, *touched, *receipts, *confirmed]

    def _receipt(self, order: Order, move: Movement) -> list[Touched]:
        units = {line.number: line.unit for line in order.lines}
        number = self._next_id("receiving_transactions", 90_001)
        row = self._rows.receipt(number, move, units[move.line], voided=False)
        return self._put("receiving_transactions", row)

    def _confirmation(self, order: Order, shown: Row) -> list[Touched]:
        name, lines = "order_confirmations", "order-confirmation-lines"
        number = self._confirmation_ids.get(shown["id"]) or self._next_id(name, 30_001)
        self._confirmation_ids[shown["id"]] = number
        row = self._rows.confirmation(number, order, shown)
        before = self._resources[name].by_id.get(number)
        if before is not None:
            same = before[lines] == row[lines]
            changed_at = moment(order.changed_at or order.created_at)
            row["updated-at"] = before["updated-at"] if same else changed_at
        return self._put(name, row)

    def _next_id(self, name: str, first: int) -> int:
        rows = self._resources[name].rows
        return rows[-1]["id"] + 1 if rows else first
