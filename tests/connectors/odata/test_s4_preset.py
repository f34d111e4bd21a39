"""The preset sap_s4hana reads every entity of the pretend S/4HANA as its world has it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canonical.backends import Backend
from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import KEY, EntityName
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.locations import Location
from canonical.ports import ListQuery, Severity
from canonical.purchase_orders import PurchaseOrder
from canonical.receipts import Receipt
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource
from canonical.values import Money, Quantity, rounded
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from sandbox.launch import Simulator
from sandbox.world import World
from sandbox.world import records as w
from tests.connectors.odata.backends import Control, ask
from tests.connectors.odata.s4_worlds import (
    NOW,
    check_line,
    every,
    keys_of,
    own,
    received_in_base,
    stock_of,
    values,
    within,
)


@pytest.fixture
async def erp(s4: Simulator, control: Control) -> AsyncIterator[Backend]:
    control.limits(max_concurrent=20)
    config = BackendConfig.model_validate(
        {
            "preset": "sap_s4hana",
            "url": s4.url,
            "auth": {"kind": "basic", "username": s4.user, "password": {"env": "PASSWORD"}},
            "entities": {"location": {"fields": {"region": "YY1_SupplyRegion_PLT"}}},
        }
    )
    environ = {"PASSWORD": s4.password}
    services = Services(environ=environ, base_dir=Path(), now=lambda: NOW)
    backend = await open_backend("erp-eu", config, services)
    yield backend
    await backend.aclose()


async def test_items(erp: Backend, world: World) -> None:
    records: list[Item] = await every(erp, EntityName.ITEM)
    assert [r.sku for r in records] == sorted(i.number for i in world.items)
    by_sku = {r.sku: r for r in records}
    for item in world.items:
        found = by_sku[item.number]
        assert found.name == item.name[:40]
        assert found.description == item.text
        assert found.category == item.group
        assert found.unit == item.base_unit
        assert found.status.value == item.status.upper()
        assert found.lead_time_days == max(at.lead_days for at in item.plants)
        assert found.safety_stock == sum(at.safety_stock for at in item.plants)
        assert found.reorder_point == sum(at.reorder_point for at in item.plants)
        lots = [at.minimum_lot for at in item.plants if at.minimum_lot]
        assert found.minimum_order_quantity == (min(lots) if lots else None)
        plant = world.plants_by_code[min(at.plant for at in item.plants)]
        currency = world.regions_by_code[plant.region].currency
        assert found.standard_cost == Money(item.cost, currency)
        preferred = [s.supplier for s in item.sources if s.preferred]
        assert found.preferred_supplier == preferred[0]
        units = {item.base_unit: (Decimal(1), Decimal(1))}
        if item.alternative:
            packing = item.alternative
            units[packing.code] = (Decimal(packing.numerator), Decimal(packing.denominator))
        found_units = {c.unit: (c.numerator, c.denominator) for c in found.unit_conversions}
        assert found_units == units


async def test_supply_sources(erp: Backend, world: World) -> None:
    records: list[SupplySource] = await every(erp, EntityName.SUPPLY_SOURCE)
    by_pair = {(r.item, r.supplier): r for r in records}
    expected = [s for i in world.items for s in i.sources if not s.deleted]
    assert by_pair.keys() == {(s.item, s.supplier) for s in expected}
    for source in expected:
        found = by_pair[source.item, source.supplier]
        assert found.supplier_part_number == source.part_number
        assert found.price == Money(source.price / source.price_quantity, source.currency)
        assert found.lead_time_days == source.lead_days
        assert found.minimum_order_quantity == source.minimum
        assert found.preferred is source.preferred


async def test_suppliers(erp: Backend, world: World) -> None:
    records: list[Supplier] = await every(erp, EntityName.SUPPLIER)
    found = [
        (r.code, r.name, r.status.value.lower(), r.country, r.currency, r.payment_terms,
         r.lead_time_days, r.email)
        for r in records
    ]  # fmt: skip
    assert found == [
        (s.number, s.name, s.status, s.country, s.currency, s.terms, s.lead_days, s.email)
        for s in sorted(world.suppliers, key=lambda s: s.number)
    ]


async def test_locations(erp: Backend, world: World) -> None:
    records: list[Location] = await every(erp, EntityName.LOCATION)
    assert [(r.code, r.name, r.kind.value.lower(), r.country, r.region) for r in records] == [
        (p.code, p.name, p.kind, p.country, p.region)
        for p in sorted(world.plants, key=lambda p: p.code)
    ]
    zones = {r.code: r.time_zone for r in records}
    assert (zones["1010"], zones["1720"], zones["3020"]) == (
        "Europe/Berlin",
        "America/Los_Angeles",
        "Australia/Sydney",
    )


async def test_inventory(erp: Backend, world: World) -> None:
    records: list[InventoryPosition] = await every(erp, EntityName.INVENTORY)
    found = {(r.item, r.location): (r.on_hand, r.in_transit) for r in records}
    assert len(found) == len(records)
    assert found == stock_of(world)
    units = {item.number: item.base_unit for item in world.items}
    assert all(r.unit == units[r.item] for r in records)
    assert {(r.reserved, r.available - r.on_hand, r.as_of) for r in records} == {
        (Decimal(0), Decimal(0), NOW)
    }


async def test_purchase_orders(erp: Backend, world: World) -> None:
    records: list[PurchaseOrder] = await every(erp, EntityName.PURCHASE_ORDER)
    orders = {order.number: order for order in own(world)}
    assert [r.number for r in records] == sorted(orders)
    for record in records:
        order = orders[record.number]
        assert record.provenance.key == order.number
        assert record.status.value.lower() == order.state, record.number
        assert record.supplier == order.supplier
        assert (record.ordered_on, record.currency) == (order.ordered_on, order.currency)
        assert record.updated_at == order.changed_at
        assert len(record.lines) == len(order.lines)
        total = Decimal(0)
        for line, expected in zip(record.lines, order.lines, strict=True):
            check_line(line, expected, order.currency)
            base_unit = world.items_by_number[expected.item].base_unit
            per_unit = Decimal(expected.numerator) / expected.denominator
            assert received_in_base(line, expected, base_unit) == expected.received * per_unit
            if not expected.deleted:
                total += rounded(expected.amount, order.currency)
        assert record.total == Money(total, order.currency)


async def test_units_are_read_only_where_a_comparison_tells_whether_all_has_come(
    erp: Backend, control: Control, world: World
) -> None:
    await every(erp, EntityName.PURCHASE_ORDER)
    wanted = {
        line.item
        for order in own(world)
        for line in order.lines
        if line.received > 0 and not line.completed and not line.deleted
    }
    asked = [e["query"]["$filter"] for e in control.log() if "UnitsOfMeasure" in e["path"]]
    found = {item for text in asked for item in re.findall(r"Product eq '([^']+)'", text)}
    assert found == wanted != set()


async def test_acknowledgements(erp: Backend, world: World) -> None:
    records: list[PurchaseOrder] = await every(erp, EntityName.PURCHASE_ORDER)
    orders = {order.number: order for order in own(world)}
    assert {r.number for r in records if r.acknowledgement} == {
        o.number for o in orders.values() if o.acknowledged_at and o.changed_at
    }
    for record in records:
        answer = record.acknowledgement
        if answer is None:
            continue
        order = orders[record.number]
        assert answer.acknowledged_at == order.acknowledged_at
        confirmed = [line for line in order.lines if line.confirmed_quantity]
        assert [(x.line_number, x.confirmed_quantity) for x in answer.lines] == [
            (line.number, line.confirmed_quantity) for line in confirmed
        ]


async def test_every_state_of_the_world_is_met(erp: Backend, world: World) -> None:
    records: list[PurchaseOrder] = await every(erp, EntityName.PURCHASE_ORDER)
    seen = {record.status.value.lower() for record in records}
    assert seen == {order.state for order in own(world)}
    assert seen >= {"cancelled", "approved", "acknowledged", "received", "closed"}


async def test_receipts(erp: Backend, world: World) -> None:
    records: list[Receipt] = await every(erp, EntityName.RECEIPT)
    orders = {order.number: order for order in own(world)}
    expected: dict[str, list[w.Movement]] = {}
    for move in world.movements:
        if move.order in orders:
            expected.setdefault(move.document, []).append(move)
    assert sorted(r.number for r in records) == sorted(expected)
    for record in records:
        moves = expected[record.number]
        first = moves[0]
        assert record.provenance.key == f"{first.document}|{first.posted_on.year}|{first.order}"
        assert record.purchase_order == first.order
        assert record.supplier == first.supplier
        assert record.received_at == datetime.combine(first.posted_on, time(), UTC)
        lines = [
            (x.line_number, x.order_line_number, x.item, Quantity(x.quantity, x.unit))
            for x in record.lines
        ]
        assert lines == [
            (m.number, m.line, m.item, Quantity(m.entry_quantity * m.sign, m.entry_unit))
            for m in moves
        ]


async def test_forecasts(erp: Backend, world: World) -> None:
    some = [item.number for item in world.items[::4]]
    records: list[Forecast] = await every(erp, EntityName.FORECAST, (within("item", *some),))
    units = {item.number: item.base_unit for item in world.items}
    found = sorted(
        (r.item, r.location, r.period_start, r.period_end, r.quantity, r.unit, r.version,
         r.revised_at)
        for r in records
    )  # fmt: skip
    assert found == sorted(
        (f.item, f.plant, f.starts_on, f.ends_on, f.quantity, units[f.item], "00", f.revised_at)
        for f in world.forecasts
        if f.item in set(some)
    )
    assert {(r.period_end - r.period_start) > timedelta(days=7) for r in records} == {True, False}


@pytest.mark.parametrize(
    "entity,column",
    [
        (EntityName.ITEM, "sku"),
        (EntityName.SUPPLY_SOURCE, "item"),
        (EntityName.SUPPLY_SOURCE, "supplier"),
        (EntityName.SUPPLIER, "code"),
        (EntityName.LOCATION, "code"),
        (EntityName.INVENTORY, "item"),
        (EntityName.INVENTORY, "location"),
        (EntityName.PURCHASE_ORDER, KEY),
        (EntityName.PURCHASE_ORDER, "number"),
        (EntityName.PURCHASE_ORDER, "supplier"),
        (EntityName.PURCHASE_ORDER, "lines.item"),
        (EntityName.RECEIPT, KEY),
        (EntityName.RECEIPT, "purchase_order"),
        (EntityName.FORECAST, KEY),
        (EntityName.FORECAST, "item"),
    ],
)
async def test_every_lookup_is_asked_of_the_system(
    erp: Backend, control: Control, world: World, entity: EntityName, column: str
) -> None:
    source = erp.sources[entity]
    keys = await keys_of(erp, entity, column, world)
    before = len(control.log())
    batch = await source.by_keys(column, [*keys, "unknown"], source.columns, ask())
    assert batch.failures == {}
    assert {k for r in batch.records for k in values(r, column)} >= set(keys)
    assert len({r.provenance.key for r in batch.records}) == len(batch.records)
    asked = control.log()[before:]
    assert all("$filter" in entry["query"] for entry in asked)
    assert len(asked) <= 4


async def test_pages_are_the_system_s_own_and_hold_together(
    erp: Backend, control: Control, world: World
) -> None:
    since = date(2026, 6, 1)
    criteria = (Condition("ordered_on", Op.RANGE, Range(since, date(2027, 1, 1))),)
    order = (Sort("ordered_on", descending=True),)
    records = await every(erp, EntityName.PURCHASE_ORDER, criteria, order, limit=20)
    expected = sorted(
        (o for o in own(world) if o.ordered_on >= since),
        key=lambda o: (-o.ordered_on.toordinal(), o.number),
    )
    assert [r.number for r in records] == [o.number for o in expected]
    lists = [e["query"] for e in control.log() if e["path"].endswith("A_PurchaseOrder")]
    assert "PurchaseOrderDate ge datetime'2026-06-01T00:00:00'" in lists[0]["$filter"]
    assert lists[0]["$orderby"].startswith("PurchaseOrderDate desc")
    assert int(lists[0]["$top"]) < 40
    pages = -(-len(expected) // 20)
    assert pages <= len(lists) <= 2 * pages  # orders of one day may not fit the first window


async def test_orders_that_never_changed_come_last(erp: Backend, world: World) -> None:
    for descending in (False, True):
        order = (Sort("updated_at", descending=descending),)
        records = await every(erp, EntityName.PURCHASE_ORDER, (), order, limit=50)
        moments = [r.updated_at for r in records]
        known = [m for m in moments if m is not None]
        assert known == sorted(known, reverse=descending)
        assert moments[: len(known)] == known
        assert len(records) == len(own(world))
        assert len(known) == sum(o.changed_at is not None for o in own(world)) < len(records)


async def test_statuses_narrow_what_is_asked(erp: Backend, control: Control, world: World) -> None:
    records = await every(erp, EntityName.PURCHASE_ORDER, (within("status", "DRAFT"),))
    expected = {o.number for o in own(world) if o.state == "draft"}
    assert {r.number for r in records} == expected
    asked = [e["query"] for e in control.log() if e["path"].endswith("A_PurchaseOrder")]
    assert "PurchasingCompletenessStatus eq true" in asked[0]["$filter"]


async def test_receipts_are_asked_for_by_their_day(
    erp: Backend, control: Control, world: World
) -> None:
    since = datetime(2026, 9, 1, tzinfo=UTC)
    criteria = (Condition("received_at", Op.RANGE, Range(gte=since)),)
    records = await every(erp, EntityName.RECEIPT, criteria)
    orders = {order.number for order in own(world)}
    assert {r.number for r in records} == {
        m.document for m in world.movements if m.order in orders and m.posted_on >= since.date()
    }
    asked = [e["query"]["$filter"] for e in control.log()]
    day = "to_MaterialDocumentHeader/PostingDate ge datetime'2026-09-01T00:00:00'"
    assert all(day in text for text in asked)


async def test_only_the_columns_asked_for_are_fetched(erp: Backend, control: Control) -> None:
    columns = frozenset({"number", "lines.item"})
    query = ListQuery((), (), 5, columns)
    await erp.sources[EntityName.PURCHASE_ORDER].page(query, ask())
    (asked,) = [entry["query"] for entry in control.log()]
    assert asked["$select"] == ("PurchaseOrder,Supplier,to_PurchaseOrderItem/Material")
    assert asked["$expand"] == "to_PurchaseOrderItem"


async def test_the_probe_finds_all_in_order(erp: Backend) -> None:
    findings = await erp.probe(list(erp.sources), ask(60))
    assert [f for f in findings if f.severity is not Severity.OK] == []
