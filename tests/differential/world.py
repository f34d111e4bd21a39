"""Worlds to ask about: every entity, in one or two systems, whole or in trouble, from a seed.

seed % 8   what is wrong
0          nothing: two systems of record for items, suppliers and orders
1          the second ERP is down
2          single records cannot be read
3          planning and procurement are down
4          the ERP lacks columns, also such as are published as never null
5          nothing but one ERP: no system supplies receipts, forecasts, recommendations, offers
6          records hold null where it is not allowed, references lead nowhere
7          a little of everything
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from msgspec import Struct

from canonical.entities import ENTITIES, EntityName, columns_of
from canonical.errors import (
    BadAnswerError,
    MisconfiguredError,
    Reason,
    SupplygraphError,
    UnavailableError,
)
from canonical.forecasts import Forecast
from canonical.ids import GlobalId
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.locations import Location
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine
from canonical.receipts import Receipt, ReceiptLine
from canonical.recommendations import ReplenishmentRecommendation
from canonical.records import Provenance, Record
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource
from canonical.values import Quantity, UnitConversion
from tests.differential.sources import TroubledSource
from tests.differential.values import DECIMALS, MOMENTS, made
from tests.fakes.desk import NOW

R = TypeVar("R", bound=Record)
Columns = Mapping[tuple[str, EntityName], frozenset[str]]
Names = EntityName

ERP, ERP2, PROCUREMENT, PLANNING = "erp", "erp-us", "procurement", "planning"
SKUS: Final = ("I0", "I1", "I2", 'I"3\\', "I 4", "İ5📦", "I6", "I7", "I8")
SUPPLIERS: Final = ("S0", "S1", "S2", 'S"3', "S4")
LOCATIONS: Final = ("L0", "L1", "L\\2", "L3")
UNITS: Final = ("PC", "PC", "PC", "BOX", "PALLET")
"""Items declare boxes only: pallets do not convert."""
GONE: Final = "GONE"
"""Key of what nobody has."""
MONDAY: Final = date(2026, 11, 23)

_LACKING: Final[Mapping[EntityName, frozenset[str]]] = {
    Names.ITEM: frozenset({"name", "category", "standard_cost", "unit_conversions"}),
    Names.SUPPLIER: frozenset({"status", "email"}),
    Names.LOCATION: frozenset({"kind"}),
    Names.INVENTORY: frozenset({"reserved", "in_transit"}),
    Names.PURCHASE_ORDER: frozenset(
        {"total", "updated_at", "lines.unit_price", "lines.confirmed_on", "acknowledgement.note"}
    ),
    Names.RECEIPT: frozenset({"number", "location"}),
    Names.SUPPLY_SOURCE: frozenset({"price", "preferred"}),
    Names.RECOMMENDATION: frozenset({"estimated_cost"}),
}

_EVERY: Final = {name: frozenset(columns_of(e.record)) for name, e in ENTITIES.items()}


class World(Struct, frozen=True):
    """Records and troubles. Sources are made anew for each run, so that nothing is remembered.

    Attributes:
        seed: Of which seed.
        make: Makes its sources.
        ids: Global ids of some records, of nothing, and texts that are none.
        numbers: Numbers of its orders.
    """

    seed: int
    make: Callable[[], list[TroubledSource]]
    ids: Sequence[str]
    numbers: Sequence[str]


FAILING: Final = (2, 7)
"""Seeds, modulo 8, of worlds in which single records cannot be read."""


class _Maker:
    """Makes the records of one world."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.trouble = seed % 8
        self.rnd = Random(seed)
        self.nulls = (0.2, 0.5, 0.05)[seed % 3]
        self.records: dict[tuple[str, EntityName], list[Record]] = {}

    def add(self, system: str, entity: EntityName, key: str, kind: type[R], **given: Any) -> None:
        stale = self.rnd.random() < 0.1
        origin = Provenance(system, key, self.rnd.choice((NOW, *MOMENTS)), stale)
        record = made(kind, self.rnd, nulls=self.nulls, provenance=origin, **given)
        self.records.setdefault((system, entity), []).append(self._spoiled(record))

    def some(self, keys: Sequence[str], dangling: float = 0.08) -> str:
        lost = self.trouble in (6, 7) and self.rnd.random() < dangling
        return GONE if lost else self.rnd.choice(keys)

    def some_or_none(self, keys: Sequence[str]) -> str | None:
        return None if self.rnd.random() < self.nulls else self.some(keys)

    def _spoiled(self, record: R) -> R:
        """A record with null in a column where null is not allowed, in troubled worlds."""
        if self.trouble not in (6, 7) or self.rnd.random() > 0.15:
            return record
        free = sorted(
            set(record.__struct_fields__)
            - {"provenance", "lines", "received_at", "period_start", "period_end", "ordered_on"}
            - set(ENTITIES[_entity_of(record)].references)
        )
        changed = dict.fromkeys(self.rnd.sample(free, 1))
        known = {f: getattr(record, f) for f in record.__struct_fields__}
        return type(record)(**{**known, **changed})


