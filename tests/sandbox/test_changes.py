"""The sequence of changes: the same everywhere, in order of time, and true to the distributor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from sandbox.changes import KINDS, Change, first_moment, make_changes
from sandbox.world import World
from sandbox.world.records import Order

_DIGEST = """
import hashlib
from itertools import islice
from sandbox.changes import make_changes
from sandbox.world import World
changes = list(islice(make_changes(World(seed=7, size=0.02)), 500))
print(hashlib.sha256(repr(changes).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def changes(world: World) -> list[Change]:
    return list(islice(make_changes(world), 2_000))


def test_same_seed_and_options_are_the_same_changes_in_every_process() -> None:
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


def test_another_seed_has_other_changes(world: World, changes: list[Change]) -> None:
    other = list(islice(make_changes(World(seed=8, size=0.02)), 20))
    assert [change.kind for change in other] != [change.kind for change in changes[:20]]


def test_changes_follow_each_other_at_the_speed_asked_for(world: World) -> None:
    begin = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    first, second = islice(make_changes(world, begin, speed=120), 2)
    assert (first.number, first.at) == (1, begin + timedelta(seconds=0.5))
    assert (second.number, second.at) == (2, begin + timedelta(seconds=1))


def test_changes_are_later_than_all_that_the_world_tells(world: World) -> None:
    told = [m.created_at for m in world.movements]
    told += [o.changed_at for o in world.orders if o.changed_at]
    told += [f.revised_at for f in world.forecasts]
    told += [thing.changed_at for things in (world.items, world.suppliers) for thing in things]
    assert max(told) < first_moment(world.today)
    with pytest.raises(ValueError, match="cannot begin before 2026-11-23T21:00:00"):
        make_changes(world, first_moment(world.today) - timedelta(seconds=1))


def test_all_kinds_happen(changes: list[Change]) -> None:
    counts = Counter(change.kind for change in changes)
    assert set(counts) == set(KINDS)
    assert counts["forecast_revised"] > counts["acknowledged"] > counts["cancelled"] > 0


def test_orders_go_on_from_where_they_stand(world: World, changes: list[Change]) -> None:
    known = {order.number: order for order in world.orders}
    for change in changes:
        order = change.order
        if order is None:
            continue
        before = known.get(order.number)
        if change.kind == "placed":
            assert before is None
        else:
            assert before is not None
            assert before != order
            _assert_next_step(change, before, order)
        known[order.number] = order


def _assert_next_step(change: Change, before: Order, after: Order) -> None:
    """What each kind may do to an order, and what it leaves alone."""
    received = sum(line.received for line in after.lines) - sum(
        line.received for line in before.lines
    )
    if change.kind in {"partially_received", "received"}:
        assert received == sum(m.quantity for m in change.movements if m.order == after.number)
        assert received > 0
        assert before.changed_at == after.changed_at
        return
    assert received == 0
    assert after.changed_at == change.at
    steps = {
        "approved": ({"draft", "pending_approval"}, "approved"),
        "sent": ({"approved"}, "sent"),
        "acknowledged": ({"approved", "sent"}, "acknowledged"),
        "closed": ({"received"}, "closed"),
        "cancelled": ({"draft", "pending_approval", "approved", "sent"}, "cancelled"),
    }
    if change.kind in steps:
        earlier, later = steps[change.kind]
        assert before.state in earlier
        assert after.state == later
    else:
        assert before.state == after.state
    confirmed = [line.confirmed_on for line in after.lines]
    if change.kind == "acknowledged":
        assert all(confirmed)
    elif change.kind != "delayed":
        assert confirmed == [line.confirmed_on for line in before.lines]


def test_stock_is_what_movements_made_of_it_and_crosses_its_safety_stock(
    world: World, changes: list[Change]
) -> None:
    stock = {_place(s): s.quantity for s in world.stock}
    safety = {(i.number, at.plant): at.safety_stock for i in world.items for at in i.plants}
    crossings: Counter[str] = Counter()
    for change in changes:
        before = sum((stock.get(_place(s), Decimal(0)) for s in change.stock), Decimal(0))
        after = sum((s.quantity for s in change.stock), Decimal(0))
        moved = [m for m in change.movements if not m.order or change.order is None]
        if change.order is not None and change.order.system == "erp":
            moved = list(change.movements)
        assert after - before == sum(m.sign * m.base_quantity for m in moved)
        assert all(s.quantity >= 0 for s in change.stock)
        stock.update({_place(s): s.quantity for s in change.stock})
        if change.kind.startswith("stock"):
            (place,) = {(s.item, s.plant) for s in change.stock}
            own = sum(q for key, q in stock.items() if key[:2] == place and key[4:] == ("", "01"))
            crossings[f"{change.kind} {'below' if own <= safety[place] else 'above'}"] += 1
    assert crossings["stock_consumed below"] > 20
    assert crossings["stock_replenished above"] > 20
    assert crossings["stock_replenished below"] == 0


def _place(stock: object) -> tuple[str, ...]:
    names = ("item", "plant", "storage_location", "batch", "special", "kind")
    return tuple(getattr(stock, name) for name in names)


def test_forecasts_and_masters_really_change(world: World, changes: list[Change]) -> None:
    forecasts = list(world.forecasts)
    items = {item.number: item for item in world.items}
    for change in changes:
        if change.forecast is not None:
            before, after = forecasts[change.forecast_index], change.forecast
            assert (before.item, before.plant, before.starts_on) == (
                after.item,
                after.plant,
                after.starts_on,
            )
            assert before.quantity != after.quantity >= 0
            forecasts[change.forecast_index] = after
        if change.item is not None:
            old = items[change.item.number]
            assert (old.name, old.status) != (change.item.name, change.item.status)
            items[change.item.number] = change.item
