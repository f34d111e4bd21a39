"""Pages, batches, fan-out, overlays and splits of the JSON-RPC reader, over models in memory."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from canonical.criteria import Op, Range
from canonical.errors import MisconfiguredError, Reason, UnavailableError
from connectors.jsonrpc.reader import JSONRPCReader
from connectors.jsonrpc.settings import Settings
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Bounds, Dataset, Push, Row, RowQuery, Test
from tests.fakes.asks import ASK
from tests.unit.connectors.jsonrpc.models import Models

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEMS = Dataset("item", ("id",), {"sort": ["rank"], "sort_text": ["code"]})
STOCK = Dataset(
    "item",
    ("place.id", "id"),
    {
        "fan_out": {
            "dataset": "place",
            "where": {"kind": "warehouse"},
            "context": {"locations": ["{id}"], "name": "at {code}"},
            "as": "place",
        },
        "overlays": {"free": {"context": {"assigned": True}}},
        "read_at": "read_at",
    },
)
ARRIVALS = Dataset(
    "arrival",
    ("id", "order"),
    {"split": {"list": "moves", "by": "order", "as": "order"}, "days": ["day"]},
)


def models() -> Models:
    return Models(
        {
            "item": [
                {"id": n, "code": f"I{n}", "rank": -n, "stock": {1: n, 2: 10 * n}}
                for n in range(1, 8)
            ],
            "place": [
                {"id": 1, "code": "A", "kind": "warehouse"},
                {"id": 2, "code": "B", "kind": "warehouse"},
                {"id": 3, "code": "C", "kind": "view"},
            ],
            "arrival": [
                {"id": 1, "day": date(2026, 1, 1), "moves": [{"order": 7}, {"order": 5}]},
                {"id": 2, "day": date(2026, 2, 1), "moves": [{"order": None}]},
                {"id": 3, "day": date(2026, 3, 1), "moves": [{"order": 7}, {"order": 7}]},
                {"id": 4, "day": date(2026, 4, 1), "moves": []},
            ],
        }
    )


def reader_of(held: Models, **settings: Any) -> JSONRPCReader:
    known = Settings.model_validate({"dialect": "tryton", "database": "erp", **settings})
    policy = CallPolicy(max_keys_per_request=3)
    return JSONRPCReader("erp", held, known, policy, lambda: NOW)


async def every(reader: JSONRPCReader, query: RowQuery) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        page = await reader.page(query, cursor, ASK)
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows


def codes(rows: Sequence[Row]) -> list[str]:
    return [row["code"] for row in rows]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_a_list_in_no_order_is_paged_by_id(size: int) -> None:
    held = models()
    rows = await every(reader_of(held, page_size=size), RowQuery(ITEMS, columns=("code",)))
    assert codes(rows) == [f"I{n}" for n in range(1, 8)]
    assert {search.offset for search in held.asked} == {0}
    assert {search.limit for search in held.asked} == {size}


async def test_a_list_in_some_order_is_paged_by_offset() -> None:
    held = models()
    query = RowQuery(ITEMS, columns=("code",), sort=(("rank", False),))
    rows = await every(reader_of(held, page_size=3), query)
    assert codes(rows) == [f"I{n}" for n in range(7, 0, -1)]
    assert [search.offset for search in held.asked] == [0, 3, 6]


async def test_rows_that_go_between_pages_move_none() -> None:
    held = models()
    reader, query = reader_of(held, page_size=3), RowQuery(ITEMS, columns=("code",))
    first = await reader.page(query, None, ASK)
    held.rows = {"item": [row for row in held.rows["item"] if row["id"] != 2]}
    second = await reader.page(query, first.next, ASK)
    assert codes(second.rows) == ["I4", "I5", "I6"]


async def test_pages_are_no_larger_than_wanted_and_totals_are_told_once() -> None:
    reader, query = reader_of(models()), RowQuery(ITEMS, columns=("code",), limit=2, count=True)
    first = await reader.page(query, None, ASK)
    assert (len(first.rows), first.total) == (2, 7)
    assert (await reader.page(query, first.next, ASK)).total is None


@pytest.mark.parametrize(
    "order,sort,sorts",
    [
        ("locale", (("rank", True),), True),
        ("locale", (("code", False),), False),
        ("code_point", (("code", False), ("rank", True)), True),
        ("code_point", (("name", False),), False),
        ("locale", (("id", True),), True),
    ],
)
def test_what_is_sorted_there(order: str, sort: tuple[tuple[str, bool], ...], sorts: bool) -> None:
    assert reader_of(models(), text_order=order).sorts(ITEMS, sort) is sorts


def test_a_range_of_text_goes_with_its_order() -> None:
    test = Test("code", Op.RANGE, Range("a", "b"))
    assert reader_of(models()).push(ITEMS, test) is Push.NO
    assert reader_of(models(), text_order="code_point").push(ITEMS, test) is Push.EXACT


def test_an_or_is_as_good_as_its_tests() -> None:
    reader = reader_of(models())
    exact, rough = Test("code", Op.IN, ("a",)), Test("name", Op.IN, ("a",))
    assert reader.push_any(ITEMS, (exact, exact)) is Push.EXACT
    assert reader.push_any(ITEMS, (exact, rough)) is Push.SUPERSET
    assert reader.push_any(STOCK, (exact, Test("free.quantity", Op.IN, (1,)))) is Push.NO


async def test_values_are_asked_in_chunks_and_each_once() -> None:
    held = models()
    values = [f"I{n}" for n in (1, 2, 3, 4, 2, 9)]
    batch = await reader_of(held, page_size=2).by_values(ITEMS, "code", values, ("code",), ASK)
    assert codes(batch.rows) == ["I1", "I2", "I3", "I4"]
    asked = [search.where[0][0].value for search in held.asked if len(search.where) == 1]
    assert sorted(asked) == [("I1", "I2", "I3"), ("I4", "I9")]


async def test_a_failed_chunk_fails_its_values_alone() -> None:
    held = models()
    reader = reader_of(held)

    async def search(search: Any, ask: Any) -> Sequence[Row]:
        if "I1" in search.where[0][0].value:
            raise UnavailableError("erp", Reason.TIMEOUT, "too slow")
        return [{"id": 4, "code": "I4"}]

    held.search = search  # type: ignore[method-assign]  # one chunk fails
    batch = await reader.by_values(ITEMS, "code", ["I1", "I2", "I3", "I4"], ("code",), ASK)
    assert codes(batch.rows) == ["I4"]
    assert set(batch.failures) == {"I1", "I2", "I3"}


async def test_rows_fan_out_over_another_dataset_page_by_page() -> None:
    held = models()
    query = RowQuery(STOCK, columns=("code", "quantity", "place.code"))
    rows = await every(reader_of(held, page_size=3), query)
    assert [(r["code"], r["place"]["code"], r["quantity"]) for r in rows] == [
        *((f"I{n}", "A", n) for n in range(1, 8)),
        *((f"I{n}", "B", 10 * n) for n in range(1, 8)),
    ]
    assert {r["read_at"] for r in rows} == {NOW}
    assert [s.model for s in held.asked].count("place") == 1
    assert held.asked[-1].context == {"locations": [2], "name": "at B"}


async def test_overlays_are_read_only_where_they_are_wanted() -> None:
    held = models()
    reader = reader_of(held)
    without = await reader.page(RowQuery(STOCK, columns=("quantity",)), None, ASK)
    assert "free" not in without.rows[0]
    assert len(held.asked) == 2
    query = RowQuery(STOCK, columns=("quantity", "free.quantity"), limit=2)
    page = await reader.page(query, None, ASK)
    assert [(r["quantity"], r["free"]["quantity"]) for r in page.rows] == [(1, 0), (2, 1)]
    assert held.asked[-1].where == ((Test("id", Op.IN, (1, 2), "integer"),),)


async def test_tests_on_the_attached_row_choose_the_calls() -> None:
    held = models()
    reader = reader_of(held)
    batch = await reader.by_values(STOCK, "place.code", ["B", "C"], ("code",), ASK)
    assert len(batch.rows) == 7
    assert [s.context["locations"] for s in held.asked if s.model == "item"] == [[2]]


async def test_beyond_a_key_of_both_datasets() -> None:
    """Strictly beyond (place 1, item 5): in place 1 from item 6 on, and all of place 2."""
    held = models()
    where = (
        (Test("place.id", Op.RANGE, Bounds(gte=1), "integer"),),
        (
            Test("place.id", Op.RANGE, Bounds(gt=1), "integer"),
            Test("id", Op.RANGE, Bounds(gt=5), "integer"),
        ),
    )
    reader = reader_of(held)
    assert all(reader.push_any(STOCK, clause) is Push.EXACT for clause in where)
    sort = (("place.id", False), ("id", False))
    assert reader.sorts(STOCK, sort)
    assert not reader.sorts(STOCK, (("id", False),))
    rows = await every(reader, RowQuery(STOCK, where=where, sort=sort, columns=("place.code",)))
    assert [(r["place"]["id"], r["id"]) for r in rows] == [
        (1, 6),
        (1, 7),
        *((2, n) for n in range(1, 8)),
    ]


async def test_the_total_of_a_fan_out_is_that_of_all_calls() -> None:
    page = await reader_of(models()).page(RowQuery(STOCK, limit=1, count=True), None, ASK)
    assert page.total == 14


async def test_rows_are_split_by_what_their_parts_belong_to() -> None:
    rows = await every(reader_of(models(), page_size=2), RowQuery(ARRIVALS, columns=("day",)))
    assert [(r["id"], r["order"], len(r["moves"])) for r in rows] == [
        (1, 5, 1),
        (1, 7, 1),
        (2, None, 1),
        (3, 7, 2),
    ]


async def test_split_rows_are_filtered_by_what_they_belong_to() -> None:
    reader = reader_of(models())
    wanted = Test("order", Op.IN, (7,), "integer")
    assert reader.push(ARRIVALS, wanted) is Push.EXACT
    rows = await every(reader, RowQuery(ARRIVALS, where=((wanted,),)))
    assert [(r["id"], r["order"]) for r in rows] == [(1, 7), (3, 7)]
    beyond = (Test("id", Op.RANGE, Bounds(gt=1), "integer"), Test("order", Op.RANGE, Bounds(gt=5)))
    rows = await every(reader, RowQuery(ARRIVALS, where=(beyond,)))
    assert [(r["id"], r["order"]) for r in rows] == [(1, 7), (2, None), (3, 7)]


async def test_instants_of_days_are_asked_generously() -> None:
    reader = reader_of(models())
    bounds = Range(datetime(2026, 2, 2, 1, tzinfo=UTC), datetime(2026, 2, 27, tzinfo=UTC))
    test = Test("day", Op.RANGE, bounds, "datetime")
    assert reader.push(ARRIVALS, test) is Push.SUPERSET
    assert reader.push(ARRIVALS, Test("day", Op.IN, (bounds.gte,), "datetime")) is Push.NO
    held = models()
    rows = await every(reader_of(held), RowQuery(ARRIVALS, where=((test,),)))
    assert {r["id"] for r in rows} == {2}
    [sent] = held.asked[0].where[0]
    assert sent.value == Bounds(gte=date(2026, 2, 1), lte=date(2026, 2, 28))


async def test_it_describes_what_the_columns_lead_to() -> None:
    columns = ("code", "nope", "place.code", "place.nope", "free.quantity", "free.code", "read_at")
    info = await reader_of(models()).describe(STOCK, columns, ASK)
    assert info.exists
    assert info.paths is not None
    assert {c for c in columns if c in info.paths} == {"code", "place.code", "free.code", "read_at"}
    assert len(info.sample) == 7


async def test_it_knows_what_may_be_missing_and_what_is_behind_references() -> None:
    columns = ("origin.id", "origin.number", "gone.at.all")
    held = models()
    info = await reader_of(held).describe(ITEMS, columns, ASK)
    assert info.paths is not None
    assert {c for c in columns if c in info.paths} == set(columns)
    # Not every record behind a reference has a number: the sample does not ask for it.
    assert held.asked[0].columns == ("id", "origin.id", "gone.at.all")


async def test_a_dataset_that_is_not_there_is_described_as_such() -> None:
    info = await reader_of(models()).describe(Dataset("nope", ("id",)), (), ASK)
    assert not info.exists
    assert "'nope'" in info.message


async def test_refused_credentials_are_no_missing_dataset() -> None:
    held = models()
    held.failing = MisconfiguredError("erp", "refused", reason=Reason.CREDENTIALS)
    dataset = Dataset("item", ("id",))

    async def fields(model: str, ask: Any) -> Any:
        raise MisconfiguredError("erp", "refused", reason=Reason.CREDENTIALS)

    held.fields = fields  # type: ignore[method-assign]  # the sign-in fails
    with pytest.raises(MisconfiguredError):
        await reader_of(held).describe(dataset, (), ASK)


async def test_wrong_options_name_the_dataset_and_the_key() -> None:
    dataset = Dataset("item", ("id",), {"fan_out": {"dataset": "place"}})
    with pytest.raises(MisconfiguredError, match=r"options of item are wrong: fan_out.context"):
        await reader_of(models()).page(RowQuery(dataset), None, ASK)
