"""Filters, order, pages and columns become Tryton's own, and give what we would have given."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range, Sort, in_order, matches
from canonical.entities import EntityName
from canonical.ports import ListQuery
from canonical.purchase_orders import PurchaseOrderStatus as Status
from tests.systems.opening import Opened, column_mistakes, opened
from tests.systems.tryton.conftest import config_for
from tests.systems.tryton.harness import Tryton

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

E = EntityName
_known: dict[EntityName, Mapping[str, Any]] = {}


async def everything_of(erp: Opened, entity: EntityName) -> Mapping[str, Any]:
    """All records of an entity, by key; read once, for nothing here changes Tryton."""
    if entity not in _known:
        _known[entity] = await erp.every(entity)
    return _known[entity]


def query(
    *criteria: Condition, order: tuple[Sort, ...] = (), limit: int = 1_000, **more: Any
) -> ListQuery:
    columns = more.pop("columns", {c.column for c in criteria} | {s.column for s in order})
    return ListQuery(criteria, order, limit, frozenset(columns), **more)


CASES: list[tuple[EntityName, Condition]] = [
    (E.ITEM, Condition("sku", Op.IN, ("ITM-0003", "ITM-0024", "NOPE"))),
    (E.ITEM, Condition("sku", Op.STARTS_WITH, "itm")),
    (E.ITEM, Condition("sku", Op.STARTS_WITH, "ITM-001")),
    (E.ITEM, Condition("name", Op.CONTAINS, "Bolt")),
    (E.ITEM, Condition("name", Op.CONTAINS, "%")),
    (E.ITEM, Condition("unit", Op.IN, ("KG",))),
    (E.ITEM, Condition("status", Op.IN, ("BLOCKED",))),
    (E.ITEM, Condition("status", Op.IN, ("ACTIVE",))),
    (E.ITEM, Condition("reorder_point", Op.RANGE, Range(Decimal(60), None))),
    (E.SUPPLIER, Condition("name", Op.CONTAINS, "O'Neil & Sons")),
    (E.SUPPLIER, Condition("name", Op.STARTS_WITH, 'Nameless "Quoted" / ')),
    (E.SUPPLIER, Condition("code", Op.RANGE, Range("SUP-003", "SUP-007"))),
    (E.SUPPLIER, Condition("country", Op.IN, ("US", "PL"))),
    (E.SUPPLIER, Condition("email", Op.IS_NULL, value=True)),
    (E.PURCHASE_ORDER, Condition("status", Op.IN, (Status.PARTIALLY_RECEIVED,))),
    (E.PURCHASE_ORDER, Condition("status", Op.IN, (Status.SENT, Status.RECEIVED))),
    (E.PURCHASE_ORDER, Condition("ordered_on", Op.RANGE, Range(date(2026, 11, 1), None))),
    (E.PURCHASE_ORDER, Condition("number", Op.IN, ("3", "SO-001-1000"))),
    (E.PURCHASE_ORDER, Condition("currency", Op.IN, ("EUR",))),
    (E.PURCHASE_ORDER, Condition("lines.item", Op.IN, ("ITM-0001", "ITM-0020"))),
    (E.PURCHASE_ORDER, Condition("updated_at", Op.RANGE, Range(datetime(2026, 1, 1, tzinfo=UTC)))),
    (
        E.RECEIPT,
        Condition("received_at", Op.RANGE, Range(None, datetime(2026, 11, 20, tzinfo=UTC))),
    ),
    (E.INVENTORY, Condition("location", Op.IN, ("DC-WEST", "PLANT-1"))),
    (E.INVENTORY, Condition("on_hand", Op.RANGE, Range(Decimal(200), Decimal(300)))),
    (E.FORECAST, Condition("period_end", Op.RANGE, Range(date(2027, 2, 1), None))),
    (E.FORECAST, Condition("quantity", Op.RANGE, Range(Decimal(300), None))),
    (E.FORECAST, Condition("item", Op.IN, ("ITM-0002",))),
    (E.RECOMMENDATION, Condition("need_by", Op.RANGE, Range(date(2026, 12, 1), None))),
]


@pytest.mark.parametrize("entity,condition", CASES, ids=range(len(CASES)))
async def test_what_tryton_filters_is_what_we_would_leave(
    erp: Opened, entity: EntityName, condition: Condition
) -> None:
    everything = await everything_of(erp, entity)
    found = await erp.keys(entity, condition)
    assert found == {k for k, r in everything.items() if matches(r, (condition,))}


@pytest.mark.parametrize(
    "entity,order",
    [
        (E.ITEM, (Sort("sku", descending=True),)),
        (E.ITEM, (Sort("name"),)),
        (E.ITEM, (Sort("category"), Sort("sku", descending=True))),
        (E.SUPPLIER, (Sort("country", descending=True),)),
        (E.PURCHASE_ORDER, (Sort("updated_at", descending=True),)),
        (E.PURCHASE_ORDER, (Sort("currency"), Sort("ordered_on", descending=True))),
        (E.RECEIPT, (Sort("received_at", descending=True),)),
        (E.INVENTORY, (Sort("on_hand", descending=True),)),
        (E.FORECAST, (Sort("period_start"), Sort("item"))),
    ],
)
async def test_pages_in_any_order_hold_every_record_once(
    erp: Opened, entity: EntityName, order: tuple[Sort, ...]
) -> None:
    source = erp.sources[entity]
    everything = list((await everything_of(erp, entity)).values())
    seen: list[Any] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await source.page(query(order=order, limit=7, after=after), erp.ask())
        seen += page.records
        if not page.more:
            break
        last = page.records[-1]
        after = (*(getattr(last, s.column) for s in order), last.provenance.key)
    assert [r.provenance.key for r in seen] == [
        r.provenance.key for r in in_order(everything, order)
    ]


async def test_small_pages_of_tryton_s_are_put_together(tryton: Tryton) -> None:
    settings = {"database": tryton.database, "text_order": "code_point", "page_size": 3}
    config = config_for(tryton, settings=settings)
    async with opened(config, {"ERP_PASSWORD": tryton.user.password}) as erp:
        assert len(await erp.every(E.ITEM)) == 24
        assert len(await erp.every(E.INVENTORY)) == 72
        keys = [f"ITM-{n:04d}" for n in range(1, 9)]
        source = erp.sources[E.ITEM]
        batch = await source.by_keys("sku", keys, frozenset({"sku"}), erp.ask())
        found: list[Any] = list(batch.records)
        assert sorted(r.sku for r in found) == keys


async def test_filter_order_page_and_columns_are_in_the_request(erp: Opened) -> None:
    asked = query(
        Condition("sku", Op.IN, ("ITM-0001", "ITM-0002", "ITM-0003")),
        order=(Sort("name", descending=True),),
        limit=2,
        columns={"sku", "name"},
    )
    page = await erp.sources[E.ITEM].page(asked, erp.ask())
    assert (len(page.records), page.more) == (2, True)
    [request] = erp.sent("product.product")
    assert set(request) == {"id", "method", "params"}
    domain, offset, limit, order, fields, context = request["params"]
    assert request["method"] == "model.product.product.search_read"
    assert [["code", "in", ["ITM-0001", "ITM-0002", "ITM-0003"]]] in domain
    assert [["type", "in", ["goods", "assets"]]] in domain
    assert (offset, order) == (0, [["name", "DESC"], ["id", "ASC"]])
    assert limit < 50
    assert sorted(fields) == ["code", "id", "name", "type"]
    assert context["active_test"] is False
    assert context["company"] == 1


async def test_the_total_is_tryton_s_own_count(erp: Opened) -> None:
    page = await erp.sources[E.FORECAST].page(query(limit=1, count=True), erp.ask())
    assert page.total == len(await erp.every(E.FORECAST))
    assert [r["method"] for r in erp.sent()].count("model.stock.forecast.line.search_count") == 1


async def test_stock_of_many_items_is_one_call_for_each_warehouse(erp: Opened) -> None:
    source = erp.sources[E.INVENTORY]
    keys = [f"ITM-{n:04d}" for n in range(1, 21)]
    columns = frozenset({"item", "location", "on_hand"})
    batch = await source.by_keys("item", keys, columns, erp.ask())
    assert len(batch.records) == 60
    assert len(erp.sent("stock.location")) == 1
    batch = await source.by_keys("item", keys, columns, erp.ask())
    calls = erp.sent()
    assert [c["method"] for c in calls] == ["model.product.product.search_read"] * 3
    assert [c["params"][-1]["locations"] for c in calls] == [[5], [14], [20]]


async def test_stock_of_one_warehouse_is_one_call(erp: Opened) -> None:
    source = erp.sources[E.INVENTORY]
    columns = frozenset({"item", "location", "on_hand"})
    batch = await source.by_keys("location", ["DC-WEST"], columns, erp.ask())
    assert len(batch.records) == 24
    assert [c["params"][-1]["locations"] for c in erp.sent("product.product")] == [[14]]


async def test_orders_with_lines_and_receipts_of_them_are_few_calls(erp: Opened) -> None:
    orders = await erp.every(E.PURCHASE_ORDER)
    assert len(erp.sent("purchase.purchase")) == 1
    source = erp.sources[E.RECEIPT]
    batch = await source.by_keys("purchase_order", list(orders), source.columns, erp.ask())
    assert len(batch.records) == 6
    assert [c["method"].split(".", 1)[1] for c in erp.sent()] == [
        "stock.move.search_read",
        "stock.shipment.in.search_read",
    ]


async def test_text_is_not_sorted_by_a_database_with_a_locale(tryton: Tryton) -> None:
    config = config_for(tryton, settings={"database": tryton.database})
    async with opened(config, {"ERP_PASSWORD": tryton.user.password}) as erp:
        asked = query(order=(Sort("sku", descending=True),), limit=2, columns={"sku"})
        page = await erp.sources[E.ITEM].page(asked, erp.ask())
        assert [r.provenance.key for r in page.records] == ["24", "23"]
        assert {tuple(map(tuple, c["params"][3])) for c in erp.sent("product.product")} == {
            (("id", "ASC"),)
        }


@pytest.mark.parametrize("entity", [*E])
async def test_every_column_can_be_asked_for(erp: Opened, entity: EntityName) -> None:
    everything = await everything_of(erp, entity)
    assert await column_mistakes(erp, entity, everything) == []
