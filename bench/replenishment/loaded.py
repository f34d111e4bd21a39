"""A world in a database, read by the loaders of an installation."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.processes.records import LoadedRecords, ReadTerms
from bench.replenishment.world import SUPPLIERS, World, country_of, region_of, supplier_of
from canonical.reading import Records
from loaders.journal import Journal
from runtime.security.development import new_development_key
from runtime.store.migrating import migrate
from runtime.store.store import Store

_MANIFEST: Final = Path(__file__).parent / "manifest.yaml"
_TABLES: Final = {
    "items": "sku, category, safety_stock, minimum",
    "sources": "item, supplier, price, currency, lead_time_days, minimum, preferred",
    "suppliers": "code, status, country",
    "locations": "code, region, country",
    "stock": "item, location, on_hand, reserved, unit",
    "lines": "number, line, status, item, location, quantity, received, unit, due_on",
    "forecasts": "item, location, period_start, period_end, quantity, unit",
}
_INDICES: Final = ("items (sku)", *(f"{t} (item)" for t in ("sources", "stock", "forecasts")))
_FURTHER: Final = ("suppliers (code)", "locations (code)", "lines (item)", "lines (number)")


@asynccontextmanager
async def opened(world: World, folder: Path) -> AsyncIterator[tuple[Records, Callable[[], int]]]:
    """Records of a world, and how often its database was asked."""
    file = folder / "erp.db"
    _fill(file, world)
    environ = {
        "SUPPLYGRAPH_DEVELOPMENT_KEY": new_development_key(),
        "BENCH_URL": f"sqlite:///{file}",
        "DATABASE_URL": f"sqlite:///{folder / 'log.db'}",
    }
    declared = load_manifest(_MANIFEST, environ)
    store = Store(declared.store)
    await migrate(store)
    await store.aclose()
    async with open_installation(declared) as installation:
        terms = ReadTerms(units=installation.units)
        with _counted() as calls:
            yield LoadedRecords(installation.keyed, installation.lists, terms), calls


@contextmanager
def _counted() -> Iterator[Callable[[], int]]:
    """How many requests to systems have ended: every reading counts its own, and tells nobody."""
    count, called = 0, Journal.called

    def counting(journal: Journal, system: str, **cost: Any) -> None:
        nonlocal count
        count += 1
        called(journal, system, **cost)

    place: Any = Journal
    place.called = counting
    try:
        yield lambda: count
    finally:
        place.called = called


def _fill(file: Path, world: World) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for table, columns in _TABLES.items():
            connection.execute(f"CREATE TABLE {table} ({_typed(columns)})")
        for table, row in _rows(world):
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608  # ours
        for place in (*_INDICES, *_FURTHER):
            name = "ix_" + "".join(c for c in place if c.isalpha())
            connection.execute(f"CREATE INDEX {name} ON {place}")


def _typed(columns: str) -> str:
    """All are texts, so that numbers are kept digit by digit."""
    return ", ".join(f"{name} TEXT" for name in columns.split(", "))


def _rows(world: World) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for n in range(SUPPLIERS):
        supplier = supplier_of(f"S-{n:03}")
        yield "suppliers", (supplier.code, supplier.status.value, supplier.country)
    for code in world.locations:
        yield "locations", (code, region_of(code), country_of(code))
    for sku in world.skus:
        yield from _rows_of(world, sku)


def _rows_of(world: World, sku: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    facts = world.facts(sku)
    common = facts.common
    yield "items", (sku, facts.category, common.safety_stock, common.minimum)
    for s in common.sellers:
        terms = (s.price, s.currency, s.days, s.minimum, "true" if s.preferred else "false")
        yield "sources", (sku, s.code, *terms)
    for location, case in facts.places.items():
        [(amount, unit)] = case.stock
        yield "stock", (sku, location, str(int(amount) + 7), "7", unit)
        for n, (day, ordered, received, its_unit) in enumerate(case.orders):
            number = f"PO-{sku}-{location}-{n}"
            placed = (number, "10", "SENT", sku, location)
            yield "lines", (*placed, ordered, received, its_unit, day and day.isoformat())
            # What was received long ago is there too, and is not asked for.
            past = (f"{number}-old", "10", "RECEIVED", sku, location)
            yield "lines", (*past, ordered, ordered, its_unit, "2026-01-07")
        for start, end, amount, its_unit in case.forecasts:
            days = (start.isoformat(), end.isoformat())
            yield "forecasts", (sku, location, *days, amount, its_unit)
