"""A list that comes in the order of its key, and can neither be sorted nor begun at a key."""

from typing import Any

import pytest
import yaml

from canonical.criteria import Sort
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, UnsupportedError
from canonical.ports import Page
from connectors.kit.rows import Push, Row
from tests.fakes.asks import ASK
from tests.fakes.rows import Can, MemoryReader
from tests.unit.connectors.mapping.orders import keys, query, source

ITEMS: dict[str, Any] = yaml.safe_load("""
    dataset: items
    key: [id]
    fields: {sku: id, name: n, category: c}
""")
NUMBERED: dict[str, Any] = {**ITEMS, "key": [{"path": "id", "type": "integer"}]}


def rows(*ids: Any) -> list[Row]:
    return [{"id": i, "n": f"Item {i}", "c": "odd" if int(i) % 2 else "even"} for i in ids]


def listing(table: list[Row], page_size: int = 3) -> MemoryReader:
    can = Can(push=lambda _: Push.NO, sort=lambda _: False, page_size=page_size, given=("id",))
    return MemoryReader({"items": table}, can=can)


async def read(reader: MemoryReader, *, document: Any = ITEMS, **asked: Any) -> Page:
    items = source(reader, document, EntityName.ITEM, max_scanned_rows=8)
    return await items.page(query(columns=("sku", "name"), **asked), ASK)


async def test_the_first_page_takes_one_request_of_about_its_rows() -> None:
    reader = listing(rows("01", "02", "03", "04", "05"))
    page = await read(reader, limit=2)
    assert (keys(page.records), page.more) == (["01", "02"], True)
    [(asked, _)] = reader.asked.pages
    assert asked.limit is not None
    assert 2 < asked.limit <= 2 + 5
    assert (asked.sort, asked.where) == ((), ())


async def test_a_later_page_is_found_by_reading_on_even_if_its_position_is_gone() -> None:
    reader = listing(rows("01", "02", "04", "05", "06", "07"))
    page = await read(reader, limit=2, after=("03",))
    assert (keys(page.records), page.more) == (["04", "05"], True)
    page = await read(reader, limit=2, after=("05",))
    assert (keys(page.records), page.more) == (["06", "07"], False)


async def test_numbers_are_compared_as_numbers() -> None:
    reader = listing(rows(9, 10, 11))
    page = await read(reader, document=NUMBERED, limit=2, after=("9",))
    assert (keys(page.records), page.more) == (["10", "11"], False)


async def test_a_list_in_another_order_is_an_error_not_a_loss() -> None:
    reader = listing(rows("01", "03", "02"))
    with pytest.raises(BadAnswerError, match="item '02' does not come in the order of id"):
        await read(reader, limit=2)


async def test_a_row_that_comes_twice_is_shown_once() -> None:
    reader = listing(rows("01", "02", "02", "03"))
    page = await read(reader, limit=5)
    assert (keys(page.records), page.more) == (["01", "02", "03"], False)


async def test_reading_on_ends_at_the_row_budget() -> None:
    reader = listing(rows(*(f"{n:02}" for n in range(1, 12))))
    with pytest.raises(UnsupportedError, match="more than 8 rows of item"):
        await read(reader, limit=1, after=("09",))


async def test_a_descending_list_is_read_whole() -> None:
    reader = listing(rows("01", "02", "03", "04"))
    page = await read(reader, limit=1, order=(Sort("sku", descending=True),))
    assert (keys(page.records), page.more) == (["04"], True)
    assert len(reader.asked.pages) == 2


async def test_an_order_by_the_column_of_the_key_is_the_one_it_comes_in() -> None:
    reader = listing(rows("01", "02", "03", "04", "05"))
    page = await read(reader, limit=2, order=(Sort("sku"),), after=("02", "02"))
    assert (keys(page.records), page.more) == (["03", "04"], True)
    page = await read(reader, limit=2, order=(Sort("sku"),))
    assert keys(page.records) == ["01", "02"]
    assert len(reader.asked.pages) == 3
