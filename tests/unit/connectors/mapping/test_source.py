"""What a mapped source asks of its system, what it gives, and what it says where it fails."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import KEY, EntityName
from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    UnavailableError,
    UnsupportedError,
)
from canonical.ports import Page
from canonical.records import Record
from connectors.kit.rows import Bounds, Push, Row, Test
from tests.fakes.asks import ASK
from tests.fakes.rows import Can, MemoryReader
from tests.unit.connectors.mapping.orders import (
    BINS,
    DOWN,
    NOW,
    amounts,
    broken,
    is_in,
    keys,
    query,
    source,
    stock,
    tables,
)


async def test_only_paths_that_are_needed_are_fetched() -> None:
    reader = MemoryReader(tables())
    page = await source(reader).page(query(columns=("number", "supplier")), ASK)
    [(asked, _)] = reader.asked.pages
    assert asked.columns == ("id", "kind", "sup")
    assert asked.where == ((Test("kind", Op.IN, ("F",)),),)
    assert reader.asked.values == []
    assert page.records[0].provenance.fetched_at == NOW


async def test_related_rows_are_read_once_for_a_page_each_after_what_it_hangs_on() -> None:
    reader = MemoryReader(tables())
    columns = ("status", "buyer", "lines.item")
    page = await source(reader).page(query(columns=columns), ASK)
    found: dict[str, Any] = {r.provenance.key: r for r in page.records}
    assert {k: r.status.value for k, r in found.items() if r.status != "APPROVED"} == {
        "2": "PARTIALLY_RECEIVED",
        "5": "CANCELLED",
    }
    assert found["4"].lines[0].item == "even"
    assert found["5"].buyer == "Eight"
    assert sorted(a[0] for a in reader.asked.values) == ["makers", "moves", "products"]
    assert reader.asked.values[-1] == ("makers", "mid", (8, 7))


async def test_keys_are_read_once_each_and_in_no_particular_number_of_requests() -> None:
    reader = MemoryReader(tables(), can=Can(chunk=2))
    batch = await source(reader).by_keys(KEY, ["3", "1", "3", "99"], frozenset(["number"]), ASK)
    assert sorted(keys(batch.records)) == ["1", "3"]
    assert batch.failures == {}
    assert reader.asked.values == [("orders", "id", ("3", "1", "99"))]


async def test_records_read_by_keys_satisfy_the_criteria() -> None:
    reader = MemoryReader(tables())
    batch = await source(reader).by_keys(
        "supplier", ["S1", "S2"], frozenset(["number"]), ASK, (is_in("status", "CANCELLED"),)
    )
    assert keys(batch.records) == ["5"]


async def test_a_lookup_leads_to_the_records_by_another_dataset() -> None:
    reader = MemoryReader(tables())
    batch = await source(reader).by_keys("lines.item", ["even"], frozenset(["number"]), ASK)
    assert sorted(keys(batch.records)) == ["2", "4", "6", "8"]
    assert [a[:2] for a in reader.asked.values][:2] == [("lines", "sku"), ("orders", "id")]


async def test_a_list_uses_the_lookup_too() -> None:
    reader = MemoryReader(
        tables(), can=Can(push=lambda t: Push.NO if "." in t.path else Push.EXACT)
    )
    asked = query(
        is_in("lines.item", "even"), order=(Sort("ordered_on", descending=True),), limit=3
    )
    page = await source(reader).page(asked, ASK)
    assert (keys(page.records), page.more) == (["8", "6", "4"], True)
    assert reader.asked.pages == []


async def test_a_failed_chunk_fails_its_keys_alone() -> None:
    reader = MemoryReader(tables(), can=Can(chunk=1), fails={"2": DOWN})
    batch = await source(reader).by_keys(KEY, ["1", "2", "3"], frozenset(["number"]), ASK)
    assert sorted(keys(batch.records)) == ["1", "3"]
    assert batch.failures == {"2": DOWN}


async def test_a_failed_lookup_fails_the_key_that_was_asked_for() -> None:
    reader = MemoryReader(tables(), can=Can(chunk=1), fails={"odd": DOWN, "4": DOWN})
    found = await source(reader).by_keys("lines.item", ["even", "odd"], frozenset(["number"]), ASK)
    assert sorted(keys(found.records)) == ["2", "6", "8"]
    assert found.failures == {"odd": DOWN, "even": DOWN}


async def test_a_record_whose_related_rows_cannot_be_read_is_left_out_and_named() -> None:
    reader = MemoryReader(tables(), can=Can(chunk=1), fails={"2": DOWN})
    page = await source(reader).page(query(columns=("status",)), ASK)
    assert "2" not in keys(page.records)
    assert len(page.records) == 8
    assert page.failures == {"2": DOWN}


async def test_a_related_system_that_is_down_is_no_empty_page() -> None:
    failing = {str(n): DOWN for n in range(1, 10)}
    reader = MemoryReader(tables(), can=Can(chunk=1), fails=failing)
    with pytest.raises(UnavailableError, match="too slow"):
        await source(reader).page(query(columns=("status",)), ASK)


async def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    reader = MemoryReader(broken("2"))
    page = await source(reader).page(query(limit=3, columns=("lines.quantity",)), ASK)
    assert keys(page.records) == ["1", "3"]
    assert page.more
    error = page.failures["2"]
    assert isinstance(error, BadAnswerError)
    assert error.message == ("erp: purchase_order '2': lines: quantity: {'amount': 1} is no number")
    batch = await source(reader).by_keys("supplier", ["S2"], frozenset(["lines.quantity"]), ASK)
    assert sorted(keys(batch.records)) == ["5", "8"]
    assert list(batch.failures) == ["S2"]


async def test_a_page_of_unreadable_records_goes_on_behind_them() -> None:
    reader = MemoryReader(broken("1", "2", "3", "4"))
    page = await source(reader).page(query(limit=2, columns=("lines.quantity",)), ASK)
    assert keys(page.records) == ["5", "6"]
    assert sorted(page.failures) == ["1", "2", "3", "4"]


async def test_what_cannot_be_pushed_is_read_within_the_budget_or_refused() -> None:
    cannot = Can(push=lambda t: Push.NO if t.path == "sup" else Push.EXACT, page_size=4)
    asked = query(is_in("supplier", "S1"), limit=2)
    reader = MemoryReader(tables(), can=cannot)
    page = await source(reader, max_scanned_rows=9).page(asked, ASK)
    assert (keys(page.records), page.more) == (["1", "4"], True)
    later = query(is_in("supplier", "S9"))
    with pytest.raises(UnsupportedError) as caught:
        await source(reader, max_scanned_rows=8).page(later, ASK)
    assert "erp: more than 8 rows of purchase_order" in caught.value.message
    assert "It cannot filter by supplier" in caught.value.message
    assert "Narrow the list by columns that it filters: number" in caught.value.message


async def test_keys_that_the_system_cannot_be_asked_by_are_looked_for_within_the_budget() -> None:
    cannot = Can(push=lambda t: Push.NO if t.path == "sup" else Push.EXACT, page_size=4)
    reader = MemoryReader(tables(), can=cannot)
    batch = await source(reader).by_keys("supplier", ["S1"], frozenset(["number"]), ASK)
    assert sorted(keys(batch.records)) == ["1", "4", "7"]
    with pytest.raises(UnsupportedError, match="cannot be asked for purchase_order by supplier"):
        await source(reader, max_scanned_rows=8).by_keys(
            "supplier", ["S1"], frozenset(["number"]), ASK
        )


async def test_a_column_that_the_system_lacks_is_null_without_asking() -> None:
    reader = MemoryReader(tables())
    mapped = source(reader)
    page = await mapped.page(query(is_in("currency", "EUR")), ASK)
    assert page == Page((), more=False)
    with pytest.raises(UnsupportedError, match="erp has no currency of purchase_order"):
        await mapped.by_keys("currency", ["EUR"], frozenset(), ASK)
    everything = await mapped.page(query(Condition("updated_at", Op.IS_NULL, value=True)), ASK)
    assert len(everything.records) == 9
    assert "currency" not in mapped.columns
    assert {"number", "lines", "lines.item"} <= mapped.columns


@pytest.mark.parametrize(
    "criteria, can, total",
    [
        ((), Can(), 9),
        ((is_in("supplier", "S1"),), Can(), 3),
        ((is_in("supplier", "S1"),), Can(push=lambda _: Push.SUPERSET), None),
        ((is_in("status", "APPROVED"),), Can(), None),
        ((), Can(counts=False), None),
    ],
    ids=["all", "exact", "superset", "checked-here", "untold"],
)
async def test_a_total_is_given_only_where_it_is_exact(
    criteria: tuple[Condition, ...], can: Can, total: int | None
) -> None:
    page = await source(MemoryReader(tables(), can=can)).page(
        query(*criteria, limit=2, after=("2",), count=True), ASK
    )
    assert page.total == total


async def test_pages_begin_at_the_position_in_the_systems_own_words() -> None:
    reader = MemoryReader(tables(), kinds={"day": "date"})
    order = (Sort("ordered_on", descending=True),)
    page = await source(reader).page(query(order=order, limit=2, after=("2026-01-07", "7")), ASK)
    assert keys(page.records) == ["6", "5"]
    asked = reader.asked.pages[0][0]
    assert asked.sort == (("day", True),)
    day = datetime(2026, 1, 8, tzinfo=UTC).date()
    assert asked.where[-1] == (Test("day", Op.RANGE, Bounds(lt=day), "date"),)


@pytest.mark.parametrize("after", [("2026-01-07",), ("yesterday", "7")], ids=["short", "no date"])
async def test_a_position_that_cannot_be_one_is_refused(after: tuple[str, ...]) -> None:
    asked = query(order=(Sort("ordered_on"),), after=after)
    with pytest.raises(InvalidInputError, match="start the list anew"):
        await source(MemoryReader(tables())).page(asked, ASK)


async def test_composite_keys_are_asked_by_their_most_selective_part() -> None:
    reader = MemoryReader({"stock": BINS})
    wanted = ["A\\|1|1", "B|1", "C|3", "B", "B|x"]
    batch = await stock(reader).by_keys(KEY, wanted, frozenset(["on_hand"]), ASK)
    assert amounts(batch.records) == {"A\\|1|1": Decimal(3), "B|1": Decimal(3)}
    assert reader.asked.values == [("stock", "m", ("A|1", "B", "C"))]


async def test_groups_are_whole_even_at_the_end_of_a_page() -> None:
    reader = MemoryReader({"stock": BINS}, can=Can(page_size=3))
    page = await stock(reader).page(query(limit=4, columns=("on_hand",)), ASK)
    assert amounts(page.records) == dict.fromkeys(("A\\|1|1", "A\\|1|2", "B|1", "B|2"), Decimal(3))
    assert page.more


async def test_what_would_break_a_group_is_checked_after_summing() -> None:
    reader = MemoryReader({"stock": [*BINS, {**BINS[0], "batch": "z", "u": "KG"}]})
    asked = query(is_in("unit", "PC"), is_in("location", "1"), columns=("on_hand",))
    page = await stock(reader).page(asked, ASK)
    assert amounts(page.records) == {
        "A\\|1|1": Decimal("4.5"),
        "B|1": Decimal(3),
        "C|1": Decimal(3),
    }
    where = reader.asked.pages[0][0].where
    assert where == ((Test("w", Op.IN, (1,), "integer"),),)
    ranged = query(Condition("on_hand", Op.RANGE, Range(gte=Decimal(4))), columns=("on_hand",))
    assert list(amounts((await stock(reader).page(ranged, ASK)).records)) == ["A\\|1|1"]


async def test_a_row_without_key_is_an_error_that_says_so() -> None:
    reader = MemoryReader({"stock": [{"m": None, "w": None, "q": "1"}]})
    with pytest.raises(BadAnswerError, match="inventory: a row has no key at m, w"):
        await stock(reader).page(query(columns=("on_hand",)), ASK)


async def test_codes_are_asked_for_in_the_systems_own() -> None:
    document = {
        "dataset": "items",
        "key": ["id"],
        "fields": {
            "sku": "id",
            "unit": {"path": "u", "unit": True},
            "status": {"path": "s", "map": {"A": "ACTIVE", "a": "ACTIVE"}, "default": "BLOCKED"},
        },
    }
    rows: list[Row] = [
        {"id": "1", "u": "ST", "s": "A"},
        {"id": "2", "u": "PC", "s": "a"},
        {"id": "3", "u": "ST", "s": None},
        {"id": "4", "u": "KG", "s": "?"},
    ]
    reader = MemoryReader({"items": rows})
    items = source(reader, document, EntityName.ITEM, units={"ST": "PC"})

    async def asked(condition: Condition) -> tuple[list[str], Any]:
        page = await items.page(query(condition, columns=("sku",)), ASK)
        return keys(page.records), reader.asked.pages[-1][0].where

    assert await asked(is_in("unit", "PC")) == (
        ["1", "2", "3"],
        ((Test("u", Op.IN, ("ST", "PC")),),),
    )
    assert await asked(is_in("status", "ACTIVE")) == (
        ["1", "2"],
        ((Test("s", Op.IN, ("A", "a")),),),
    )
    assert await asked(is_in("status", "BLOCKED")) == (
        ["3", "4"],
        ((Test("s", Op.IN, ("A", "a"), negated=True),),),
    )


@pytest.mark.parametrize("descending", [False, True])
async def test_a_system_that_ignores_case_loses_and_doubles_nothing(descending: bool) -> None:
    names = ["ab", "AB", "b", "Ab", "ab", "B", "C", "aB", None]
    rows: list[Row] = [{"id": str(i), "n": n} for i, n in enumerate(names)]
    document = {"dataset": "items", "key": ["id"], "fields": {"sku": "id", "category": "n"}}

    def push(test: Test) -> Push:
        return Push.SUPERSET if test.op is Op.IN else Push.EXACT

    reader = MemoryReader({"items": rows}, can=Can(push=push, ignores_case=True, page_size=2))
    items = source(reader, document, EntityName.ITEM)
    order = (Sort("category", descending=descending),)
    found: list[Record] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await items.page(query(order=order, limit=2, columns=("sku",), after=after), ASK)
        found += page.records
        if not page.more:
            break
        last: Any = page.records[-1]
        after = (last.category, last.provenance.key)
    assert sorted(keys(found)) == [str(i) for i in range(9)]
    assert keys(found)[-1] == "8"
    exact = await items.page(query(is_in("category", "ab"), columns=("sku",)), ASK)
    assert keys(exact.records) == ["0", "4"]
