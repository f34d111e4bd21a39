"""Changes of the distributor, as the ERP's rows show them.

An order's LastChangeDateTime, and so its etag, moves with the order but not for receipts: these
are seen in material documents. Of stock nothing tells when it moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.changes import Change
from sandbox.kit.product import Touched
from sandbox.s4.rows.masters import item_rows, supplier_rows
from sandbox.s4.rows.purchasing import document_rows, order_rows
from sandbox.s4.rows.stock import items_handed_over, position, requirement
from sandbox.s4.store import Store
from sandbox.world import World
from sandbox.world.records import Order

_RowsBySet = Mapping[str, Iterable[Mapping[str, Any]]]


class Changing:
    """Puts changes into the tables of all services."""

    def __init__(self, world: World, stores: Mapping[str, Store]) -> None:
        self._world = world
        self._tables = {name: t for store in stores.values() for name, t in store.tables.items()}
        self._planned = items_handed_over(world)

    def apply(self, change: Change) -> list[Touched]:
        """Make the rows like what the change says.

        Returns:
            What differs from before, row by row; nothing if the ERP does not see the change.
        """
        return [
            Touched(name, key, values)
            for name, rows in self._rows(change).items()
            for row in rows
            for key, values in [self._tables[name].put(row)]
            if values
        ]

    def _rows(self, change: Change) -> _RowsBySet:
        rows: dict[str, Iterable[Mapping[str, Any]]] = {}
        order = change.order
        completed: set[tuple[str, int]] = set()
        if order is not None and order.system == "erp":
            rows.update(order_rows(self._world, [order]))
            completed = _completed(order)
        booked = [m for m in change.movements if not m.order or _is_own(order)]
        if booked:
            rows.update(document_rows(booked, completed))
        if change.stock:
            rows["A_MatlStkInAcctMod"] = map(position, change.stock)
        if change.forecast is not None and change.forecast.item in self._planned:
            unit = self._planned[change.forecast.item].base_unit
            rows["PlannedIndepRqmtItem"] = [requirement(change.forecast, unit)]
        if change.supplier is not None:
            rows.update(supplier_rows(self._world, [change.supplier]))
        if change.item is not None:
            rows.update(item_rows([change.item]))
        return rows


def _is_own(order: Order | None) -> bool:
    return order is not None and order.system == "erp"


def _completed(order: Order) -> set[tuple[str, int]]:
    return {(line.order, line.number) for line in order.lines if line.completed}
