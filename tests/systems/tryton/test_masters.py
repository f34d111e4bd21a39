"""Items, suppliers, locations and supply sources through the preset are what Tryton itself says."""

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.items import ItemStatus
from canonical.locations import LocationKind
from canonical.suppliers import SupplierStatus
from canonical.values import Money, UnitConversion
from tests.systems.opening import Opened
from tests.systems.tryton.client import Client

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

UNITS = {"u": "PC", "kg": "KG"}


def days(duration: timedelta | None) -> int | None:
    return None if duration is None else math.ceil(duration / timedelta(days=1))


async def test_items(erp: Opened, truth: Client) -> None:
    fields = ["code", "name", "description", "template.active", "cost_price", "default_uom.symbol"]
    fields += ["categories.name", "order_points.min_quantity"]
    expected = truth.read("product.product", [], fields, active_test=False)
    found = await erp.every(EntityName.ITEM)
    assert len(found) == len(expected) == 24
    for row in expected:
        item = found[str(row["id"])]
        assert (item.sku, item.name) == (row["code"], row["name"])
        assert item.description == row["description"]
        assert item.category == row["categories."][0]["name"]
        assert item.unit == UNITS[row["default_uom."]["symbol"]]
        assert item.standard_cost == Money(row["cost_price"], "USD")
        is_active = row["template."]["active"]
        assert item.status == (ItemStatus.ACTIVE if is_active else ItemStatus.BLOCKED)
        levels = [Decimal(p["min_quantity"]) for p in row["order_points."]]
        assert item.reorder_point == max(levels, default=None)
    assert [i.sku for i in found.values() if i.status is ItemStatus.BLOCKED] == ["ITM-0024"]


async def test_items_know_their_first_offer(erp: Opened, truth: Client) -> None:
    found = await erp.every(EntityName.ITEM)
    fields = ["template.products", "party.code", "lead_time_used"]
    first: dict[str, dict[str, Any]] = {}
    for offer in truth.read("purchase.product_supplier", [], fields):
        [item] = offer["template."]["products"]
        first.setdefault(str(item), offer)
    for key, item in found.items():
        own = first.get(key)
        assert item.preferred_supplier == (own and own["party."]["code"])
        assert item.lead_time_days == (own and days(own["lead_time_used"]))


async def test_units_convert_within_their_kind(erp: Opened, truth: Client) -> None:
    found = await erp.every(EntityName.ITEM)
    sold_by_weight = next(i for i in found.values() if i.unit == "KG")
    weights = truth.read("product.uom", [["category.name", "=", "Weight"]], ["symbol", "factor"])
    assert {c.unit for c in sold_by_weight.unit_conversions} >= {"KG", "G"}
    assert len(sold_by_weight.unit_conversions) == len(weights)
    gram = next(c for c in sold_by_weight.unit_conversions if c.unit == "G")
    assert gram == UnitConversion("G", Decimal("0.001"), Decimal(1))


async def test_suppliers(erp: Opened, truth: Client) -> None:
    fields = ["code", "name", "active", "email", "supplier_lead_time"]
    fields += ["addresses.country.code", "supplier_currency.code", "supplier_payment_term.name"]
    expected = truth.read("party.party", [], fields, active_test=False)
    found = await erp.every(EntityName.SUPPLIER)
    assert len(found) == len(expected) == 13
    for row in expected:
        supplier = found[str(row["id"])]
        assert (supplier.code, supplier.name) == (row["code"], row["name"])
        assert supplier.email == (row["email"] or None)
        assert supplier.country == row["addresses."][0]["country."]["code"]
        assert supplier.lead_time_days == days(row["supplier_lead_time"])
        assert supplier.currency == (row["supplier_currency."] or {}).get("code")
        assert supplier.payment_terms == (row["supplier_payment_term."] or {}).get("name")
        is_active = supplier.status is SupplierStatus.APPROVED
        assert is_active is bool(row["active"])
    assert [s.code for s in found.values() if s.status is SupplierStatus.BLOCKED] == ["SUP-010"]
    assert {s.name for s in found.values()} >= {
        "Łódź Metalworks Sp. z o.o.",
        "東京精密部品株式会社",
    }


async def test_locations_are_the_warehouses(erp: Opened, truth: Client) -> None:
    expected = truth.read("stock.location", [["type", "=", "warehouse"]], ["code", "name"])
    found = await erp.every(EntityName.LOCATION)
    assert [(r.code, r.name, r.kind) for r in found.values()] == [
        (r["code"], r["name"], LocationKind.DISTRIBUTION_CENTER) for r in expected
    ]
    assert len(found) == 3


async def test_supply_sources(erp: Opened, truth: Client) -> None:
    fields = ["template.products", "party.code", "code", "lead_time_used", "currency.code"]
    fields += ["prices.quantity", "prices.unit_price"]
    expected = truth.read("purchase.product_supplier", [], fields)
    codes = {i["id"]: i["code"] for i in truth.read("product.product", [], ["code"])}
    found = await erp.every(EntityName.SUPPLY_SOURCE)
    assert len(found) == len(expected) > 40
    seen: set[str] = set()
    for row in expected:
        source = found[str(row["id"])]
        [item] = row["template."]["products"]
        cheapest_break = min(row["prices."], key=lambda p: p["quantity"])
        assert source.item == codes[item]
        assert source.supplier == row["party."]["code"]
        assert source.supplier_part_number == row["code"]
        assert source.price == Money(cheapest_break["unit_price"], row["currency."]["code"])
        assert source.lead_time_days == days(row["lead_time_used"])
        assert source.preferred is (source.item not in seen)
        seen.add(source.item)


async def test_offers_are_found_by_item_and_by_supplier(erp: Opened, truth: Client) -> None:
    source = erp.sources[EntityName.SUPPLY_SOURCE]
    columns = frozenset({"item", "supplier"})
    by_item = await source.by_keys("item", ["ITM-0002", "ITM-0003"], columns, erp.ask())
    offers = truth.read("purchase.product_supplier", [], ["template.products"])
    wanted = [o["id"] for o in offers if o["template."]["products"][0] in (2, 3)]
    assert sorted(int(r.provenance.key) for r in by_item.records) == wanted
    by_supplier = await source.by_keys("supplier", ["SUP-008", "NOPE"], columns, erp.ask())
    wanted = truth.call(
        "purchase.product_supplier", "search", [["party.code", "=", "SUP-008"]], 0, None, None
    )
    assert sorted(int(r.provenance.key) for r in by_supplier.records) == sorted(wanted)