def world(seed: int) -> World:
    """The world of a seed."""
    maker = _Maker(seed)
    for fill in (
        _items,
        _suppliers,
        _locations,
        _inventory,
        _orders,
        _receipts,
        _planning,
        _offers,
    ):
        fill(maker)
    if maker.trouble == 5:
        maker.records = {
            (system, entity): found
            for (system, entity), found in maker.records.items()
            if system == ERP and entity not in (Names.RECEIPT, Names.SUPPLY_SOURCE)
        }
    errors = _down(maker.trouble)
    failing = _failing(maker)
    columns = _columns(maker)
    return World(
        seed,
        partial(_sources, maker.records, errors, failing, columns),
        _ids(maker),
        sorted({o.number for _, o in _all(maker, PurchaseOrder) if o.number is not None}),
    )


def _sources(
    records: Mapping[tuple[str, EntityName], Sequence[Record]],
    errors: Mapping[str, SupplygraphError],
    failing: Mapping[tuple[str, EntityName], Mapping[str, SupplygraphError]],
    columns: Columns,
) -> list[TroubledSource]:
    return [
        TroubledSource(
            system,
            entity,
            found,
            columns=columns.get((system, entity), _EVERY[entity]),
            error=errors.get(system),
            failing=failing.get((system, entity)),
        )
        for (system, entity), found in records.items()
    ]


def _down(trouble: int) -> dict[str, SupplygraphError]:
    if trouble == 1:
        return {ERP2: UnavailableError(ERP2, Reason.TIMEOUT, "no answer", retry_after_s=7.5)}
    if trouble == 3:
        return {
            PLANNING: MisconfiguredError(PLANNING, 'the key of "us" is wrong'),
            PROCUREMENT: UnavailableError(PROCUREMENT, Reason.CONNECTION, "refused"),
        }
    return {}


def _failing(maker: _Maker) -> dict[tuple[str, EntityName], dict[str, SupplygraphError]]:
    if maker.trouble not in FAILING:
        return {}
    share = 0.2 if maker.trouble == 2 else 0.06
    return {
        (system, entity): {
            r.provenance.key: BadAnswerError(system, f"{entity}: nobody can read this")
            for r in found
            if maker.rnd.random() < share
        }
        for (system, entity), found in maker.records.items()
    }


def _columns(maker: _Maker) -> Columns:
    if maker.trouble not in (4, 7):
        return {}
    return {
        (system, entity): _EVERY[entity] - _LACKING[entity]
        for system, entity in maker.records
        if entity in _LACKING and (system == ERP2 or maker.trouble == 4)
    }


def _items(m: _Maker) -> None:
    for system, skus in ((ERP, SKUS), (ERP2, (*SKUS[:4], "U0", "U1"))):
        for sku in skus:
            box = UnitConversion(
                "BOX", Decimal(m.rnd.choice((12, 7))), Decimal(m.rnd.choice((1, 3)))
            )
            m.add(
                system,
                Names.ITEM,
                f"k{sku}",
                Item,
                sku=sku,
                unit=m.rnd.choice(UNITS[:4]),
                preferred_supplier=m.some_or_none(SUPPLIERS),
                unit_conversions=m.rnd.choice(((), (box,))),
            )


def _suppliers(m: _Maker) -> None:
    for system, codes in ((ERP, SUPPLIERS), (ERP2, (*SUPPLIERS[:2], "V0"))):
        for code in codes:
            m.add(system, Names.SUPPLIER, f"k{code}", Supplier, code=code)


def _locations(m: _Maker) -> None:
    for code in LOCATIONS:
        m.add(ERP, Names.LOCATION, code, Location, code=code)


def _inventory(m: _Maker) -> None:
    for sku in SKUS:
        for code in m.rnd.sample(LOCATIONS, m.rnd.randrange(len(LOCATIONS) + 1)):
            unit = m.rnd.choice(UNITS)
            place = m.some((code,))
            m.add(
                ERP,
                Names.INVENTORY,
                f"{sku}|{code}",
                InventoryPosition,
                item=sku,
                location=place,
                unit=unit,
            )


