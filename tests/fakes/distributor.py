"""A distributor of a handful of records, for questions whose answers can be worked out by hand."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from canonical.entities import EntityName
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item, ItemStatus
from canonical.locations import Location, LocationKind
from canonical.purchase_orders import (
    Acknowledgement,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from canonical.receipts import Receipt, ReceiptLine
from canonical.records import Provenance
from canonical.suppliers import Supplier, SupplierStatus
from canonical.supply_sources import SupplySource
from canonical.values import Money, Quantity, UnitConversion
from tests.fakes.desk import NOW
from tests.fakes.sources import FakeSource

ITEMS, SUPPLIERS, LOCATIONS = 10, 3, 2
MONDAY = date(2026, 11, 23)


def origin(key: str, system: str = "erp") -> Provenance:
    return Provenance(system, key, NOW)


def item(number: int, **changes: Any) -> Item:
    given: dict[str, Any] = {
        "provenance": origin(f"I{number}"),
        "sku": f"I{number}",
        "name": f"Item {number}",
        "description": None,
        "category": "even" if number % 2 == 0 else "odd",
        "unit": "PC",
        "status": ItemStatus.ACTIVE,
        "lead_time_days": 3,
        "safety_stock": Decimal(5),
        "reorder_point": Decimal(8),
        "minimum_order_quantity": None,
        "standard_cost": Money(Decimal("1.50"), "EUR"),
        "preferred_supplier": None,
        "unit_conversions": (UnitConversion("BOX", Decimal(12)),),
    }
    return Item(**{**given, **changes})


def supplier(number: int) -> Supplier:
    return Supplier(
        provenance=origin(f"S{number}"),
        code=f"S{number}",
        name=f"Supplier {number}",
        status=SupplierStatus.APPROVED,
        country="DE",
        currency="EUR",
        payment_terms=None,
        lead_time_days=None,
        email=None,
    )


def location(number: int) -> Location:
    return Location(
        provenance=origin(f"L{number}"),
        code=f"L{number}",
        name=f"Location {number}",
        kind=LocationKind.PLANT,
        region="EU",
        country="DE",
        time_zone=None,
    )


def position(item_number: int, location_number: int, on_hand: int, unit: str = "PC") -> Any:
    return InventoryPosition(
        provenance=origin(f"I{item_number}|L{location_number}"),
        item=f"I{item_number}",
        location=f"L{location_number}",
        on_hand=Decimal(on_hand),
        reserved=Decimal(0),
        available=Decimal(on_hand),
        in_transit=None,
        unit=unit,
        as_of=NOW,
    )


def line(number: int, sku: str, **changes: Any) -> PurchaseOrderLine:
    given: dict[str, Any] = {
        "line_number": number,
        "item": sku,
        "ship_to": "L0",
        "quantity": Decimal(24),
        "received": (Quantity(Decimal(1), "BOX"),),
        "unit": "PC",
        "unit_price": Money(Decimal("2.50"), "EUR"),
        "due_on": MONDAY + timedelta(days=8),
        "confirmed_on": None,
        "confirmed_quantity": None,
        "cancelled": False,
        "completed": False,
    }
    return PurchaseOrderLine(**{**given, **changes})


def order(number: int, system: str = "erp", **changes: Any) -> PurchaseOrder:
    given: dict[str, Any] = {
        "provenance": origin(f"K{number}", system),
        "number": f"PO{number}",
        "status": PurchaseOrderStatus.SENT,
        "raw_status": "05",
        "supplier": f"S{number % SUPPLIERS}",
        "buyer": None,
        "ordered_on": MONDAY - timedelta(days=20 - number % 7),
        "currency": "EUR",
        "total": Money(Decimal("180.00"), "EUR"),
        "acknowledgement": None,
        "updated_at": NOW,
        "lines": tuple(line(10 * (k + 1), f"I{(number + k) % ITEMS}") for k in range(3)),
    }
    return PurchaseOrder(**{**given, **changes})


def acknowledged(at_hour: int) -> Acknowledgement:
    return Acknowledgement(
        acknowledged_at=NOW.replace(hour=at_hour), acknowledged_by="them", note=None, lines=()
    )


def receipt(number: int, order_key: str, day: date, system: str = "erp") -> Receipt:
    return Receipt(
        provenance=origin(f"R{number}", system),
        number=f"R{number}",
        purchase_order=order_key,
        supplier="S0",
        location="L0",
        received_at=NOW.replace(year=day.year, month=day.month, day=day.day),
        lines=(
            ReceiptLine(
                line_number=1, order_line_number=10, item="I0", quantity=Decimal(12), unit="PC"
            ),
        ),
    )


def forecast(item_number: int, week: int, quantity: int = 7) -> Forecast:
    return Forecast(
        provenance=origin(f"F{item_number}-{week}", "planning"),
        item=f"I{item_number}",
        location="L0",
        period_start=MONDAY + timedelta(weeks=week),
        period_end=MONDAY + timedelta(weeks=week + 1),
        quantity=Decimal(quantity),
        unit="PC",
        version="base",
        revised_at=NOW,
    )


def offer(item_number: int, supplier_number: int, *, preferred: bool) -> SupplySource:
    return SupplySource(
        provenance=origin(f"I{item_number}|S{supplier_number}"),
        item=f"I{item_number}",
        supplier=f"S{supplier_number}",
        supplier_part_number=f"X{item_number}",
        price=Money(Decimal("2.50"), "EUR"),
        lead_time_days=3,
        minimum_order_quantity=None,
        preferred=preferred,
    )


class Distributor:
    """Sources of an ERP, a procurement service and a planning tool."""

    def __init__(self, orders: Sequence[PurchaseOrder] | None = None) -> None:
        if orders is None:
            orders = [order(n) for n in range(20)]
            orders += [order(n, "procurement") for n in range(20, 30)]
        name = EntityName
        self.items = FakeSource("erp", name.ITEM, [item(n) for n in range(ITEMS)])
        self.suppliers = FakeSource("erp", name.SUPPLIER, [supplier(n) for n in range(SUPPLIERS)])
        self.locations = FakeSource("erp", name.LOCATION, [location(n) for n in range(LOCATIONS)])
        self.inventory = FakeSource(
            "erp",
            name.INVENTORY,
            [position(i, x, 10 * i) for i in range(ITEMS) for x in range(LOCATIONS)],
        )
        self.orders = FakeSource(
            "erp", name.PURCHASE_ORDER, [o for o in orders if o.provenance.system == "erp"]
        )
        self.procurement = FakeSource(
            "procurement",
            name.PURCHASE_ORDER,
            [o for o in orders if o.provenance.system == "procurement"],
        )
        self.receipts = FakeSource("erp", name.RECEIPT, [])
        self.forecasts = FakeSource(
            "planning", name.FORECAST, [forecast(i, w) for i in range(ITEMS) for w in range(4)]
        )
        self.offers = FakeSource(
            "erp",
            name.SUPPLY_SOURCE,
            [offer(i, i % SUPPLIERS, preferred=True) for i in range(ITEMS)],
        )

    @property
    def sources(self) -> list[FakeSource]:
        return list(vars(self).values())
