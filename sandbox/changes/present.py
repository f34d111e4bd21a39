"""The distributor as it is now: what the next change is drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from random import Random
from typing import Generic, TypeVar

from msgspec.structs import replace

from sandbox.world import World
from sandbox.world.orders import Catalogue
from sandbox.world.records import ItemPlant, Order, Stock

_T = TypeVar("_T")
_StockKey = tuple[str, str, str, str, str, str, str]
Place = tuple[str, str]


class Pool(Generic[_T]):
    """Things to choose from; choosing, adding and taking out are quick, whatever their number."""

    def __init__(self, things: Iterable[_T] = ()) -> None:
        self._things: list[_T] = []
        self._index: dict[_T, int] = {}
        for thing in things:
            self.add(thing)

    def __len__(self) -> int:
        return len(self._things)

    def add(self, thing: _T) -> None:
        """Put one in, if it is not there."""
        if thing not in self._index:
            self._index[thing] = len(self._things)
            self._things.append(thing)

    def discard(self, thing: _T) -> None:
        """Take one out, if it is there."""
        place = self._index.pop(thing, None)
        if place is None:
            return
        last = self._things.pop()
        if place < len(self._things):
            self._things[place] = last
            self._index[last] = place

    def choose(self, rng: Random) -> _T:
        """Draw one; the pool must not be empty."""
        return self._things[rng.randrange(len(self._things))]


class Present:
    """Orders by state, stock by place, forecasts and master data, as the changes so far left them.

    Args:
        world: What it was before the first change.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.suppliers = list(world.suppliers)
        self.items = list(world.items)
        self.forecasts = list(world.forecasts)
        self.catalogue = Catalogue(world.items)
        self.order_numbers = {"erp": count(4_510_000_000), "procurement": count(71_000_001)}
        self.receipt_numbers = count(5_100_000_000)
        self.issue_numbers = count(4_950_000_000)
        self._orders: dict[str, Order] = {}
        self._states: dict[tuple[str, str], Pool[str]] = {}
        for order in world.orders:
            self.keep_order(order)
        self._stock: dict[_StockKey, Stock] = {}
        self._positions: dict[Place, list[_StockKey]] = {}
        self.plans = {(i.number, at.plant): at for i in world.items for at in i.plants}
        self.low: Pool[Place] = Pool()
        self.ample: Pool[Place] = Pool()
        for stock in world.stock:
            self.keep_stock(stock)
        for place in self.plans:
            self._sort_place(place)

    def keep_order(self, order: Order) -> None:
        """Take an order as it is now."""
        before = self._orders.get(order.number)
        if before is not None:
            self._states[before.system, before.state].discard(before.number)
        self._orders[order.number] = order
        self._states.setdefault((order.system, order.state), Pool()).add(order.number)

    def choose_order(self, rng: Random, places: Iterable[tuple[str, str]]) -> Order | None:
        """Draw an order from some (system, state); None if there is none."""
        pools = [pool for place in places if (pool := self._states.get(place)) and len(pool)]
        if not pools:
            return None
        pool = rng.choices(pools, [len(pool) for pool in pools])[0]
        return self._orders[pool.choose(rng)]

    def keep_stock(self, stock: Stock) -> None:
        """Take a stock position as it is now."""
        key = _stock_key(stock)
        if key not in self._stock and stock.kind == "01" and not stock.special:
            self._positions.setdefault((stock.item, stock.plant), []).append(key)
        self._stock[key] = stock

    def positions(self, place: Place) -> list[Stock]:
        """What the distributor owns and may use of an item at a plant."""
        return [self._stock[key] for key in self._positions.get(place, ())]

    def move_stock(self, place: Place, quantity: Decimal) -> list[Stock]:
        """Put a quantity into the first position, or take it from the first ones that have some.

        Returns:
            The positions that changed, as they are now.
        """
        moved: list[Stock] = []
        left = quantity
        for position in self.positions(place) or [self._new_position(place)]:
            part = left if left > 0 else max(left, -position.quantity)
            if part:
                moved.append(replace(position, quantity=position.quantity + part))
                left -= part
        for position in moved:
            self.keep_stock(position)
        self._sort_place(place)
        return moved

    def available(self, place: Place) -> Decimal:
        """The sum of the positions of an item at a plant."""
        return sum((stock.quantity for stock in self.positions(place)), Decimal(0))

    def plan(self, place: Place) -> ItemPlant:
        """How an item is planned at a plant."""
        return self.plans[place]

    def _sort_place(self, place: Place) -> None:
        is_low = self.available(place) <= self.plans[place].safety_stock
        (self.low if is_low else self.ample).add(place)
        (self.ample if is_low else self.low).discard(place)

    def _new_position(self, place: Place) -> Stock:
        number, plant = place
        item = self.world.items_by_number[number]
        return Stock(
            item=number,
            plant=plant,
            storage_location=self.world.plants_by_code[plant].storage_locations[0],
            batch="0000000001" if item.batch_managed else "",
            supplier="",
            special="",
            kind="01",
            unit=item.base_unit,
            quantity=Decimal(0),
        )


def _stock_key(stock: Stock) -> _StockKey:
    return (
        stock.item,
        stock.plant,
        stock.storage_location,
        stock.batch,
        stock.supplier,
        stock.special,
        stock.kind,
    )
