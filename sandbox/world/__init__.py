"""The pretend distributor itself, the same for the same seed, size and day.

Every simulator builds the world for itself; each part is made when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property

from sandbox.world.crosswalks import write_crosswalks
from sandbox.world.geography import PLANTS, PLANTS_BY_CODE, REGIONS, REGIONS_BY_CODE
from sandbox.world.masters import make_items, make_suppliers
from sandbox.world.orders import Book, make_orders
from sandbox.world.planning import (
    count_forecasts,
    make_demands,
    make_forecasts,
    make_proposals,
    make_stock,
)
from sandbox.world.receipts import make_openings, number_documents
from sandbox.world.records import (
    Demand,
    Forecast,
    Item,
    Movement,
    Order,
    Plant,
    Proposal,
    Region,
    Stock,
    Supplier,
)

__all__ = ["DEFAULT_SEED", "DEFAULT_TODAY", "World", "write_crosswalks"]

DEFAULT_SEED = 7
DEFAULT_TODAY = date(2026, 11, 23)

_ITEMS, _SUPPLIERS, _LINES, _PROPOSALS, _DEMANDS = 2_000, 150, 20_000, 40, 1_500


class World:
    """A distributor of 2,000 items, 150 suppliers and 20,000 order lines, times `size`.

    The 12 plants in 3 regions are always the same. Orders and documents come oldest first.

    Raises:
        ValueError: size is not above 0.
    """

    def __init__(
        self, seed: int = DEFAULT_SEED, size: float = 1.0, today: date | None = None
    ) -> None:
        if size <= 0:
            raise ValueError(f"size must be above 0, not {size}")
        self.seed = seed
        self.size = size
        self.today = today or DEFAULT_TODAY

    def _count(self, full: int, least: int) -> int:
        return max(least, round(full * self.size))

    @property
    def regions(self) -> tuple[Region, ...]:
        """The three regions."""
        return REGIONS

    @property
    def regions_by_code(self) -> dict[str, Region]:
        """Regions by EU, US, APAC."""
        return REGIONS_BY_CODE

    @property
    def plants(self) -> tuple[Plant, ...]:
        """The twelve plants."""
        return PLANTS

    @property
    def plants_by_code(self) -> dict[str, Plant]:
        """Plants by the ERP's code."""
        return PLANTS_BY_CODE

    @cached_property
    def suppliers(self) -> tuple[Supplier, ...]:
        """All suppliers."""
        return make_suppliers(self.seed, self._count(_SUPPLIERS, 6), self.today)

    @cached_property
    def suppliers_by_number(self) -> dict[str, Supplier]:
        """Suppliers by the ERP's number."""
        return {supplier.number: supplier for supplier in self.suppliers}

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All items, in the order in which they were made."""
        return make_items(self.seed, self._count(_ITEMS, 20), self.suppliers, self.today)

    @cached_property
    def items_by_number(self) -> dict[str, Item]:
        """Items by the ERP's number."""
        return {item.number: item for item in self.items}

    @cached_property
    def _book(self) -> Book:
        return make_orders(self.seed, self._count(_LINES, 20), self.items, self.today)

    @property
    def orders(self) -> tuple[Order, ...]:
        """All purchase orders of both systems, oldest first."""
        return self._book.orders

    @cached_property
    def movements(self) -> tuple[Movement, ...]:
        """All goods movements for orders, by document and item."""
        suppliers = {order.number: order.supplier for order in self.orders}
        return number_documents(self.seed, self._book.arrivals, self.items_by_number, suppliers)

    @cached_property
    def openings(self) -> tuple[Movement, ...]:
        """A few goods movements that belong to no order."""
        return make_openings(self.items, self.today)

    @cached_property
    def stock(self) -> tuple[Stock, ...]:
        """All stock positions."""
        return make_stock(self.seed, self.items)

    @cached_property
    def forecasts(self) -> tuple[Forecast, ...]:
        """All forecasts, per item and plant in the order of time."""
        return tuple(self.each_forecast())

    def each_forecast(self) -> Iterator[Forecast]:
        """The same forecasts, made one by one and not kept."""
        return make_forecasts(self.seed, self.items, self.today)

    def forecast_count(self) -> int:
        """How many forecasts there are."""
        return count_forecasts(self.items, self.today)

    @cached_property
    def proposals(self) -> tuple[Proposal, ...]:
        """What planning proposes to buy."""
        return make_proposals(self.seed, self.items, self._count(_PROPOSALS, 3), self.today)

    @cached_property
    def demands(self) -> tuple[Demand, ...]:
        """Customers' order lines."""
        return make_demands(self.seed, self.items, self._count(_DEMANDS, 12), self.today)
