"""Every entity of the Coupa preset agrees with the world, and is asked for in Coupa's own words."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, InvalidInputError, MisconfiguredError
from canonical.items import ItemStatus
from canonical.suppliers import SupplierStatus
from canonical.values import Money, Quantity
from connectors.kit.rows import Dataset, Push, RowQuery, Test
from sandbox.launch import Sandbox
from sandbox.world import World
from sandbox.world.records import Line, Order
from tests.connectors.rest.opening import Opened, opened

pytestmark = pytest.mark.xdist_group("rest")  # one start of each simulator
ITEM, SUPPLIER, ORDER = EntityName.ITEM, EntityName.SUPPLIER, EntityName.PURCHASE_ORDER
CENT = Decimal("0.01")


def _codes(world: World) -> dict[str, str]:
    return {s.number: s.coupa_number for s in world.suppliers}


def _orders(world: World) -> list[Order]:
    return [o for o in world.orders if o.system == "procurement"]


async def test_items(coupa: Opened, world: World) -> None:
    found = {r.sku: r for r in await coupa.all(ITEM)}
    codes = _codes(world)

    assert set(found) == {i.coupa_number for i in world.items}
    for item in world.items:
        record = found[item.coupa_number]
        offers = [s.supplier for s in item.sources if s.preferred and not s.deleted]
        phased_out = item.status == "phased_out"
        assert record.status is (ItemStatus.PHASED_OUT if phased_out else ItemStatus.ACTIVE)
        assert record.preferred_supplier == (codes[offers[0]] if offers else None)
        assert (record.name, record.description, record.category, record.unit) == (
            item.name,
            item.text,
            item.category,
            item.base_unit,
        )


async def test_supply_sources(coupa: Opened, world: World) -> None:
    codes = _codes(world)
    expected = {
        (
            item.coupa_number,
            codes[s.supplier],
            s.part_number,
            Money(s.price / s.price_quantity, s.currency),
            s.lead_days,
            s.minimum,
            s.preferred,
        )
        for item in world.items
        for s in item.sources
        if not s.deleted
    }
    found = [
        (
            r.item,
            r.supplier,
            r.supplier_part_number,
            r.price,
            r.lead_time_days,
            r.minimum_order_quantity,
            r.preferred,
        )
        for r in await coupa.all(EntityName.SUPPLY_SOURCE)
    ]
    assert len(found) == len(expected)
    assert set(found) == expected


async def test_suppliers(coupa: Opened, world: World) -> None:
    found = {r.code: r for r in await coupa.all(SUPPLIER)}
    statuses = {
        "approved": SupplierStatus.APPROVED,
        "on_hold": SupplierStatus.ON_HOLD,
        "blocked": SupplierStatus.BLOCKED,
    }
    assert len(found) == len(world.suppliers)
    for supplier in world.suppliers:
        record = found[supplier.coupa_number]
        assert record.status is statuses[supplier.status]
        assert (record.name, record.country, record.currency, record.payment_terms) == (
            f"{supplier.name} {supplier.legal_form}",
            supplier.country,
            supplier.currency,
            supplier.terms,
        )
        assert record.email == supplier.email


async def test_locations(coupa: Opened, world: World) -> None:
    found = [(r.code, r.name, r.country) for r in await coupa.all(EntityName.LOCATION)]
    assert found == [(p.coupa_code, p.name, p.country) for p in world.plants]


async def test_purchase_orders(coupa: Opened, world: World) -> None:
    found = {r.number: r for r in await coupa.all(ORDER)}
    codes = _codes(world)

    assert set(found) == {o.number for o in _orders(world)}
    for order in _orders(world):
        record = found[order.number]
        counted = [line.amount.quantize(CENT) for line in order.lines if not line.deleted]
        assert record.status.value == order.state.upper(), (order.number, record.raw_status)
        assert (record.supplier, record.buyer) == (codes[order.supplier], order.buyer.lower())
        assert (record.ordered_on, record.currency) == (order.ordered_on, order.currency)
        assert record.total == Money(sum(counted, Decimal(0)), order.currency)
        assert [_line(x) for x in record.lines] == [
            _expected_line(world, order, x) for x in order.lines
        ]
        if order.acknowledged_at is None:
            assert record.acknowledgement is None
        else:
            at = order.acknowledged_at.replace(microsecond=0)
            assert record.acknowledgement.acknowledged_at == at
            assert len(record.acknowledgement.lines) == len(order.lines)


def _line(line: Any) -> tuple[Any, ...]:
    return (
        line.line_number,
        line.item,
        line.ship_to,
        line.quantity,
        line.received,
        line.unit,
        line.unit_price,
        line.due_on,
        line.confirmed_on,
        line.confirmed_quantity,
        line.cancelled,
    )


def _expected_line(world: World, order: Order, line: Line) -> tuple[Any, ...]:
    received = (Quantity(line.received, line.unit),) if line.received else ()
    confirmed = order.acknowledged_at is not None
    return (
        line.number,
        world.items_by_number[line.item].coupa_number,
        world.plants_by_code[line.plant].coupa_code,
        line.quantity,
        received,
        line.unit,
        Money(line.price, order.currency),
        line.due_on,
        (line.confirmed_on or line.due_on) if confirmed else None,
        (line.confirmed_quantity or line.quantity) if confirmed else None,
        line.deleted,
    )


async def test_receipts(coupa: Opened, world: World) -> None:
    orders = {o.number: o for o in _orders(world)}
    undone = {m.reverses for m in world.movements if m.reverses is not None}
    expected = sorted(
        (
            m.created_at.replace(microsecond=0),
            world.items_by_number[m.item].coupa_number,
            m.quantity if m.kind == "101" else -m.quantity,
            m.line,
        )
        for m in world.movements
        if m.order in orders and m.kind in {"101", "122"} and (m.document, m.number) not in undone
    )
    records = await coupa.all(EntityName.RECEIPT)
    found = sorted(
        (r.received_at, r.lines[0].item, r.lines[0].quantity, r.lines[0].order_line_number)
        for r in records
    )
    assert found == expected

    keys = {r.provenance.key: r for r in await coupa.all(ORDER)}
    codes = _codes(world)
    for record in records:
        order = keys[record.purchase_order]
        assert record.supplier == order.supplier == codes[orders[order.number].supplier]


async def test_filters_sort_page_and_columns_are_coupas_own(coupa: Opened, world: World) -> None:
    since = datetime(2026, 9, 1, tzinfo=UTC)
    criteria = (
        Condition("supplier", Op.IN, ("C-10002", "C-10003")),
        Condition("updated_at", Op.RANGE, Range(since, None)),
    )
    order = (Sort("updated_at", descending=True),)
    page = await coupa.page(ORDER, criteria, order, limit=3, columns=("number", "updated_at"))

    query = coupa.log()[0]["query"]
    assert query["supplier[number][in]"] == "C-10002,C-10003"
    assert query["updated_at[gt_or_eq]"] == "2026-09-01T00:00:00Z"
    assert (query["order_by"], query["dir"]) == ("updated_at", "desc")
    assert (query["limit"], query["offset"]) == ("32", "0")
    assert json.loads(query["fields"]) == [
        "id",
        "po-number",
        {"supplier": ["number"]},
        "updated-at",
    ]
    wanted = sorted(
        (
            r.updated_at
            for r in await coupa.all(ORDER)
            if r.supplier in {"C-10002", "C-10003"} and r.updated_at >= since
        ),
        reverse=True,
    )
    assert [r.updated_at for r in page.records] == wanted[:3]


async def test_pages_follow_each_other_by_position(coupa: Opened, world: World) -> None:
    numbers: list[str] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await coupa.page(ORDER, limit=20, columns=("number",), after=after)
        numbers += [r.number for r in page.records]
        if not page.more:
            break
        after = (page.records[-1].provenance.key,)

    assert numbers == [o.number for o in _orders(world)]
    assert [e["query"].get("id[gt]") for e in coupa.log()] == [None, "519", "539"]


async def test_a_day_of_orders_is_asked_for_as_instants(coupa: Opened, world: World) -> None:
    days = (date(2026, 10, 1), date(2026, 11, 1))
    criteria = (Condition("ordered_on", Op.RANGE, Range(*days)),)
    found = await coupa.page(ORDER, criteria, columns=("ordered_on", "number"))

    query = coupa.log()[0]["query"]
    assert query["created_at[gt_or_eq]"] == "2026-10-01T00:00:00Z"
    assert query["created_at[lt]"] == "2026-11-01T00:00:00Z"
    assert {r.number for r in found.records} == {
        o.number for o in _orders(world) if days[0] <= o.ordered_on < days[1]
    }


async def test_a_status_asks_for_what_may_have_it(coupa: Opened, world: World) -> None:
    wanted = (Condition("status", Op.IN, ("CANCELLED", "PENDING_APPROVAL")),)
    found = await coupa.page(ORDER, wanted, columns=("number", "status"))

    assert coupa.log()[0]["query"]["status[in]"] == "cancelled,buyer_hold"
    assert {r.number for r in found.records} == {
        o.number for o in _orders(world) if o.state in {"cancelled", "pending_approval"}
    }


async def test_many_keys_take_a_request_for_each_fifty(coupa: Opened, world: World) -> None:
    skus = [i.coupa_number for i in world.items]
    found = await coupa.keyed(ITEM, "sku", [*skus, "nothing"], ("sku", "name"))

    assert {r.sku for r in found} == set(skus)
    log = coupa.log()
    sizes = [len(e["query"].get("item_number[in]", "").split(",")) for e in log]
    assert sorted(sizes)[1:] == [50, 50]  # they run at once and may come in any order
    assert len(log) == 3
    assert coupa.calls.count == 4  # and the token


async def test_orders_of_items_are_found_through_their_lines(coupa: Opened, world: World) -> None:
    sku = world.items_by_number[_orders(world)[0].lines[0].item].coupa_number
    found = await coupa.keyed(ORDER, "lines.item", [sku], ("number",))

    items = {i.number: i.coupa_number for i in world.items}
    assert {r.number for r in found} == {
        o.number for o in _orders(world) if sku in {items[x.item] for x in o.lines}
    }
    assert [e["path"] for e in coupa.log()] == ["/api/purchase_order_lines", "/api/purchase_orders"]


async def test_receipts_of_orders_are_found(coupa: Opened) -> None:
    keys = [r.provenance.key for r in (await coupa.page(ORDER, columns=("number",))).records]
    found = await coupa.keyed(EntityName.RECEIPT, "purchase_order", keys, ("purchase_order",))
    assert len(found) == len(await coupa.all(EntityName.RECEIPT))


async def test_case_is_checked_here(coupa: Opened) -> None:
    all_of_them = await coupa.all(SUPPLIER)
    word = all_of_them[0].name.split()[0]
    for text, matching in ((word, True), (word.upper(), False)):
        criteria = (Condition("name", Op.CONTAINS, text),)
        assert bool((await coupa.page(SUPPLIER, criteria)).records) is matching


async def test_a_filter_that_coupa_does_not_know_is_found_out(coupa: Opened) -> None:
    unknown = Test("supplier.colour", Op.IN, ("red",))
    suppliers = Dataset("api/suppliers", ("id",), {})
    query = RowQuery(suppliers, ((Test("number", Op.IN, ("C-10001",)),),), columns=("number",))

    assert coupa.reader.push(suppliers, unknown) is Push.SUPERSET
    assert len((await coupa.reader.page(query, None, coupa.ask())).rows) == 1
    ignored = Dataset("api/suppliers", ("id",), {"fields": {"number": {"name": "nummer"}}})
    with pytest.raises(BadAnswerError, match="filter nummer is ignored"):
        await coupa.reader.page(
            RowQuery(ignored, ((Test("number", Op.IN, ("C-00000",)),),), columns=("number",)),
            None,
            coupa.ask(),
        )


async def test_coupas_errors_are_told_in_its_own_words(coupa: Opened) -> None:
    items = Dataset("api/items", ("id",), {"query": {"order_by": "nonsense"}})
    with pytest.raises(InvalidInputError, match="is not a field to sort by"):
        await coupa.reader.page(RowQuery(items), None, coupa.ask())

    missing = await coupa.reader.describe(Dataset("api/itemz", ("id",)), ("id",), coupa.ask())
    assert not missing.exists
    assert "could not be found" in missing.message


async def test_a_missing_scope_is_a_misconfiguration(coupa_sandbox: Sandbox) -> None:
    async with opened(coupa_sandbox.coupa) as coupa:
        coupa.fault({"status": 403, "match": "/api/items"})
        with pytest.raises(MisconfiguredError, match="403"):
            await coupa.all(ITEM)
        coupa.reset()
