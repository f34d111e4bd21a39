"""A house that orders: its records, its policies, and orders that are right but for one thing."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from canonical.items import Item
from canonical.locations import Location, LocationKind
from canonical.ordering import Validated, WantedLine, WantedOrder
from canonical.records import Record
from canonical.suppliers import Supplier, SupplierStatus
from canonical.supply_sources import SupplySource
from canonical.values import Money
from tests.fakes import distributor
from tests.fakes.desk import NOW
from tests.fakes.records import FakeRecords
from workflows.ordering.judging import OrderJudge
from workflows.ordering.rules import OrderRules, Route, Routes

TODAY = NOW.date()
ROUTES = Routes(
    (
        Route(lead="procurement", follow=("erp",), regions=frozenset({"EU"})),
        Route(lead="erp-us", regions=frozenset({"US"}), companies={"erp-us": "1710"}),
    )
)


def supplier(code: str = "S1", **changes: Any) -> Supplier:
    given: dict[str, Any] = {"code": code, "provenance": distributor.origin(code)}
    return replace(distributor.supplier(1), **{**given, **changes})


def item(sku: str = "I1", **changes: Any) -> Item:
    given: dict[str, Any] = {"sku": sku, "provenance": distributor.origin(sku)}
    return replace(distributor.item(1), **{**given, **changes})


def location(code: str = "L1", region: str | None = "EU", **changes: Any) -> Location:
    given: dict[str, Any] = {
        "code": code,
        "region": region,
        "kind": LocationKind.DISTRIBUTION_CENTER,
        "provenance": distributor.origin(code),
    }
    return replace(distributor.location(1), **{**given, **changes})


def terms(sku: str = "I1", code: str = "S1", price: str | None = "10.00", **changes: Any) -> Any:
    given: dict[str, Any] = {
        "provenance": distributor.origin(f"{sku}/{code}"),
        "item": sku,
        "supplier": code,
        "supplier_part_number": None,
        "price": None if price is None else Money(Decimal(price), "EUR"),
        "lead_time_days": 5,
        "minimum_order_quantity": Decimal(10),
        "preferred": True,
    }
    return SupplySource(**{**given, **changes})


def records(*more: Record) -> FakeRecords:
    """What is there; more of the same key takes the place of what is."""
    there: dict[tuple[type, str], Record] = {}
    standing = [
        supplier(),
        supplier("S2"),
        supplier("HELD", status=SupplierStatus.ON_HOLD),
        item(),
        item("I2"),
        location(),
        location("US1", "US"),
        location("AP1", "APAC"),
        terms(),
        terms("I2"),
    ]
    for record in (*standing, *more):
        there[type(record), record.provenance.key] = record
    return FakeRecords(*there.values())


def line(**changes: Any) -> WantedLine:
    given: dict[str, Any] = {
        "item": "I1",
        "quantity": Decimal(20),
        "due_on": TODAY + timedelta(days=14),
        "ship_to": "L1",
    }
    return WantedLine(**{**given, **changes})


def wanted(*lines: WantedLine, **changes: Any) -> WantedOrder:
    given: dict[str, Any] = {"supplier": "S1", "lines": lines or (line(),)}
    return WantedOrder(**{**given, **changes})


async def judged(order: WantedOrder, there: FakeRecords | None = None, **rules: Any) -> Validated:
    """What is found of an order."""
    judge = OrderJudge(there or records(), OrderRules(**rules), ROUTES, lambda: NOW)
    return (await judge.judge(order, "c-1")).validated()


def said(found: Validated) -> list[tuple[str, tuple[str, ...], str]]:
    """Code, path and message of what refuses an order."""
    return [(f.code.value, f.field, f.message) for f in found.findings]
