"""Changes of the distributor, as procurement's rows show them.

A receipt moves the `updated-at` of its line and has one of its own, but that of only every tenth
order. What a supplier confirms later alters the confirmation that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sandbox.changes import Change
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
        self._moves: dict[str, list[Movement]] = {}
        for move in world.movements:
            if move.order in self._order_ids:
                self._moves.setdefault(move.order, []).append(move)

    def apply(self, change: Change) -> list[Touched]:
        """Make the rows like what the change says.

        Returns:
            What differs from before, row by row; nothing if procurement does not see the change.
        """
        return [
            Touched(name, {key: row[key] for key in _KEYS if key in row}, values)
            for name, row in self._changed(change)
            if (values := self._resources[name].put(row))
        ]

    def order_row(self, number: str) -> Row:
        """An order as the interface shows it now."""
        return self._resources["purchase_orders"].by_id[self._order_ids[number]]

    def _changed(self, change: Change) -> Iterator[tuple[str, Row]]:
        order = change.order
        if order is not None and order.system == "procurement":
            yield from self._order(change, order)
        if change.supplier is not None:
            supplier = change.supplier
            yield "suppliers", supplier_row(self._supplier_ids[supplier.number], supplier)
        if change.item is not None:
            yield "items", item_row(self._item_ids[change.item.number], change.item)

    def _order(self, change: Change, order: Order) -> Iterator[tuple[str, Row]]:
        moves = self._moves.setdefault(order.number, [])
        received = [move for move in change.movements if move.kind == _RECEIPT]
        moves += received
        orders = self._resources["purchase_orders"]
        number = self._order_ids.setdefault(order.number, orders.rows[-1]["id"] + 1)
        row = self._rows.order(number, order, moves)
        for line in row["order-lines"]:
            yield "purchase_order_lines", line
        row["order-lines"] = [
            self._resources["purchase_order_lines"].by_id[line["id"]] for line in row["order-lines"]
        ]
        yield "purchase_orders", row
        yield from self._receipts(order, received)
        if order.acknowledged_at is not None:
            yield from self._confirmation(order, row)

    def _receipts(self, order: Order, moves: list[Movement]) -> Iterator[tuple[str, Row]]:
        units = {line.number: line.unit for line in order.lines}
        for move in moves:
            rows = self._resources["receiving_transactions"].rows
            number = rows[-1]["id"] + 1 if rows else 90_001
            yield (
                "receiving_transactions",
                self._rows.receipt(number, move, units[move.line], voided=False),
            )

    def _confirmation(self, order: Order, shown: Row) -> Iterator[tuple[str, Row]]:
        confirmations = self._resources["order_confirmations"]
        last = confirmations.rows[-1]["id"] if confirmations.rows else 30_000
        number = self._confirmation_ids.setdefault(shown["id"], last + 1)
        row = self._rows.confirmation(number, order, shown)
        before = confirmations.by_id.get(number)
        name = "order-confirmation-lines"
        if before is not None:
            same = before[name] == row[name]
            row["updated-at"] = (
                before["updated-at"] if same else moment(order.changed_at or order.created_at)
            )
        yield "order_confirmations", row
