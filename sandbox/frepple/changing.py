"""Changes of the distributor, as planning's tables show them.

Forecasts are planning's own. Of orders it holds copies, one row a line, that go when nothing is
awaited any more. What is on hand stays as it was this morning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.changes import Change
from sandbox.frepple.rows import bucket, item_row, order_rows, reference, supplier_row
from sandbox.frepple.tables import Row, Table, moment
from sandbox.kit.product import Touched
from sandbox.world import World

_ORDERS = "input/purchaseorder"
_FORECASTS = "forecast/forecastplan"
_FORECAST_KEY = ("id", "item", "location", "customer", "startdate")


class Changing:
    """Puts changes into the tables."""

    def __init__(self, world: World, tables: Mapping[str, Table]) -> None:
        self._world = world
        self._tables = tables

    def apply(self, change: Change) -> list[Touched]:
        """Make the rows like what the change says.

        Returns:
            What differs from before, row by row; nothing if planning does not see the change.
        """
        return [*self._put(change), *self._removed(change)]

    def _put(self, change: Change) -> Iterator[Touched]:
        for path, row in self._rows(change):
            table = self._tables[path]
            values = table.put(row)
            if values:
                names = _FORECAST_KEY if path == _FORECASTS else (table.primary_key,)
                yield Touched(path, {name: row[name] for name in names}, values)

    def _rows(self, change: Change) -> Iterator[tuple[str, Row]]:
        if change.forecast is not None:
            location = self._world.plants_by_code[change.forecast.plant].name
            yield _FORECASTS, bucket(change.forecast_index + 1, location, change.forecast)
        if change.supplier is not None:
            yield "input/supplier", supplier_row(change.supplier)
        if change.item is not None:
            yield "input/item", item_row(change.item)
        if change.order is not None:
            for row in order_rows(self._world, change.order):
                if self._differs(row):
                    yield _ORDERS, {**row, "lastmodified": moment(change.at)}

    def _differs(self, row: Row) -> bool:
        before = self._tables[_ORDERS].by("reference").get(row["reference"], [{}])[0]
        return any(before.get(name) != row[name] for name in row.keys() - {"lastmodified"})

    def _removed(self, change: Change) -> Iterator[Touched]:
        """What of the order is here no longer."""
        if change.order is None:
            return
        live = {row["reference"] for row in order_rows(self._world, change.order)}
        for line in change.order.lines:
            key: dict[str, Any] = {"reference": reference(line)}
            if key["reference"] not in live and self._tables[_ORDERS].remove(key["reference"]):
                yield Touched(_ORDERS, key, None)
