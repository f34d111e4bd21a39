"""The manifest of the benchmark's three systems: what is asked of them, and what is made of it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from canonical.criteria import Sort
from canonical.entities import EntityName
from canonical.ports import ListQuery
from connectors.config import BackendConfig
from connectors.factory import resolve_backend
from connectors.kit.source import MappedSource
from connectors.rest import reader
from tests.unit.connectors.rest.calls import ASK, Calls

MANIFEST = Path(__file__).parents[4] / "bench" / "kit" / "manifest.yaml"
ORDER = {
    "id": "PO-00001",
    "supplierId": "S-024",
    "status": "OPEN",
    "currency": "EUR",
    "lines": [
        {"itemId": "I-0290", "quantity": 76, "unitPrice": 337.25},
        {"itemId": "I-0189", "quantity": 143, "unitPrice": 169.63},
    ],
}
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def opened(entity: EntityName, rows: list[Any]) -> tuple[MappedSource, Calls]:
    document = yaml.safe_load(MANIFEST.read_text())
    for name, backend in document["backends"].items():
        if entity in backend["entities"]:
            resolved = resolve_backend(name, BackendConfig.model_validate(backend))
            calls = Calls(lambda _: rows)
            rest = reader(calls, resolved.settings, resolved.policy)
            mapping = resolved.preset.entities[entity]
            source = MappedSource(
                name, entity, mapping, rest, settings=resolved.mapping, clock=lambda: NOW
            )
            return source, calls
    raise AssertionError(entity)


async def test_the_latest_orders_are_one_request_of_about_as_many_rows() -> None:
    orders, calls = opened(EntityName.PURCHASE_ORDER, [ORDER])
    columns = frozenset({"number", "status", "supplier", "lines", "total"})
    asked = ListQuery((), (Sort("ordered_on", descending=True),), 200, columns)
    page = await orders.page(asked, ASK)
    order: Any = page.records[0]
    assert (order.number, order.status, order.supplier) == ("PO-00001", "SENT", "S-024")
    assert [(x.line_number, x.item, x.quantity) for x in order.lines] == [
        (1, "I-0290", 76),
        (2, "I-0189", 143),
    ]
    assert order.lines[0].unit_price.amount == Decimal("337.25")
    assert order.total.amount == Decimal("49888.09")
    [query] = calls.queries
    assert query["offset"] == "0"
    assert 200 < int(query["limit"]) <= 205


KEYED: Mapping[EntityName, tuple[str, str, Mapping[str, Any]]] = {
    EntityName.ITEM: ("sku", "ids", {"id": "I-0001", "name": "Item 1", "uom": "EA"}),
    EntityName.SUPPLIER: ("code", "ids", {"id": "I-0001", "name": "Supplier", "country": "DE"}),
    EntityName.INVENTORY: (
        "item",
        "itemIds",
        {"itemId": "I-0001", "location": "DC-EAST", "onHand": 5, "reserved": 2},
    ),
    EntityName.FORECAST: (
        "item",
        "itemIds",
        {"itemId": "I-0001", "period": "2026-W01", "quantity": 466, "model": "ets"},
    ),
}


@pytest.mark.parametrize("entity", KEYED, ids=str)
async def test_what_hundreds_of_keys_lead_to_is_one_request(entity: EntityName) -> None:
    column, parameter, row = KEYED[entity]
    source, calls = opened(entity, [row])
    keys = [f"I-{n:04}" for n in range(1, 441)]
    batch = await source.by_keys(column, keys, source.columns, ASK)
    assert len(batch.records) == 1
    assert not batch.failures
    [query] = calls.queries
    assert query == {parameter: ",".join(keys)}


async def test_weeks_and_stock_are_what_the_manifest_says() -> None:
    forecasts, _ = opened(EntityName.FORECAST, [dict(KEYED[EntityName.FORECAST][2])])
    batch = await forecasts.by_keys("item", ["I-0001"], forecasts.columns, ASK)
    forecast: Any = batch.records[0]
    assert (forecast.period_start, forecast.period_end) == (date(2025, 12, 29), date(2026, 1, 5))
    stock, _ = opened(EntityName.INVENTORY, [dict(KEYED[EntityName.INVENTORY][2])])
    batch = await stock.by_keys("item", ["I-0001"], stock.columns, ASK)
    position: Any = batch.records[0]
    assert (position.provenance.key, position.available) == ("I-0001|DC-EAST", 3)
