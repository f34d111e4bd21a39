"""Suppliers and items, each made from its own line of chance so that sizes do not disturb it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.world.geography import PLANTS, PLANTS_BY_CODE
from sandbox.world.records import Item, ItemPlant, Source, Supplier, Unit

_HOMES = (
    ("EU", "DE", "EUR", "GmbH", (("Bremen", "28195"), ("Ulm", "89073"), ("Nürnberg", "90402"))),
    ("EU", "FR", "EUR", "SARL", (("Lille", "59000"), ("Nantes", "44000"))),
    ("EU", "PL", "EUR", "Sp. z o.o.", (("Gdynia", "81-304"), ("Katowice", "40-001"))),
    ("US", "US", "USD", "Inc.", (("Akron", "44308"), ("Muncie", "47305"), ("Tulsa", "74103"))),
    ("US", "MX", "USD", "S.A. de C.V.", (("Monterrey", "64000"), ("Puebla", "72000"))),
    ("APAC", "SG", "SGD", "Pte Ltd", (("Singapore", "608526"),)),
    ("APAC", "AU", "AUD", "Pty Ltd", (("Newcastle", "2300"), ("Geelong", "3220"))),
    ("APAC", "JP", "JPY", "K.K.", (("Osaka", "530-0001"), ("Nagoya", "450-0002"))),
)
_FIRST = (
    "Nordwind", "O'Neil", "Müller", "Cascade", "Redwood", "Harbor", "Lindqvist", "Atlas",
    "Kestrel", "Silverline", "Tanaka", "Bluegum", "Pioneer", "Vega", "Granite", "Summit",
)  # fmt: skip
_SECOND = (
    "Bearings", "Fasteners", "Packaging", "Filtration", "Cables", "Industrial Supply",
    "Hydraulics", "Sensors", "Safety", "Chemicals",
)  # fmt: skip
_STREETS = ("Industrial Road", "Harbour Street", "Station Road", "Mill Lane", "Factory Way")
_TERMS = ("0001", "0002", "0004", "NT30", "NT60")
_INCOTERMS = ("EXW", "FCA", "DAP", "DDP", "CIF")

# prefix, category, noun, base unit, packing unit and its sizes (numerator, denominator),
# and the least and most that a base unit costs, in cents
_FAMILIES = (
    ("BRG", "Bearings", "Ball bearing", "PC", "BOX", ((10, 1), (24, 1)), (180, 9_500)),
    ("FLT", "Filters", "Filter cartridge", "PC", "BOX", ((6, 1), (12, 1)), (450, 14_000)),
    ("CBL", "Cables", "Control cable", "M", "ROL", ((100, 1), (50, 1)), (90, 1_900)),
    ("LAB", "Packaging", "Shipping label", "PC", "BOX", ((500, 1), (1000, 1)), (2, 9)),
    ("PMP", "Hydraulics", "Gear pump", "EA", "", (), (12_000, 190_000)),
    ("VLV", "Hydraulics", "Check valve", "PC", "BOX", ((4, 1), (20, 1)), (1_100, 22_000)),
    ("SEN", "Sensors", "Proximity sensor", "EA", "", (), (1_900, 17_000)),
    ("GLV", "Safety", "Work glove", "PC", "BOX", ((12, 1), (144, 1)), (70, 1_200)),
    ("ADH", "Chemicals", "Assembly adhesive", "KG", "BAG", ((25, 2), (25, 1)), (500, 4_400)),
    ("SCR", "Fasteners", "Hexagon screw", "PC", "BOX", ((100, 1), (200, 1)), (3, 85)),
)
_PRICE_FACTOR = {
    "EUR": Decimal(1),
    "USD": Decimal("1.1"),
    "SGD": Decimal("1.5"),
    "AUD": Decimal("1.6"),
}
_YEN = 160


def make_suppliers(seed: int, count: int, today: date) -> tuple[Supplier, ...]:
    """Make `count` suppliers, spread evenly over the regions' countries."""
    return tuple(_supplier(Random(f"{seed}:supplier:{i}"), i, today) for i in range(count))


def _supplier(rng: Random, index: int, today: date) -> Supplier:
    region, country, currency, legal_form, cities = _HOMES[index * 3 % len(_HOMES)]
    city, postal_code = rng.choice(cities)
    first, second = _FIRST[index % len(_FIRST)], _SECOND[index * 7 % len(_SECOND)]
    family = index // 80  # 16 x 10 names repeat every 80 suppliers
    name = f"{first} {second}{f' {family + 1}' if family else ''}"
    number = str(17300001 + index)
    chance = rng.random()
    mail = first.lower().replace("'", "").replace("ü", "ue")
    return Supplier(
        number=number,
        coupa_number=f"C-{10001 + index}",
        planning_name=name if index % 10 == 3 else number,
        name=name,
        legal_form=legal_form,
        region=region,
        country=country,
        city=city,
        postal_code=postal_code,
        street=f"{rng.choice(_STREETS)} {rng.randint(1, 180)}",
        email=f"orders@{mail}-{number}.example",
        currency=currency,
        terms=rng.choice(_TERMS),
        incoterms=rng.choice(_INCOTERMS),
        status="approved" if chance < 0.92 else "on_hold" if chance < 0.97 else "blocked",
        lead_days=rng.randint(5, 45),
        minimum_order=Decimal(rng.choice((0, 0, 100, 250, 500))),
        created_on=today - timedelta(days=rng.randint(800, 2500)),
        changed_at=_moment(rng, today - timedelta(days=rng.randint(1, 700))),
    )


