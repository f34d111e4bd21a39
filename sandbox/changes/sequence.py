"""The sequence of changes: which kind comes next, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from msgspec.structs import replace

from sandbox.changes.movements import consume, replenish
from sandbox.changes.orders import MAKERS, Maker, Outcome
from sandbox.changes.present import Present
from sandbox.changes.records import Change, Kind
from sandbox.world import World

_WEIGHTS: dict[Kind, int] = {
    "placed": 8,
    "approved": 4,
    "sent": 3,
    "acknowledged": 9,
    "delayed": 8,
    "rescheduled": 6,
    "partially_received": 7,
    "received": 8,
    "closed": 7,
    "cancelled": 1,
    "forecast_revised": 20,
    "stock_consumed": 12,
    "stock_replenished": 4,
    "supplier_changed": 1,
    "item_changed": 2,
}
_TENTH = Decimal("0.1")
_MARK = " Mk "


def first_moment(today: date) -> datetime:
    """When changes may begin: after all that the world of that day tells of."""
    return datetime.combine(today, time(21), UTC)


def make_changes(
    world: World, begins_at: datetime | None = None, speed: float = 60.0
) -> Iterator[Change]:
    """Make changes without end.

    Args:
        world: What there is before the first one; it stays as it is.
        begins_at: From when on; None for the evening of the world's day.
        speed: Changes in a minute of the distributor's time.

    Raises:
        ValueError: the speed is not above 0, or the beginning lies before what the world tells of.
    """
    earliest = first_moment(world.today)
    begin = begins_at or earliest
    if speed <= 0:
        raise ValueError(f"speed must be above 0, not {speed}")
    if begin.tzinfo is None or begin < earliest:
        raise ValueError(
            f"changes cannot begin before {earliest.isoformat()}, a time with its zone"
        )
    return _changes(world, begin, speed)


def _changes(world: World, begin: datetime, speed: float) -> Iterator[Change]:
    rng = Random(f"{world.seed}:changes")
    present = Present(world)
    kinds, weights = list(_MAKERS), [_WEIGHTS[kind] for kind in _MAKERS]
    for number in count(1):
        at = begin + timedelta(milliseconds=round(number * 60_000 / speed))
        kind = rng.choices(kinds, weights)[0]
        while (outcome := _MAKERS[kind](present, rng, at)) is None:
            kind = rng.choices(kinds, weights)[0]
        if "order" in outcome:
            present.keep_order(outcome["order"])
        yield Change(number=number, at=at, kind=kind, **outcome)


def _revise_forecast(present: Present, rng: Random, at: datetime) -> Outcome | None:
    index = rng.randrange(len(present.forecasts))
    before = present.forecasts[index]
    tenths = int(before.quantity * rng.randint(60, 150) / 10)
    quantity = max(0, tenths) * _TENTH
    if quantity == before.quantity:
        quantity += 1
    if rng.random() < 0.5:
        after = replace(before, override=quantity, revised_at=at)
    else:
        after = replace(before, baseline=quantity, override=None, revised_at=at)
    present.forecasts[index] = after
    return {"forecast": after, "forecast_index": index}


def _change_supplier(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """A supplier is put on hold or released, or gets other terms."""
    index = rng.randrange(len(present.suppliers))
    before = present.suppliers[index]
    changes: dict[str, Any] = {}
    if before.status != "blocked" and rng.random() < 0.6:
        changes["status"] = "approved" if before.status == "on_hold" else "on_hold"
    else:
        changes["terms"] = "NT60" if before.terms != "NT60" else "NT30"
    present.suppliers[index] = after = replace(before, changed_at=at, **changes)
    return {"supplier": after}


def _change_item(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """An item is blocked or released, or gets a new name."""
    index = rng.randrange(len(present.items))
    before = present.items[index]
    if before.status != "phased_out" and rng.random() < 0.5:
        status = "active" if before.status == "blocked" else "blocked"
        after = replace(before, changed_at=at, status=status)
    else:
        name, _, mark = before.name.partition(_MARK)
        name = f"{name}{_MARK}{int(mark or 1) + 1}"
        text = f"{name}, {before.category.lower()}, standard stock item"
        after = replace(before, changed_at=at, name=name, text=text)
    present.items[index] = after
    return {"item": after}


_MAKERS: dict[Kind, Maker] = {
    **MAKERS,
    "forecast_revised": _revise_forecast,
    "stock_consumed": consume,
    "stock_replenished": replenish,
    "supplier_changed": _change_supplier,
    "item_changed": _change_item,
}
