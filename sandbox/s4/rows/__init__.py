"""The world as rows of entity sets: only what differs from empty is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.s4.rows import masters, purchasing, stock
from sandbox.world import World

Rows = Iterable[Mapping[str, Any]]


def rows_by_service(world: World) -> dict[str, dict[str, Rows]]:
    """All rows, by service and entity set."""
    return {
        "API_PRODUCT_SRV": masters.products(world),
        "API_BUSINESS_PARTNER": masters.partners(world),
        "API_PLANT_SRV": {"A_Plant": map(masters.plant, world.plants)},
        "API_INFORECORD_PROCESS_SRV": masters.info_records(world),
        "API_PURCHASEORDER_PROCESS_SRV": purchasing.orders(world),
        "API_MATERIAL_DOCUMENT_SRV": purchasing.documents(world),
        "API_MATERIAL_STOCK_SRV": stock.positions(world),
        "API_PLND_INDEP_RQMT_SRV": stock.requirements(world),
    }