def _line(m: _Maker, number: int | None) -> PurchaseOrderLine:
    if m.trouble == 6 and m.rnd.random() < 0.1:
        number = None
    received = tuple(
        Quantity(m.rnd.choice(DECIMALS), m.rnd.choice(UNITS)) for _ in range(m.rnd.randrange(3))
    )
    return made(
        PurchaseOrderLine,
        m.rnd,
        nulls=m.nulls,
        line_number=number,
        item=m.some(SKUS[: m.rnd.choice((2, 9))]),
        ship_to=m.some_or_none(LOCATIONS),
        received=received,
        unit=m.rnd.choice(UNITS),
    )


def _orders(m: _Maker) -> None:
    for system, numbers in ((ERP, range(12)), (ERP2, range(10, 14)), (PROCUREMENT, range(11, 18))):
        for n in numbers:
            m.add(
                system,
                Names.PURCHASE_ORDER,
                f"K{n}",
                PurchaseOrder,
                number=f"PO{n}",
                supplier=m.some(SUPPLIERS),
                ordered_on=MONDAY - timedelta(days=m.rnd.randrange(30)),
                lines=tuple(_line(m, 10 * k) for k in range(m.rnd.choice((0, 1, 2, 5)))),
            )


def _receipts(m: _Maker) -> None:
    for system, numbers in ((ERP, range(9)), (PROCUREMENT, range(4))):
        for n in numbers:
            lines = tuple(
                made(ReceiptLine, m.rnd, nulls=m.nulls, line_number=k, item=m.some(SKUS))
                for k in range(m.rnd.randrange(4))
            )
            m.add(
                system,
                Names.RECEIPT,
                f"R{n}",
                Receipt,
                purchase_order=m.some_or_none([f"K{k}" for k in range(18)]),
                supplier=m.some_or_none(SUPPLIERS),
                location=m.some_or_none(LOCATIONS),
                received_at=MOMENTS[n % 4] - timedelta(days=n),
                lines=lines,
            )


def _planning(m: _Maker) -> None:
    for sku in SKUS:
        for week in range(m.rnd.randrange(5)):
            start = MONDAY + timedelta(weeks=week - 1)
            m.add(
                PLANNING,
                Names.FORECAST,
                f"{sku}-{week}",
                Forecast,
                item=sku,
                location=m.some_or_none(LOCATIONS),
                period_start=start,
                period_end=start + timedelta(days=m.rnd.choice((7, 30))),
                unit=m.rnd.choice(UNITS),
            )
    for n in range(7):
        m.add(
            PLANNING,
            Names.RECOMMENDATION,
            f"C{n}",
            ReplenishmentRecommendation,
            item=m.some(SKUS),
            location=m.some_or_none(LOCATIONS),
            supplier=m.some(SUPPLIERS),
            purchase_order=m.some_or_none([f"K{k}" for k in range(18)]),
        )


def _offers(m: _Maker) -> None:
    for system in (ERP, ERP2):
        for sku in SKUS:
            for code in m.rnd.sample(SUPPLIERS, m.rnd.choice((0, 1, 1, 2))):
                key = f"{sku}|{code}"
                m.add(
                    system,
                    Names.SUPPLY_SOURCE,
                    key,
                    SupplySource,
                    item=sku,
                    supplier=m.some((code,)),
                )


def _all(m: _Maker, kind: type[R]) -> list[tuple[str, R]]:
    return [(s, r) for (s, _), found in m.records.items() for r in found if isinstance(r, kind)]


_BY_NAME: Final = {Item: "sku", Supplier: "code", Location: "code"}


def _ids(m: _Maker) -> list[str]:
    """Global ids of records, of order lines, of what is not there, and texts that are none."""
    found: list[str] = []
    for (system, _), records in m.records.items():
        for record in records[:4]:
            kind, column = type(record), _BY_NAME.get(type(record))
            if kind is SupplySource:
                continue
            parts = (
                (system, record.provenance.key) if column is None else (getattr(record, column),)
            )
            found.append(GlobalId(kind.__name__, parts).encode())
            if isinstance(record, PurchaseOrder):
                line = str(record.lines[0].line_number if record.lines else 10)
                found.append(GlobalId("PurchaseOrderLine", (*parts, line)).encode())
    lost = GlobalId("PurchaseOrder", (ERP, GONE)), GlobalId("Item", (GONE,))
    return [*found, *(g.encode() for g in lost)]


def _entity_of(record: Record) -> EntityName:
    return next(n for n, e in ENTITIES.items() if e.record is type(record))
