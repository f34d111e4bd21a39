"""Stock, and the share of the forecasts that planning has handed over as requirements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.world import World
from sandbox.world.records import Forecast, Item, Stock

_Row = Mapping[str, Any]
_HANDED_OVER = 4  # every fourth item's forecasts


def positions(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_MATERIAL_STOCK_SRV; a plant without stock has no row."""
    return {
        "A_MaterialStock": (
            {"Material": item.number, "MaterialBaseUnit": item.base_unit} for item in world.items
        ),
        "A_MatlStkInAcctMod": map(position, world.stock),
    }


def position(stock: Stock) -> _Row:
    """A row of A_MatlStkInAcctMod."""
    return {
        "Material": stock.item,
        "Plant": stock.plant,
        "StorageLocation": stock.storage_location,
        "Batch": stock.batch,
        "Supplier": stock.supplier,
        "WBSElementInternalID": "0" * 24,
        "SDDocumentItem": "0",
        "InventorySpecialStockType": stock.special,
        "InventoryStockType": stock.kind,
        "MaterialBaseUnit": stock.unit,
        "MatlWrhsStkQtyInMatlBaseUnit": stock.quantity,
    }


def items_handed_over(world: World) -> dict[str, Item]:
    """The items, by number, whose forecasts the ERP has as requirements."""
    return {item.number: item for item in world.items[::_HANDED_OVER]}


def requirements(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_PLND_INDEP_RQMT_SRV."""
    handed_over = items_handed_over(world)
    own = [forecast for forecast in world.forecasts if forecast.item in handed_over]
    units = {number: item.base_unit for number, item in handed_over.items()}
    plans = {(forecast.item, forecast.plant): None for forecast in own}
    return {
        "PlannedIndepRqmt": (
            {**_plan(item, plant), "UnitOfMeasure": units[item], "PlndIndepRqmtIsActive": True}
            for item, plant in plans
        ),
        "PlannedIndepRqmtItem": (requirement(forecast, units[forecast.item]) for forecast in own),
    }


def _plan(item: str, plant: str) -> dict[str, Any]:
    return {
        "Product": item,
        "Plant": plant,
        "MRPArea": plant,
        "PlndIndepRqmtType": "VSF",
        "PlndIndepRqmtVersion": "00",
    }


def requirement(forecast: Forecast, unit: str) -> _Row:
    """A row of PlannedIndepRqmtItem."""
    start = forecast.starts_on
    year, week, _ = start.isocalendar()
    return {
        **_plan(forecast.item, forecast.plant),
        "PlndIndepRqmtPeriod": f"{start:%Y%m}" if forecast.monthly else f"{year}{week:02d}",
        "PeriodType": "M" if forecast.monthly else "W",
        "PlndIndepRqmtPeriodStartDate": start,
        "PlndIndepRqmtInternalID": "101",
        "WorkingDayDate": start,
        "PlannedQuantity": forecast.quantity,
        "UnitOfMeasure": unit,
        "LastChangedByUser": "PLANNING",
        "LastChangeDate": forecast.revised_at.date(),
        "PlndIndepRqmtLastChgdDateTime": forecast.revised_at,
    }
