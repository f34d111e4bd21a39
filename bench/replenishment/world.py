"""Any number of items at some locations, made up: as a planner would write them, and as records.

What an item is like follows from its number alone, so that nothing of it has to be kept.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any, Final

from bench.replenishment.independent import Case, Seller, Week
from canonical.criteria import Criteria, matches
from canonical.entities import EntityName
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item, ItemStatus
from canonical.locations import Location
from canonical.ports import Batch
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.records import Provenance, Record
from canonical.suppliers import Supplier, SupplierStatus
from canonical.supply_sources import SupplySource
from canonical.values import Money, Quantity, UnitConversion
from workflows.replenishment.assembling import House
from workflows.replenishment.calendars import Calendar, Calendars
from workflows.replenishment.policy import Policies, Policy, Rule, Sizing

TODAY: Final = date(2026, 11, 25)
SUPPLIERS: Final = 60
WEEKS: Final = 13
UNITS: Final = {"BOX": ("12", "1"), "KG": ("10", "3")}
_NOON: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
_COUNTRIES: Final = ("DE", "US", "JP")
_REGIONS: Final = ("EU", "US", "EU", "APAC")
_WEEKEND: Final = frozenset({5, 6})
_HOLIDAYS: Final = {
    "DE": frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}),
    "US": frozenset({date(2026, 11, 26), date(2026, 12, 25)}),
}
_QUICK, _REVIEWED_LATE, _LOTS_AT_A_TIME, _BIG_LOTS = "C3", "EU", "L-05", "S-007"
"""A category with two weeks of cover, a region reviewed every two weeks, a location that orders lot
for lot, and a supplier with lots of 50."""

HOUSE: Final = House(
    policies=Policies(
        Policy(weeks=6, horizon_days=120),
        (
            Rule(name="quick", changes={"weeks": 2}, categories=frozenset({_QUICK})),
            Rule(name="late", changes={"review_days": 14}, regions=frozenset({_REVIEWED_LATE})),
            Rule(
                name="lots at a time",
                changes={"sizing": Sizing.LOT_FOR_LOT},
                locations=frozenset({_LOTS_AT_A_TIME}),
            ),
            Rule(
                name="big lots",
                changes={"lot_size": Decimal(50)},
                suppliers=frozenset({_BIG_LOTS}),
            ),
        ),
    ),
    calendars=Calendars(
        countries={
            country: Calendar(working_days=(0, 1, 2, 3, 4), holidays=tuple(sorted(days)))
            for country, days in _HOLIDAYS.items()
        }
    ),
)


@dataclass(frozen=True)
class Facts:
    """What is so of one item: what all of its cases have in common, and each location's own."""

    sku: str
    category: str
    common: Case
    places: Mapping[str, Case]


class World:
    """Items 0, 1, 2 ... at locations L-00, L-01 ..."""

    def __init__(self, items: int, locations: int) -> None:
        self.skus = [f"I-{n:05}" for n in range(items)]
        self.locations = [f"L-{n:02}" for n in range(locations)]

    def facts(self, sku: str) -> Facts:
        """What is so of an item."""
        random = Random(sku)  # made-up figures
        common = Case(
            today=TODAY,
            stock=(),
            orders=(),
            forecasts=(),
            sellers=_sellers(random),
            units=UNITS,
            safety_stock=_maybe(random, 0.9, lambda: str(random.randrange(5, 120))),
            minimum=_maybe(random, 0.3, lambda: str(random.randrange(1, 60))),
            weeks=6,
            horizon_days=120,
        )
        category = f"C{random.randrange(8)}"
        return Facts(
            sku, category, common, {x: _at(random, common, category, x) for x in self.locations}
        )


def week_of(country: str) -> Week:
    """When a country works."""
    if country not in _HOLIDAYS:
        return Week()
    return Week(_WEEKEND, _HOLIDAYS[country])


def country_of(location: str) -> str:
    """Where a location is."""
    return _COUNTRIES[int(location[2:]) % 3]


