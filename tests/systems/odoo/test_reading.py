"""The shipped preset reads a simulated Odoo: three versions, both protocols, every object."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from canonical.entities import EntityName
from canonical.items import ItemStatus
from canonical.ports import Severity
from canonical.purchase_orders import PurchaseOrderStatus as Status
from canonical.suppliers import SupplierStatus
from canonical.values import Money, Quantity, UnitConversion
from tests.systems.odoo.conftest import behind_preset
from tests.systems.odoo.simulator import Odoo
from tests.systems.opening import Opened

E = EntityName
ENTITIES = (
    E.ITEM, E.SUPPLY_SOURCE, E.SUPPLIER, E.LOCATION, E.INVENTORY, E.PURCHASE_ORDER, E.RECEIPT,
)  # fmt: skip


@pytest.fixture(params=[15, 18, 19])
def odoo(request: pytest.FixtureRequest) -> Odoo:
    return Odoo(version=request.param)


@pytest.fixture
async def erp(odoo: Odoo) -> AsyncIterator[Opened]:
    dialect = "odoo_json2" if odoo.version >= 19 else "odoo_jsonrpc"
    async with behind_preset(odoo, dialect=dialect) as ready:
        yield ready


async def test_items(erp: Opened, odoo: Odoo) -> None:
    found = {i.sku: i for i in (await erp.every(E.ITEM)).values()}
    assert found.keys() == {"B-1", "G-1", "M-1"}  # no services; archived ones too
    bearing, grease = found["B-1"], found["G-1"]
    assert (bearing.name, bearing.description, grease.description) == ("Bearing", None, "In cans")
    assert (bearing.unit, grease.unit, bearing.category) == ("PC", "KG", "All / Goods")
    assert bearing.standard_cost == Money(Decimal("11.2"), "EUR")
    assert (bearing.preferred_supplier, bearing.lead_time_days) == ("S-02", 30)
    assert (bearing.reorder_point, grease.reorder_point) == (20, None)
    assert found["M-1"].status is ItemStatus.BLOCKED
    assert bearing.status is ItemStatus.ACTIVE
    dozen = UnitConversion("DZN", Decimal(12), Decimal(1))
    assert (dozen in bearing.unit_conversions) is (odoo.version < 19)


async def test_suppliers(erp: Opened) -> None:
    found = {s.code: s for s in (await erp.every(E.SUPPLIER)).values()}
    assert found.keys() == {"S-01", "S-02", "S-03"}
    assert found["S-01"].country == "DE"
    assert (found["S-01"].currency, found["S-01"].payment_terms) == ("EUR", "30 Days")
    assert (found["S-02"].name, found["S-02"].email, found["S-02"].currency) == (
        "東京精密",
        None,
        None,
    )
    assert found["S-03"].status is SupplierStatus.BLOCKED
    assert found["S-03"].country is None


async def test_locations_and_offers(erp: Opened) -> None:
    places = await erp.every(E.LOCATION)
    assert [(p.code, p.name, p.country) for p in places.values()] == [
        ("WH1", "Berlin", "DE"),
        ("WH2", "Osaka", "JP"),
    ]
    offers = (await erp.every(E.SUPPLY_SOURCE)).values()
    assert [(o.item, o.supplier, o.price, o.lead_time_days, o.preferred) for o in offers] == [
        ("B-1", "S-01", Money(Decimal("12.5"), "EUR"), 7, False),
        ("B-1", "S-02", Money(Decimal(13), "USD"), 30, True),
        ("G-1", "S-01", Money(Decimal(8), "EUR"), 7, True),
    ]


async def test_stock_is_summed_over_places_of_a_warehouse(erp: Opened) -> None:
    found = await erp.every(E.INVENTORY)
    assert {k: (p.on_hand, p.reserved, p.available, p.unit) for k, p in found.items()} == {
        "B-1|WH1": (Decimal("10.3"), 4, Decimal("6.3"), "PC"),
        "B-1|WH2": (3, 0, 3, "PC"),
        "G-1|WH1": (Decimal("2.5"), Decimal("0.5"), 2, "KG"),
    }


async def test_orders_have_their_status(erp: Opened, odoo: Odoo) -> None:
    found = {o.number: o.status for o in (await erp.every(E.PURCHASE_ORDER)).values()}
    assert found == {
        "P00001": Status.DRAFT,
        "P00002": Status.DRAFT,
        "P00003": Status.PENDING_APPROVAL,
        "P00004": Status.APPROVED,
        "P00005": Status.PARTIALLY_RECEIVED,
        "P00006": Status.RECEIVED,
        # Version 15 has no `locked`: received and invoiced is not closed there.
        "P00007": Status.CLOSED if odoo.version > 15 else Status.RECEIVED,
        "P00008": Status.CLOSED,
        "P00009": Status.CANCELLED,
        "P00010": Status.ACKNOWLEDGED,
    }


async def test_an_order_is_read_whole(erp: Opened, odoo: Odoo) -> None:
    found = {o.number: o for o in (await erp.every(E.PURCHASE_ORDER)).values()}
    order = found["P00005"]
    assert order.supplier == "S-02"
    assert found["P00004"].supplier == "S-01"  # ordered from a contact of the company
    assert order.ordered_on == date(2026, 10, 5)
    assert (order.buyer, order.currency) == ("Mitchell Admin", "EUR")
    assert order.company == "Distributor SE"
    assert order.total == Money(Decimal("502.4"), "EUR")
    assert order.updated_at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    bearing, grease = order.lines  # without the note
    assert (bearing.line_number, bearing.item, bearing.quantity) == (5, "B-1", 40)
    assert bearing.received == (Quantity(Decimal(15), "PC"),)
    assert (bearing.unit, bearing.ship_to, bearing.due_on) == ("PC", "WH2", date(2026, 11, 20))
    assert (grease.quantity, grease.received, grease.unit) == (Decimal("0.3"), (), "KG")
    [discounted] = found["P00004"].lines
    expected = Decimal("10.89") if odoo.version > 15 else Decimal("12.1")
    assert discounted.unit_price == Money(expected, "EUR")
    assert [x.completed for x in found["P00006"].lines] == [True]
    assert [x.cancelled for x in found["P00009"].lines] == [True]


async def test_receipts_and_returns(erp: Opened) -> None:
    found = {r.number: r for r in (await erp.every(E.RECEIPT)).values()}
    assert found.keys() == {"WH2/IN/00001", "WH2/OUT/00001"}
    arrival, back = found["WH2/IN/00001"], found["WH2/OUT/00001"]
    assert (arrival.purchase_order, arrival.location, arrival.supplier) == ("5", "WH2", "S-02")
    assert arrival.received_at == datetime(2026, 10, 20, 9, 15, tzinfo=UTC)
    assert [(x.item, x.order_line_number, x.quantity, x.unit) for x in arrival.lines] == [
        ("B-1", 5, 17, "PC")
    ]
    assert [x.quantity for x in back.lines] == [-2]


async def test_relations_cost_one_call_each_whatever_the_rows(erp: Opened, odoo: Odoo) -> None:
    await erp.every(E.PURCHASE_ORDER)
    odoo.called()
    await erp.every(E.PURCHASE_ORDER)
    models = [model for model, method in odoo.called() if method == "search_read"]
    assert sorted(models) == [
        "product.product",
        "purchase.order",
        "purchase.order.line",
        "res.company",
        "res.currency",
        "res.partner",
        "res.partner",  # the company of the contact
        "stock.picking.type",
        "stock.warehouse",
    ]


async def test_the_preset_fits(erp: Opened) -> None:
    findings = await erp.backend.probe(ENTITIES, erp.ask())
    assert [f for f in findings if f.severity is not Severity.OK] == []
    assert {f.where for f in findings} == {str(e) for e in ENTITIES}