def make_items(
    seed: int, count: int, suppliers: tuple[Supplier, ...], today: date
) -> tuple[Item, ...]:
    """Make `count` items with 1 to 5 plants and 1 to 3 suppliers each.

    The preferred supplier of an item comes first among its sources.
    """
    by_region = {
        region: [s for s in suppliers if s.region == region] for region in ("EU", "US", "APAC")
    }
    return tuple(
        _item(Random(f"{seed}:item:{i}"), i, by_region, suppliers, today) for i in range(count)
    )


def _item(
    rng: Random,
    index: int,
    by_region: dict[str, list[Supplier]],
    suppliers: tuple[Supplier, ...],
    today: date,
) -> Item:
    prefix, category, noun, base_unit, pack, sizes, costs = _FAMILIES[index % len(_FAMILIES)]
    number = _item_number(prefix, index)
    cost = Decimal(rng.randint(*costs)) / 100
    plants = tuple(_item_plant(rng, code) for code in _choose_plants(rng))
    regions = {PLANTS_BY_CODE[plant.plant].region for plant in plants}
    near = [s for region in sorted(regions) for s in by_region[region]] or list(suppliers)
    chosen = rng.sample(near, min(len(near), rng.choice((1, 1, 2, 2, 3))))
    chance = rng.random()
    name = f"{noun} {rng.choice('ABCDEFGH')}{rng.randint(10, 99)} {prefix.lower()}{index:05d}"
    return Item(
        number=number,
        coupa_number=f"ALT-{index:06d}" if index % 7 == 4 else number,
        name=name,
        text=f"{name}, {category.lower()}, standard stock item",
        category=category,
        group=f"L{100 + index % len(_FAMILIES)}",
        base_unit=base_unit,
        alternative=Unit(pack, *rng.choice(sizes)) if pack and rng.random() < 0.6 else None,
        status="active" if chance < 0.94 else "blocked" if chance < 0.97 else "phased_out",
        gtin=f"40{index:011d}",
        weight=Decimal(rng.randint(20, 25_000)) / 1000,
        cost=cost,
        batch_managed=index % 25 == 8,
        monthly_forecast=index % 50 == 20,
        created_on=today - timedelta(days=rng.randint(600, 2400)),
        changed_at=_moment(rng, today - timedelta(days=rng.randint(1, 580))),
        plants=plants,
        sources=tuple(_source(rng, number, index, n, s, cost) for n, s in enumerate(chosen)),
    )


def _item_number(prefix: str, index: int) -> str:
    if index == 17:
        return "GLV-00017/L"  # a key that must be escaped in a path
    return str(10_000_000 + index) if index % 20 == 9 else f"{prefix}-{index:05d}"


def _choose_plants(rng: Random) -> list[str]:
    count = rng.choices((1, 2, 3, 4, 5), (35, 30, 20, 10, 5))[0]
    return sorted(rng.sample([plant.code for plant in PLANTS], count))


def _item_plant(rng: Random, plant: str) -> ItemPlant:
    weekly = Decimal(rng.choice((2, 5, 8, 12, 20, 40, 75, 120)))
    lead_days = rng.randint(5, 45)
    safety = weekly * rng.randint(1, 3)
    return ItemPlant(
        plant=plant,
        abc=rng.choice("ABBCCC"),
        safety_stock=safety,
        reorder_point=safety + (weekly * lead_days / 7).quantize(Decimal(1)),
        minimum_lot=weekly if rng.random() < 0.5 else Decimal(0),
        rounding=Decimal(rng.choice((1, 1, 5, 10))),
        lead_days=lead_days,
        weekly_demand=weekly,
    )


def _source(
    rng: Random, item: str, index: int, rank: int, supplier: Supplier, cost: Decimal
) -> Source:
    price_quantity = 100 if cost < 5 else 1
    amount = cost * price_quantity * (Decimal(90 + rng.randint(0, 30)) / 100)
    if supplier.currency == "JPY":
        price = (amount * _YEN).quantize(Decimal(1))
    else:
        price = (amount * _PRICE_FACTOR[supplier.currency]).quantize(Decimal("0.01"))
    return Source(
        item=item,
        supplier=supplier.number,
        part_number=f"{supplier.name[:2].upper()}{rng.randint(10_000, 99_999)}",
        info_record=str(5_300_000_000 + index * 4 + rank),
        price=price,
        price_quantity=price_quantity,
        currency=supplier.currency,
        lead_days=max(2, supplier.lead_days + rng.randint(-4, 10)),
        minimum=Decimal(rng.choice((1, 1, 5, 10, 50))),
        preferred=rank == 0,
        deleted=rank == 2 and rng.random() < 0.3,
    )


def _moment(rng: Random, day: date) -> datetime:
    return datetime.combine(day, time(6), UTC) + timedelta(seconds=rng.randint(0, 50_000))