def region_of(location: str) -> str:
    """Which region a location belongs to."""
    return _REGIONS[int(location[2:]) % 4]


def _at(random: Random, common: Case, category: str, location: str) -> Case:
    weekly = random.randrange(1, 80)
    monday = TODAY - timedelta(days=TODAY.weekday())
    forecasts = []
    for week in range(WEEKS):
        start = monday + timedelta(weeks=week)
        unit = random.choices(("PC", "BOX", "KG"), (18, 1, 1))[0]
        amount = f"{random.uniform(0, 2) * weekly / (12 if unit == 'BOX' else 3):.3f}"
        forecasts.append((start, start + timedelta(weeks=1), amount, unit))
    orders: list[tuple[date | None, str, str, str]] = []
    for _ in range(random.choices((0, 1, 2), (6, 3, 1))[0]):
        day = TODAY + timedelta(days=random.randrange(-10, 45))
        quantity = random.randrange(1, 4) * weekly
        unit = random.choice(("PC", "PC", "BOX"))
        received = random.choice((0, 0, quantity // 2))
        orders.append((day, str(quantity), str(received), unit))
    return replace(
        common,
        stock=[(str(random.randrange(0, weekly * 9)), "PC")],
        forecasts=forecasts,
        orders=orders,
        receiving=week_of(country_of(location)),
        sizing="lot_for_lot" if location == _LOTS_AT_A_TIME else "weeks_of_cover",
        weeks=2 if category == _QUICK else 6,
        review_days=14 if region_of(location) == _REVIEWED_LATE else 7,
    )


def _sellers(random: Random) -> list[Seller]:
    numbers = sorted(random.sample(range(SUPPLIERS), random.choices((1, 2, 3), (5, 3, 2))[0]))
    sellers = []
    for n in numbers:
        code = f"S-{n:03}"
        sellers.append(
            Seller(
                code,
                approved=n % 9 != 0,
                days=_maybe(random, 0.97, lambda: random.randrange(2, 40)),
                price=_maybe(random, 0.95, lambda: f"{random.uniform(0.5, 300):.4f}"),
                currency="USD" if random.random() < 0.05 else "EUR",  # few
                minimum=_maybe(random, 0.5, lambda: str(random.randrange(1, 90))),
                preferred=random.random() < 0.3,  # some
                week=week_of(_COUNTRIES[n % 3]),
                lot="50" if code == _BIG_LOTS else None,
            )
        )
    return sellers


def _maybe(random: Random, chance: float, make: Any) -> Any:
    return make() if random.random() < chance else None


class MemoryRecords:
    """Records of a world, made when they are asked for; a system that answers at once.

    Attributes:
        calls: How often it was asked.
        records: How many records it gave.
        cpu_s: What it took to make them.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.calls = 0
        self.records = 0
        self.cpu_s = 0.0

    async def by_keys(  # noqa: PLR0913  # as the port has it
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
        fresh: bool = False,
    ) -> Batch:
        """As `canonical.reading.Records.by_keys`."""
        del column, columns, correlation_id, fresh
        began = time.process_time()
        found = [r for key in keys for r in self._made(entity, key) if matches(r, criteria)]
        self.cpu_s += time.process_time() - began
        self.calls += 1
        self.records += len(found)
        return Batch(found)

    async def all(
        self,
        entity: EntityName,
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
    ) -> AsyncIterator[Sequence[Record]]:
        """As `canonical.reading.Records.all`."""
        del columns, correlation_id, criteria
        for start in range(0, len(self._world.skus), 1_000):
            self.calls += 1
            page = self._world.skus[start : start + 1_000]
            yield [r for sku in page for r in self._made(entity, sku)]

    def _made(self, entity: EntityName, key: str) -> Sequence[Record]:
        if entity is EntityName.SUPPLIER:
            return [supplier_of(key)]
        if entity is EntityName.LOCATION:
            return [_location(key)]
        return records_of(_kept(self._world, key), entity)


@lru_cache(1_000)
def _kept(world: World, sku: str) -> Facts:
    """Facts of the items of a batch are asked for by five questions at once."""
    return world.facts(sku)


def records_of(facts: Facts, entity: EntityName) -> Sequence[Record]:
    """What systems hold of an item."""
    match entity:
        case EntityName.ITEM:
            return [_item(facts)]
        case EntityName.SUPPLY_SOURCE:
            return [_source(facts.sku, seller) for seller in facts.common.sellers]
        case EntityName.INVENTORY:
            return [_position(facts.sku, x, case) for x, case in facts.places.items()]
        case EntityName.PURCHASE_ORDER:
            return [o for x, case in facts.places.items() for o in _orders(facts.sku, x, case)]
        case _:
            return [f for x, case in facts.places.items() for f in _forecasts(facts.sku, x, case)]


def _from(system: str, key: str) -> Provenance:
    return Provenance(system, key, _NOON)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _item(facts: Facts) -> Item:
    common = facts.common
    return Item(
        provenance=_from("erp", facts.sku),
        sku=facts.sku,
        category=facts.category,
        unit="PC",
        status=ItemStatus.ACTIVE,
        lead_time_days=None,
        safety_stock=_decimal(common.safety_stock),
        reorder_point=None,
        minimum_order_quantity=_decimal(common.minimum),
        standard_cost=None,
        preferred_supplier=None,
        unit_conversions=tuple(
            UnitConversion(unit, Decimal(n), Decimal(d)) for unit, (n, d) in UNITS.items()
        ),
    )


def _source(sku: str, seller: Seller) -> SupplySource:
    price = None if seller.price is None else Money(Decimal(seller.price), seller.currency)
    return SupplySource(
        provenance=_from("erp", f"{sku}/{seller.code}"),
        item=sku,
        supplier=seller.code,
        price=price,
        lead_time_days=seller.days,
        minimum_order_quantity=_decimal(seller.minimum),
        preferred=seller.preferred,
    )


def supplier_of(code: str) -> Supplier:
    """A supplier."""
    number = int(code[2:])
    return Supplier(
        provenance=_from("erp", code),
        code=code,
        status=SupplierStatus.ON_HOLD if number % 9 == 0 else SupplierStatus.APPROVED,
        country=_COUNTRIES[number % 3],
        lead_time_days=None,
    )


def _location(code: str) -> Location:
    return Location(
        provenance=_from("erp", code), code=code, region=region_of(code), country=country_of(code)
    )


def _position(sku: str, location: str, case: Case) -> InventoryPosition:
    [(amount, unit)] = case.stock
    return InventoryPosition(
        provenance=_from("erp", f"{sku}/{location}"),
        item=sku,
        location=location,
        on_hand=Decimal(amount) + 7,
        reserved=Decimal(7),
        available=Decimal(amount),
        unit=unit,
    )


def _orders(sku: str, location: str, case: Case) -> Sequence[PurchaseOrder]:
    return [
        PurchaseOrder(
            provenance=_from("procurement", f"PO-{sku}-{location}-{n}"),
            number=f"PO-{sku}-{location}-{n}",
            status=PurchaseOrderStatus.SENT,
            lines=(
                PurchaseOrderLine(
                    line_number=10,
                    item=sku,
                    ship_to=location,
                    quantity=Decimal(quantity),
                    received=(Quantity(Decimal(received), unit),),
                    unit=unit,
                    due_on=day,
                    confirmed_on=None,
                    cancelled=False,
                    completed=False,
                ),
            ),
        )
        for n, (day, quantity, received, unit) in enumerate(case.orders)
    ]


def _forecasts(sku: str, location: str, case: Case) -> Sequence[Forecast]:
    return [
        Forecast(
            provenance=_from("planning", f"{sku}/{location}/{start}"),
            item=sku,
            location=location,
            period_start=start,
            period_end=end,
            quantity=Decimal(amount),
            unit=unit,
        )
        for start, end, amount, unit in case.forecasts
    ]
