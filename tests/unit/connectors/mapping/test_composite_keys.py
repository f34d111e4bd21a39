"""Lists by a key of several parts are paged by its first part where the system has no wider OR."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.criteria import Sort, position_of
from canonical.entities import EntityName
from canonical.inventory import InventoryPosition
from canonical.ports import ListQuery
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.rows import Push, Row
from connectors.kit.source import MappedSource
from tests.fakes.asks import ASK
from tests.fakes.rows import Can, MemoryReader

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
STOCK = EntityMapping.model_validate(
    {
        "dataset": "stock",
        "key": ["item", "plant"],
        "group": ["item", "plant"],
        "row_key": ["item", "plant", "bin"],
        "fields": {"item": "item", "location": "plant", "on_hand": {"sum": "qty"}},
    }
)


def rows_of(items: int, plants: int, bins: int) -> list[Row]:
    return [
        {"item": f"I{i:03d}", "plant": f"P{p}", "bin": str(b), "qty": "1"}
        for i in range(items)
        for p in range(plants)
        for b in range(bins)
    ]


def read_all(reader: MemoryReader, limit: int, order: tuple[Sort, ...] = ()) -> list[Any]:
    source = MappedSource(
        "erp",
        EntityName.INVENTORY,
        STOCK,
        reader,
        settings=MappingSettings.model_validate({}),
        clock=lambda: NOW,
    )
    found: list[Any] = []
    after: tuple[Any, ...] | None = None
    while True:
        query = ListQuery((), order, limit, frozenset({"item", "location", "on_hand"}), after)
        page = asyncio.run(source.page(query, ASK))
        found += page.records
        if not page.more:
            return found
        after = position_of(page.records[-1], order)


@given(st.integers(0, 6), st.integers(1, 4), st.integers(1, 3), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_every_record_comes_once_and_in_order(
    items: int, plants: int, bins: int, limit: int
) -> None:
    can = Can(any_of=lambda _: Push.NO, page_size=5)
    reader = MemoryReader({"stock": rows_of(items, plants, bins)}, can=can)
    found: list[InventoryPosition] = read_all(reader, limit)
    assert [(r.item, r.location, r.on_hand) for r in found] == [
        (f"I{i:03d}", f"P{p}", Decimal(bins)) for i in range(items) for p in range(plants)
    ]


@pytest.mark.parametrize("ors", [Push.EXACT, Push.NO])
def test_a_page_reads_little_more_than_it_gives(ors: Push) -> None:
    can = Can(any_of=lambda _: ors, page_size=20)
    reader = MemoryReader({"stock": rows_of(200, 3, 1)}, can=can)
    assert len(read_all(reader, 30)) == 600
    assert len(reader.asked.pages) <= 2 * 600 / 20
    assert all(len(query.where) <= 2 for query, _ in reader.asked.pages)
