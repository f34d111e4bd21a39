"""Filters, order and pages become Odoo's own, and give what we would have given."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range, Sort, matches
from canonical.entities import EntityName
from canonical.ports import ListQuery
from canonical.purchase_orders import PurchaseOrderStatus as Status
from tests.systems.odoo.simulator import Odoo
from tests.systems.opening import Opened, column_mistakes

E = EntityName

FILTERS: list[tuple[EntityName, Condition]] = [
    (E.ITEM, Condition("sku", Op.IN, ("B-1", "M-1", "?"))),
    (E.ITEM, Condition("sku", Op.STARTS_WITH, "b")),
    (E.ITEM, Condition("status", Op.IN, ("ACTIVE",))),
    (E.SUPPLIER, Condition("name", Op.CONTAINS, "0% Dormant_")),
    (E.SUPPLIER, Condition("name", Op.CONTAINS, "_")),
    (E.SUPPLIER, Condition("country", Op.IN, ("JP",))),
    (E.SUPPLIER, Condition("country", Op.IS_NULL, value=True)),
    (E.SUPPLIER, Condition("email", Op.IS_NULL, value=True)),
    (E.SUPPLY_SOURCE, Condition("item", Op.IN, ("B-1",))),
    (E.SUPPLY_SOURCE, Condition("lead_time_days", Op.RANGE, Range(8, None))),
    (E.INVENTORY, Condition("item", Op.IN, ("B-1",))),
    (E.INVENTORY, Condition("location", Op.IN, ("WH2",))),
    (E.INVENTORY, Condition("on_hand", Op.RANGE, Range(Decimal(3), Decimal(10)))),
    *[(E.PURCHASE_ORDER, Condition("status", Op.IN, (status,))) for status in Status],
    (E.PURCHASE_ORDER, Condition("supplier", Op.IN, ("S-01",))),
    (E.PURCHASE_ORDER, Condition("ordered_on", Op.IN, (date(2026, 10, 5),))),
    (
        E.PURCHASE_ORDER,
        Condition("ordered_on", Op.RANGE, Range(date(2026, 10, 3), date(2026, 10, 6))),
    ),
    (
        E.PURCHASE_ORDER,
        Condition("updated_at", Op.RANGE, Range(datetime(2026, 11, 1, 12, 0, 1, tzinfo=UTC))),
    ),
    (
        E.PURCHASE_ORDER,
        Condition("updated_at", Op.RANGE, Range(datetime(2026, 11, 1, 12, tzinfo=UTC))),
    ),
    (E.PURCHASE_ORDER, Condition("lines.item", Op.IN, ("G-1",))),
    (E.RECEIPT, Condition("purchase_order", Op.IN, ("5",))),
]


@pytest.mark.parametrize("entity,condition", FILTERS, ids=range(len(FILTERS)))
async def test_what_odoo_filters_is_what_we_would_leave(
    erp: Opened, entity: EntityName, condition: Condition
) -> None:
    everything = await erp.every(entity)
    found = await erp.keys(entity, condition)
    assert found == {k for k, r in everything.items() if matches(r, (condition,))}


async def test_a_question_is_asked_in_odoo_s_own_terms(erp: Opened, odoo: Odoo) -> None:
    await erp.every(E.SUPPLIER)
    odoo.calls.clear()
    source = erp.sources[E.SUPPLIER]
    name, refs = (
        Condition("name", Op.STARTS_WITH, "100%"),
        Condition("code", Op.IN, ("S-02", "S-03")),
    )
    query = ListQuery((name, refs), (), 5, frozenset({"code"}), count=True)
    page = await source.page(query, erp.ask())
    assert [r.provenance.key for r in page.records] == ["3"]
    model, method, sent = odoo.calls[0]
    assert (model, method) == ("res.partner", "search_read")
    assert ["name", "=like", "100\\%%"] in sent["domain"]
    assert ["ref", "in", ["S-02", "S-03"]] in sent["domain"]
    assert ["supplier_rank", ">", 0] in sent["domain"]
    assert sent["fields"] == ["id", "name", "ref", "supplier_rank"]
    assert (sent["offset"], sent["order"]) == (0, "id")
    assert sent["context"] == {"lang": "en_US", "active_test": False}


async def test_the_total_is_odoo_s_own_count(erp: Opened, odoo: Odoo) -> None:
    condition = Condition("code", Op.IN, ("S-02", "S-03", "C-01"))
    query = ListQuery((condition,), (), 1, frozenset({"code"}), count=True)
    page = await erp.sources[E.SUPPLIER].page(query, erp.ask())
    assert (len(page.records), page.more, page.total) == (1, True, 2)
    assert ("res.partner", "search_count") in odoo.called()


async def test_pages_by_date_hold_every_order_once(erp: Opened, odoo: Odoo) -> None:
    source, order = erp.sources[E.PURCHASE_ORDER], (Sort("updated_at"), Sort("number"))
    columns = frozenset({"number", "updated_at"})
    seen: list[Any] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await source.page(ListQuery((), order, 3, columns, after), erp.ask())
        seen += page.records
        if not page.more:
            break
        after = (seen[-1].updated_at, seen[-1].number, seen[-1].provenance.key)
    assert [r.number for r in seen] == [f"P{n:05d}" for n in range(1, 11)]
    assert "write_date asc, id" in [
        sent["order"] for m, _, sent in odoo.calls if m == "purchase.order" and "order" in sent
    ]


@pytest.mark.parametrize("entity", [e for e in E if e not in (E.FORECAST, E.RECOMMENDATION)])
async def test_every_column_can_be_asked_for(erp: Opened, entity: EntityName) -> None:
    everything = await erp.every(entity)
    assert await column_mistakes(erp, entity, everything) == []
