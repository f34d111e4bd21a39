"""The world is the same for the same seed, of the size that was asked for, and coherent."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import process_time

import pytest

from sandbox.world import DEFAULT_TODAY, World, write_crosswalks

_DIGEST = """
import hashlib
from sandbox.world import World
w = World(seed=7, size=0.02)
parts = (w.suppliers, w.items, w.orders, w.movements, w.stock, w.forecasts, w.proposals, w.demands)
print(hashlib.sha256(repr(parts).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def full() -> World:
    return World()


def test_same_seed_is_same_world_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_is_another_world(world: World) -> None:
    assert World(seed=8, size=0.02).orders != world.orders


def test_full_size_is_as_described_and_quickly_made() -> None:
    start = process_time()
    full = World()
    lines = sum(len(order.lines) for order in full.orders)
    counts = (len(full.items), len(full.suppliers), len(full.plants), lines)
    assert counts == (2_000, 150, 12, 20_000)
    assert 60_000 < len(full.forecasts) < 70_000
    assert full.movements
    assert full.stock
    assert process_time() - start < 4


def test_size_scales(world: World) -> None:
    assert len(world.items) == 40
    assert sum(len(order.lines) for order in world.orders) == 400


def test_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="above 0"):
        World(size=0)


def test_a_quarter_of_the_orders_lives_in_procurement(full: World) -> None:
    systems = Counter(order.system for order in full.orders)
    assert 0.2 < systems["procurement"] / len(full.orders) < 0.3
    for order in full.orders:
        in_apac = {full.plants_by_code[line.plant].region for line in order.lines} == {"APAC"}
        assert in_apac == (order.system == "procurement")


def test_every_state_and_kind_of_movement_occurs(full: World) -> None:
    states = {(order.system, order.state) for order in full.orders}
    assert len({state for _, state in states}) == 10
    assert {move.kind for move in full.movements} == {"101", "102", "122", "123"}
    kinds = Counter(stock.kind for stock in full.stock)
    assert set(kinds) == {"01", "02", "07"}
    assert min(stock.quantity for stock in full.stock) >= 0


def test_small_worlds_have_every_state_too(world: World) -> None:
    assert len({order.state for order in world.orders}) == 10


def test_keys_lead_somewhere(full: World) -> None:
    items, suppliers, plants = full.items_by_number, full.suppliers_by_number, full.plants_by_code
    for order in full.orders:
        assert order.supplier in suppliers
        for line in order.lines:
            item = items[line.item]
            assert line.plant in plants
            assert line.plant in {at.plant for at in item.plants}
            assert order.supplier in {source.supplier for source in item.sources}
    assert {f.item for f in full.forecasts} == set(items)
    assert {p.supplier for p in full.proposals} <= set(suppliers)


def test_received_is_the_sum_of_the_movements_in_the_order_unit(full: World) -> None:
    by_unit: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    by_base: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    units = {
        item.number: {item.base_unit: Decimal(1)}
        | ({u.code: Decimal(u.numerator) / u.denominator} if (u := item.alternative) else {})
        for item in full.items
    }
    for move in full.movements:
        key = (move.order, move.line)
        by_unit[key] += move.sign * move.quantity
        by_base[key] += move.sign * move.entry_quantity * units[move.item][move.entry_unit]
        assert move.base_quantity == move.entry_quantity * units[move.item][move.entry_unit]
    for order in full.orders:
        for line in order.lines:
            key = (order.number, line.number)
            assert line.received == by_unit[key]
            assert line.received * line.numerator / line.denominator == by_base[key]


def test_boxes_are_counted_in_pieces_at_the_gate(full: World) -> None:
    units = {(line.order, line.number): line.unit for o in full.orders for line in o.lines}
    boxed = [m for m in full.movements if units[m.order, m.line] == "BOX"]
    pieces = [m for m in boxed if m.entry_unit == "PC"]
    assert 0.6 < len(pieces) / len(boxed) < 0.95
    assert all(m.entry_quantity > m.quantity for m in pieces)


def test_states_agree_with_what_was_received(full: World) -> None:
    for order in full.orders:
        lines = [line for line in order.lines if not line.deleted]
        done = [line.completed or line.received >= line.quantity for line in lines]
        if order.state in {"received", "closed"}:
            assert all(done)
            assert all(line.invoiced for line in lines) == (order.state == "closed")
        elif order.state == "partially_received":
            assert any(line.received > 0 for line in lines)
            assert not all(done)
        else:
            assert all(line.received == 0 for line in lines)


def test_nothing_arrives_before_it_is_ordered_or_in_the_future(full: World) -> None:
    ordered_on = {order.number: order.ordered_on for order in full.orders}
    for move in full.movements:
        assert ordered_on[move.order] <= move.posted_on <= full.today


def test_history_is_18_months(full: World) -> None:
    days = [order.ordered_on for order in full.orders]
    assert full.today - timedelta(days=549) < min(days) < full.today - timedelta(days=500)
    assert days == sorted(days)
    assert max(days) <= full.today


def test_forecasts_are_26_whole_weeks_or_the_months_that_cover_them(full: World) -> None:
    periods = defaultdict(list)
    for forecast in full.forecasts:
        key = (forecast.item, forecast.plant, forecast.monthly)
        periods[key].append((forecast.starts_on, forecast.ends_on))
    assert {monthly for _, _, monthly in periods} == {True, False}
    for (_, _, monthly), buckets in periods.items():
        starts = [start for start, _ in buckets]
        assert starts[1:] == [end for _, end in buckets[:-1]]
        if monthly:
            assert all(start.day == 1 for start in starts)
            assert starts[0] == DEFAULT_TODAY.replace(day=1)
        else:
            assert len(starts) == 26
            assert starts[0] == DEFAULT_TODAY
            assert all(start.weekday() == 0 for start in starts)


def test_weeks_start_on_the_monday_before_today() -> None:
    world = World(size=0.02, today=date(2026, 11, 26))
    assert min(f.starts_on for f in world.forecasts if not f.monthly) == date(2026, 11, 23)


def test_crosswalks_name_every_key_once(world: World, tmp_path: Path) -> None:
    names = {"s4": "erp", "coupa": "procurement", "frepple": "planning"}
    files = write_crosswalks(world, tmp_path / "crosswalks", names)
    rows = {
        entity: list(csv.DictReader(path.read_text("utf-8").splitlines()))
        for entity, path in files.items()
    }
    assert {entity: len(found) for entity, found in rows.items()} == {
        "items": len(world.items),
        "suppliers": len(world.suppliers),
        "locations": 12,
    }
    for found in rows.values():
        for column in ("canonical", "erp", "procurement", "planning"):
            assert len({row[column] for row in found}) == len(found)
        assert all(row["canonical"] == row["erp"] for row in found)
    assert rows["suppliers"][0]["procurement"] == "C-10001"
    assert rows["locations"][0] == {
        "canonical": "1010",
        "erp": "1010",
        "procurement": "1010",
        "planning": "DC Hamburg",
    }
    assert {row["procurement"] for row in rows["items"] if row["procurement"].startswith("ALT-")}
