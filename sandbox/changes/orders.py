"""What becomes of purchase orders: placed, approved, sent, confirmed, moved, received, done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from sandbox.changes.movements import receive_goods
from sandbox.changes.present import Present
from sandbox.changes.records import Kind
from sandbox.world.orders import confirm, place_order
from sandbox.world.records import Line, Order, Schedule, State

Outcome = dict[str, Any]
Maker = Callable[[Present, Random, datetime], Outcome | None]
_BOTH = ("erp", "procurement")


def _places(*states: State, systems: tuple[str, ...] = _BOTH) -> list[tuple[str, str]]:
    return [(system, state) for system in systems for state in states]


_TO_APPROVE = _places("draft", "pending_approval")
_TO_SEND = _places("approved", systems=("procurement",))
_TO_CONFIRM = [*_places("approved", systems=("erp",)), *_places("sent")]
_ARRIVING = _places("acknowledged", "partially_received")
_OPEN = _places("approved", "sent", "acknowledged", "partially_received")
_DONE = _places("received")
_REVOCABLE = _places("draft", "pending_approval", "approved", "sent")


def _place(present: Present, rng: Random, at: datetime) -> Outcome | None:
    regions = [r for r in present.world.regions if present.catalogue.by_region[r.code]]
    region = rng.choices(regions, [region.share for region in regions])[0]
    system = "procurement" if region.code == "APAC" else "erp"
    prefix = "PO-" if system == "procurement" else ""
    number = f"{prefix}{next(present.order_numbers[system])}"
    return {"order": place_order(rng, present.catalogue, number, region, at)}


def _step(places: list[tuple[str, str]], state: State) -> Maker:
    """An order goes to its next state, and nothing else about it changes."""

    def make(present: Present, rng: Random, at: datetime) -> Outcome | None:
        order = present.choose_order(rng, places)
        if order is None:
            return None
        return {"order": replace(order, state=state, changed_at=at)}

    return make


def _acknowledge(present: Present, rng: Random, at: datetime) -> Outcome | None:
    order = present.choose_order(rng, _TO_CONFIRM)
    if order is None:
        return None
    lines = tuple(
        replace(line, schedule=_not_before(at.date(), confirm(rng, line.schedule)))
        for line in order.lines
    )
    changed = replace(order, state="acknowledged", changed_at=at, acknowledged_at=at, lines=lines)
    return {"order": changed}


def _not_before(day: date, schedule: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
    return tuple(
        replace(part, confirmed_on=max(day, part.confirmed_on or part.due_on)) for part in schedule
    )


def _delay(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """The supplier moves the confirmed days of a line."""
    late = timedelta(days=rng.randint(1, 14))

    def moved(part: Schedule) -> Schedule:
        return (
            part
            if part.confirmed_on is None
            else replace(part, confirmed_on=part.confirmed_on + late)
        )

    return _move(present, rng, at, (_ARRIVING, moved))


def _reschedule(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """The buyer moves the wanted days of a line."""
    by = timedelta(days=rng.choice((-7, -3, 2, 7, 14, 21)))
    return _move(present, rng, at, (_OPEN, lambda part: replace(part, due_on=part.due_on + by)))


def _move(
    present: Present,
    rng: Random,
    at: datetime,
    what: tuple[list[tuple[str, str]], Callable[[Schedule], Schedule]],
) -> Outcome | None:
    """Move the days of one line that is still awaited; None if that changes nothing."""
    places, moved = what
    order = present.choose_order(rng, places)
    awaited = _awaited(order)
    if order is None or not awaited:
        return None
    line = rng.choice(awaited)
    schedule = tuple(map(moved, line.schedule))
    if schedule == line.schedule:
        return None
    lines = _with(order.lines, replace(line, schedule=schedule))
    return {"order": replace(order, changed_at=at, lines=lines)}


def _receive_partly(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """A part of one line arrives, and leaves something to be awaited."""
    order = present.choose_order(rng, _ARRIVING)
    if order is None:
        return None
    divisible = [line for line in _awaited(order) if line.quantity - line.received >= 2]
    if not divisible:
        return None
    line = rng.choice(divisible)
    quantity = ((line.quantity - line.received) / 2).quantize(Decimal(1))
    return _received(present, order, {line.number: quantity}, at)


def _receive(present: Present, rng: Random, at: datetime) -> Outcome | None:
    """All that is still awaited arrives."""
    order = present.choose_order(rng, _ARRIVING)
    if order is None:
        return None
    arrived = {line.number: line.quantity - line.received for line in _awaited(order)}
    return _received(present, order, arrived, at) if arrived else None


def _received(present: Present, order: Order, arrived: dict[int, Decimal], at: datetime) -> Outcome:
    """Book what arrived; an order's time of change does not move for it."""
    lines = tuple(
        replace(
            line,
            received=line.received + arrived[line.number],
            completed=line.received + arrived[line.number] >= line.quantity,
        )
        if line.number in arrived
        else line
        for line in order.lines
    )
    after = replace(order, state="partially_received", lines=lines)
    if not _awaited(after):
        after = replace(after, state="received")
    movements, stock = receive_goods(present, after, arrived, at)
    return {"order": after, "movements": movements, "stock": stock}


def _close(present: Present, rng: Random, at: datetime) -> Outcome | None:
    order = present.choose_order(rng, _DONE)
    if order is None:
        return None
    lines = tuple(line if line.deleted else _paid(line) for line in order.lines)
    return {"order": replace(order, state="closed", changed_at=at, lines=lines)}


def _paid(line: Line) -> Line:
    return replace(line, completed=True, invoiced=True)


def _cancel(present: Present, rng: Random, at: datetime) -> Outcome | None:
    order = present.choose_order(rng, _REVOCABLE)
    if order is None:
        return None
    lines = tuple(replace(line, deleted=True) for line in order.lines)
    return {"order": replace(order, state="cancelled", changed_at=at, lines=lines)}


def _awaited(order: Order | None) -> list[Line]:
    if order is None:
        return []
    return [
        line
        for line in order.lines
        if not line.deleted and not line.completed and line.received < line.quantity
    ]


def _with(lines: tuple[Line, ...], changed: Line) -> tuple[Line, ...]:
    return tuple(changed if line.number == changed.number else line for line in lines)


MAKERS: dict[Kind, Maker] = {
    "placed": _place,
    "approved": _step(_TO_APPROVE, "approved"),
    "sent": _step(_TO_SEND, "sent"),
    "acknowledged": _acknowledge,
    "delayed": _delay,
    "rescheduled": _reschedule,
    "partially_received": _receive_partly,
    "received": _receive,
    "closed": _close,
    "cancelled": _cancel,
}
