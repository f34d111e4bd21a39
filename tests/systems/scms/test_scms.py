"""The real SCMS purchase history, read through `sql` alone, adds up to what its CSV says."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Sort
from canonical.entities import KEY, EntityName
from tests.systems.scms.conftest import Reading
from tests.systems.scms.history import FILE, History, Line, at_midnight, short_day

pytestmark = [
    pytest.mark.xdist_group("scms"),  # loaded once
    pytest.mark.skipif(
        not FILE.exists(),
        reason=f"no {FILE.name} beside the project; only these cases are left out",
    ),
]

ORDER, RECEIPT = EntityName.PURCHASE_ORDER, EntityName.RECEIPT


def _sums(lines: list[Line], by: Any) -> Mapping[Any, Decimal]:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[by(line)] += line.value
    return dict(found)


async def test_orders_add_up_to_the_cents_of_the_file(reading: Reading, history: History) -> None:
    orders = (await reading.page(ORDER)).records

    assert len(orders) == 6_233
    assert sum(len(o.lines) for o in orders) == 10_324
    by_vendor: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        assert order.total.currency == "USD"
        by_vendor[order.supplier] += order.total.amount
    assert by_vendor == _sums(history.lines, lambda x: x.vendor)
    assert {o.number: o.total.amount for o in orders} == _sums(history.lines, lambda x: x.order)
    assert sum(by_vendor.values()) == sum(x.value for x in history.lines)
    assert reading.calls.count <= 1 + -(-10_324 // 2_000) + 1


async def test_every_line_is_as_in_the_file(reading: Reading, history: History) -> None:
    orders = (await reading.page(ORDER)).records
    found = {
        line.line_number: (
            order.number,
            line.item,
            line.ship_to,
            line.quantity,
            line.received[0].amount if line.received else Decimal(0),
            line.unit_price.amount,
            line.due_on,
        )
        for order in orders
        for line in order.lines
    }
    assert found == {
        x.id: (x.order, x.item, x.country, x.quantity, x.quantity, x.pack_price, x.scheduled_on)
        for x in history.lines
    }


async def test_years_by_the_promised_day_and_by_delivery(
    reading: Reading, history: History
) -> None:
    values = {x.id: x.value for x in history.lines}
    orders = (await reading.page(ORDER, columns=frozenset({"lines"}))).records
    by_year: dict[int, Decimal] = defaultdict(Decimal)
    due = {}
    for order in orders:
        for line in order.lines:
            by_year[line.due_on.year] += values[line.line_number]
            due[line.line_number] = line.due_on
    assert by_year == _sums(history.lines, lambda x: x.scheduled_on.year)

    receipts = (await reading.page(RECEIPT)).records
    arrived = {x.order_line_number: at_midnight(r.received_at) for r in receipts for x in r.lines}
    assert len(receipts) == 7_030
    assert Counter((arrived[n] > d) - (arrived[n] < d) for n, d in due.items()) == {
        1: 1_186,
        -1: 2_814,
        0: 6_324,
    }
    assert arrived == {x.id: x.delivered_on for x in history.lines}


async def test_days_of_order_are_read_in_both_forms_and_words_mean_nothing(
    reading: Reading, history: History
) -> None:
    orders = {
        o.number: o.ordered_on
        for o in (await reading.page(ORDER, columns=frozenset({"number", "ordered_on"}))).records
    }
    sent = {x.order: short_day(x.sent) for x in history.lines}
    known = {number: day for number, day in sent.items() if day is not None}
    assert sum(1 for x in history.lines if short_day(x.sent) is not None) == 4_592
    assert {number: orders[number] for number in known} == known
    assert all(day is not None for day in orders.values())


async def test_masters_are_the_distinct_values(reading: Reading, history: History) -> None:
    async def keys(entity: EntityName) -> list[str]:
        return [r.provenance.key for r in (await reading.page(entity)).records]

    assert await keys(EntityName.SUPPLIER) == sorted({x.vendor for x in history.lines})
    assert await keys(EntityName.LOCATION) == sorted({x.country for x in history.lines})
    assert await keys(EntityName.ITEM) == sorted({x.item for x in history.lines})
    offers = (await reading.page(EntityName.SUPPLY_SOURCE)).records
    assert {(r.item, r.supplier) for r in offers} == {(x.item, x.vendor) for x in history.lines}


async def test_both_databases_give_equal_records(both: tuple[Reading, Reading]) -> None:
    sqlite, postgres = both
    for entity in sqlite.backend.sources:
        first = (await sqlite.page(entity)).records
        second = (await postgres.page(entity)).records
        assert list(first) == list(second), entity


async def test_pages_filters_and_keys(reading: Reading, history: History) -> None:
    vendor = "Aurobindo Pharma Limited"
    criteria = (Condition("supplier", Op.IN, (vendor,)),)
    order = (Sort("number", descending=True),)
    wanted = sorted({x.order for x in history.lines if x.vendor == vendor}, reverse=True)
    found: list[str] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await reading.page(
            ORDER,
            criteria=criteria,
            order=order,
            limit=100,
            columns=frozenset({"number"}),
            after=after,
        )
        found += [r.number for r in page.records]
        if not page.more:
            break
        after = (page.records[-1].number, page.records[-1].provenance.key)
    assert found == wanted

    keys = [x.order for x in history.lines[::7]]
    records = await reading.keyed(ORDER, KEY, [*keys, "no such order"], {"number", "total"})
    values = _sums(history.lines, lambda x: x.order)
    assert {r.number: r.total.amount for r in records} == {k: values[k] for k in keys}


async def test_receipts_of_orders(reading: Reading, history: History) -> None:
    keys = sorted({x.order for x in history.lines})[:300]
    records = await reading.keyed(RECEIPT, "purchase_order", keys, {"number", "purchase_order"})
    assert {(r.number, r.purchase_order) for r in records} == {
        (x.note, x.order) for x in history.lines if x.order in set(keys)
    }
    assert reading.calls.count == 1


async def test_the_mapping_fits_the_database(reading: Reading) -> None:
    findings = await reading.backend.probe(list(reading.backend.sources), reading.ask())
    assert [f for f in findings if f.severity.value == "error"] == []
