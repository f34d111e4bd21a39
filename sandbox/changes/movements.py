"""Goods that come and go: receipts for orders, issues to customers, and what is found again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from sandbox.changes.present import Place, Present
from sandbox.world.records import Line, Movement, Order, Stock

_UNIT = Decimal(1)


def receive_goods(
    present: Present, order: Order, arrived: dict[int, Decimal], at: datetime
) -> tuple[tuple[Movement, ...], tuple[Stock, ...]]:
    """Book a receipt of some lines, by number, and raise the stock.

    The ERP keeps the stock of all plants but knows no order of procurement: what arrives for one
    stands there as a receipt without an order.
    """
    lines = [line for line in order.lines if line.number in arrived]
    booked = _documents(present, order, [(line, arrived[line.number]) for line in lines], at)
    stock: dict[tuple[str, ...], Stock] = {}
    for line in lines:
        base = arrived[line.number] * line.numerator / line.denominator
        for position in present.move_stock((line.item, line.plant), base):
            stock[position.item, position.plant, position.storage_location, position.batch] = (
                position
            )
    return booked, tuple(stock.values())


def _documents(
    present: Present, order: Order, parts: list[tuple[Line, Decimal]], at: datetime
) -> tuple[Movement, ...]:
    document = str(next(present.receipt_numbers))
    booked = [
        _movement(present, (document, n, "101"), line, quantity, (order, at))
        for n, (line, quantity) in enumerate(parts, start=1)
    ]
    if order.system == "procurement":
        document = str(next(present.receipt_numbers))
        booked += [
            _stock_movement(
                present,
                (document, n, "501"),
                (line.item, line.plant),
                quantity * line.numerator / line.denominator,
                at,
            )
            for n, (line, quantity) in enumerate(parts, start=1)
        ]
    return tuple(booked)


def _movement(
    present: Present,
    name: tuple[str, int, str],
    line: Line,
    quantity: Decimal,
    of: tuple[Order, datetime],
) -> Movement:
    order, at = of
    base = quantity * line.numerator / line.denominator
    movement = _stock_movement(present, name, (line.item, line.plant), base, at)
    return replace(
        movement,
        order=order.number,
        line=line.number,
        supplier=order.supplier,
        quantity=quantity,
        entry_quantity=quantity,
        entry_unit=line.unit,
    )


def _stock_movement(
    present: Present, name: tuple[str, int, str], place: Place, quantity: Decimal, at: datetime
) -> Movement:
    """A movement that belongs to no order, in the base unit."""
    document, number, kind = name
    item = present.world.items_by_number[place[0]]
    return Movement(
        document=document,
        number=number,
        kind=kind,
        posted_on=at.date(),
        created_at=at,
        order="",
        line=0,
        item=item.number,
        plant=place[1],
        storage_location=present.world.plants_by_code[place[1]].storage_locations[0],
        supplier="",
        quantity=quantity,
        entry_quantity=quantity,
        entry_unit=item.base_unit,
        base_quantity=quantity,
        base_unit=item.base_unit,
        cancelled=False,
        reverses=None,
    )


def consume(present: Present, rng: Random, at: datetime) -> dict[str, Any] | None:
    """Issue goods to customers; every third time the stock falls below its safety stock."""
    if not len(present.ample):
        return None
    place = present.ample.choose(rng)
    plan, available = present.plan(place), present.available(place)
    wanted = max(_UNIT, (plan.weekly_demand / rng.randint(3, 7)).quantize(_UNIT))
    if rng.random() < 1 / 3:
        wanted = available - (plan.safety_stock * rng.randint(4, 9) / 10).quantize(_UNIT)
    return _moved(present, place, -min(wanted, available), at)


def replenish(present: Present, rng: Random, at: datetime) -> dict[str, Any] | None:
    """Bring a stock that is below its safety stock above it again, from nowhere in particular."""
    if not len(present.low):
        return None
    place = present.low.choose(rng)
    plan = present.plan(place)
    missing = plan.safety_stock - present.available(place)
    return _moved(present, place, missing + plan.weekly_demand, at)


def _moved(present: Present, place: Place, quantity: Decimal, at: datetime) -> dict[str, Any]:
    document = str(next(present.issue_numbers))
    kind = "501" if quantity > 0 else "601"
    movement = _stock_movement(present, (document, 1, kind), place, abs(quantity), at)
    return {"movements": (movement,), "stock": tuple(present.move_stock(place, quantity))}
