"""Orders that appear while others are being read: what a planner sees on a busy day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.s4.rows.purchasing import order_rows
from sandbox.s4.store import Store
from sandbox.world import World
from sandbox.world.wishes import WishedOrders

_SERVICE = "API_PURCHASEORDER_PROCESS_SRV"


class NewOrders:
    """Adds orders to the order service; numbers go on where the world's end."""

    def __init__(self, world: World, stores: Mapping[str, Store]) -> None:
        self._world = world
        self._tables = stores[_SERVICE].tables
        self._wishes = WishedOrders(world, "erp")

    def add(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Add an order like the newest one; see WishedOrders for what can be wished.

        Raises:
            ValueError: the wish names something that is not there.
        """
        order = self._wishes.grant(wish)
        for name, rows in order_rows(self._world, [order]).items():
            for row in rows:
                self._tables[name].add(row)
        return {"number": order.number}
