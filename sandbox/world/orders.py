"""Purchase orders of the last 18 months: whose, of what, when due, and how far each has come."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sandbox.world.geography import PLANTS_BY_CODE, REGIONS
from sandbox.world.receipts import Arrival, receive_line
from sandbox.world.records import Item, ItemPlant, Line, Order, Region, Schedule, Source, State
from sandbox.world.states import ACKNOWLEDGED_STATES, NEWEST_STATES, RECEIVING_STATES, draw_state

HISTORY_DAYS = 548
_BUYERS = ("BAKER", "OKAFOR", "RIVERA", "SATO", "WEBER")
_CENT = Decimal("0.01")


class _Offer(Struct, frozen=True):
    """An item that can be bought from a supplier for a plant."""

    item: Item
    item_plant: ItemPlant
    source: Source


class Book(Struct, frozen=True):
    """All orders, oldest first, and what arrived for them, not yet numbered as documents."""

    orders: tuple[Order, ...]
    arrivals: tuple[Arrival, ...]


class _Placed(Struct, frozen=True):
    """An order as it is placed; `told` is its state, None if that is to be drawn."""

    number: str
    region: Region
    ordered_on: date
    today: date
    told: State | None


class Catalogue:
    """Who can deliver what where."""

    def __init__(self, items: tuple[Item, ...]) -> None:
        self.by_region: dict[str, list[_Offer]] = defaultdict(list)
        self.by_supplier: dict[tuple[str, str], list[_Offer]] = defaultdict(list)
        self.by_plant: dict[tuple[str, str], list[_Offer]] = defaultdict(list)
        for item in items:
            for item_plant in item.plants:
                region = PLANTS_BY_CODE[item_plant.plant].region
                for source in item.sources:
                    offer = _Offer(item, item_plant, source)
                    self.by_region[region].append(offer)
                    self.by_supplier[region, source.supplier].append(offer)
                    self.by_plant[item_plant.plant, source.supplier].append(offer)

    def draw(self, rng: Random, region: str, lines: int) -> list[_Offer]:
        """Draw the lines of one order: one supplier, mostly one plant, seldom an item twice."""
        first = rng.choice(self.by_region[region])
        supplier = first.source.supplier
        near = self.by_plant[first.item_plant.plant, supplier]
        everywhere = self.by_supplier[region, supplier]
        choices = near if len(near) >= lines or rng.random() < 0.3 else everywhere
        drawn = rng.sample(choices, min(lines, len(choices)))
        return drawn + rng.choices(choices, k=lines - len(drawn))


def make_orders(seed: int, lines: int, items: tuple[Item, ...], today: date) -> Book:
    """Make orders with `lines` lines in all; about a quarter live in the procurement system."""
    rng = Random(f"{seed}:orders")
    sizes = _sizes(rng, lines)
    ages = sorted((int(HISTORY_DAYS * rng.random() ** 1.6) for _ in sizes), reverse=True)
    catalogue = Catalogue(items)
    regions = [region for region in REGIONS if catalogue.by_region[region.code]]
    drawn = rng.choices(regions, [region.share for region in regions], k=len(sizes))
    erp, procurement = count(4_500_000_000), count(70_000_001)
    orders: list[Order] = []
    arrivals: list[Arrival] = []
    for size, age, region, told in zip(sizes, ages, drawn, _told_states(drawn), strict=True):
        number = f"PO-{next(procurement)}" if region.code == "APAC" else str(next(erp))
        placed = _Placed(number, region, today - timedelta(days=age), today, told)
        order, arrived = _order(rng, placed, catalogue.draw(rng, region.code, size))
        orders.append(order)
        arrivals.extend(arrived)
    return Book(_forget_old_changes(orders), tuple(arrivals))


def _told_states(regions: list[Region]) -> list[State | None]:
    """The state of each system's newest orders is told, not drawn: small worlds have all too."""
    told: list[State | None] = []
    left = {system: list(states) for system, states in NEWEST_STATES.items()}
    for region in reversed(regions):
        states = left[_system(region)]
        told.append(states.pop(0) if states else None)
    return told[::-1]


def _system(region: Region) -> Literal["erp", "procurement"]:
    return "procurement" if region.code == "APAC" else "erp"


def _sizes(rng: Random, lines: int) -> list[int]:
    sizes = []
    while lines > 0:
        sizes.append(min(lines, rng.randint(1, 9)))
        lines -= sizes[-1]
    return sizes


def _forget_old_changes(orders: list[Order]) -> tuple[Order, ...]:
    """Clear the time of change on the oldest 1%: they came by migration and were never touched."""
    migrated = max(3, len(orders) // 100)
    return tuple(
        replace(order, changed_at=None) if n < migrated and order.system == "erp" else order
        for n, order in enumerate(orders)
    )


def place_order(
    rng: Random, catalogue: Catalogue, number: str, region: Region, moment: datetime
) -> Order:
    """Place an order of 1 to 5 lines; half of them are still to be approved."""
    state: State = rng.choice(("approved", "pending_approval"))
    placed = _Placed(number, region, moment.date(), moment.date(), state)
    order, _ = _order(rng, placed, catalogue.draw(rng, region.code, rng.randint(1, 5)))
    return replace(order, created_at=moment, changed_at=moment)


def _order(rng: Random, placed: _Placed, offers: list[_Offer]) -> tuple[Order, list[Arrival]]:
    number, ordered_on, today = placed.number, placed.ordered_on, placed.today
    system = _system(placed.region)
    step = 1 if system == "procurement" else 10
    lines = [
        _line(rng, number, (n + 1) * step, offer, ordered_on, today)
        for n, offer in enumerate(offers)
    ]
    opening = time(17 if system == "procurement" else 6)  # the office opens later in the west
    after = timedelta(seconds=rng.randint(0, 7200))
    created_at = datetime.combine(ordered_on, opening, UTC) + after
    last_due = max(line.due_on for line in lines)
    state = placed.told or draw_state(rng, system, ordered_on, last_due, today)
    acknowledged_at = None
    if state == "acknowledged" or (state in ACKNOWLEDGED_STATES and rng.random() < 0.85):
        reply = timedelta(seconds=rng.randint(4 * 3600, 96 * 3600))
        latest = datetime.combine(today, time(5), UTC)
        acknowledged_at = max(created_at, min(created_at + reply, latest))
        lines = [replace(line, schedule=confirm(rng, line.schedule)) for line in lines]
    lines, arrivals = _advance(rng, state, lines, ordered_on, today)
    if state == "partially_received" and all(ln.deleted or _is_full(ln) for ln in lines):
        state = "received"
    source = offers[0].source
    order = Order(
        number=number,
        system=system,
        region=placed.region.code,
        supplier=source.supplier,
        state=state,
        ordered_on=ordered_on,
        created_at=created_at,
        changed_at=acknowledged_at or created_at + timedelta(minutes=rng.randint(0, 90)),
        acknowledged_at=acknowledged_at,
        currency=source.currency,
        buyer=rng.choice(_BUYERS),
        terms=rng.choice(("0001", "0004", "NT30", "NT60")),
        incoterms=rng.choice(("EXW", "FCA", "DAP")),
        lines=tuple(lines),
    )
    return order, arrivals


def _is_full(line: Line) -> bool:
    return line.completed or line.received >= line.quantity


def _line(
    rng: Random, order: str, number: int, offer: _Offer, ordered_on: date, today: date
) -> Line:
    item, source = offer.item, offer.source
    base_quantity = offer.item_plant.weekly_demand * rng.randint(1, 8)
    unit, numerator, denominator = item.base_unit, 1, 1
    if item.alternative is not None and rng.random() < 0.55:
        unit = item.alternative.code
        numerator, denominator = item.alternative.numerator, item.alternative.denominator
    quantity = max(Decimal(1), (base_quantity * denominator / numerator).quantize(Decimal(1)))
    price, price_quantity, price_unit, factor = _price(
        rng, order, source, (unit, numerator, denominator), item.base_unit
    )
    drift = Decimal(1000 - (today - ordered_on).days // 7) / 1000
    step = Decimal(1) if source.currency == "JPY" else _CENT
    due_on = ordered_on + timedelta(days=max(2, source.lead_days + rng.randint(-2, 12)))
    return Line(
        order=order,
        number=number,
        item=item.number,
        plant=offer.item_plant.plant,
        quantity=quantity,
        unit=unit,
        numerator=numerator,
        denominator=denominator,
        price=max(step, (price * drift).quantize(step)),
        price_quantity=price_quantity,
        price_unit=price_unit,
        price_factor=factor,
        part_number=source.part_number,
        schedule=_schedule(rng, order, quantity, due_on),
        received=Decimal(0),
        deleted=False,
        completed=False,
        invoiced=False,
    )


def _price(
    rng: Random, order: str, source: Source, unit: tuple[str, int, int], base_unit: str
) -> tuple[Decimal, int, str, tuple[int, int]]:
    """Price per how many of which unit, and how many price units one order unit is."""
    code, numerator, denominator = unit
    per_order_unit = source.price * numerator / (denominator * source.price_quantity)
    if order.startswith("PO-"):
        return per_order_unit, 1, code, (1, 1)
    if code == base_unit or rng.random() < 0.5:
        return source.price, source.price_quantity, base_unit, (numerator, denominator)
    return per_order_unit, 1, code, (1, 1)


def _schedule(rng: Random, order: str, quantity: Decimal, due_on: date) -> tuple[Schedule, ...]:
    if quantity >= 4 and not order.startswith("PO-") and rng.random() < 0.06:
        first = (quantity / 2).quantize(Decimal(1))
        later = due_on + timedelta(days=14)
        return (
            Schedule(due_on, first, None, None),
            Schedule(later, quantity - first, None, None),
        )
    return (Schedule(due_on, quantity, None, None),)


def confirm(rng: Random, schedule: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
    """What a supplier confirms of a line: mostly what was asked for, now and then later or less."""
    confirmed = []
    for part in schedule:
        late = rng.choices((0, -1, 3, 10), (70, 10, 14, 6))[0]
        short = rng.random() < 0.06 and part.quantity > 2
        quantity = part.quantity - 1 if short else part.quantity
        confirmed.append(
            Schedule(part.due_on, part.quantity, part.due_on + timedelta(days=late), quantity)
        )
    return tuple(confirmed)


def _advance(
    rng: Random, state: State, lines: list[Line], ordered_on: date, today: date
) -> tuple[list[Line], list[Arrival]]:
    """Let goods arrive, lines be deleted and invoices be paid, as the order's state has it."""
    if state == "cancelled":
        return [replace(line, deleted=True) for line in lines], []
    if state not in RECEIVING_STATES:
        if state == "acknowledged" and rng.random() < 0.03:
            return _mistaken(rng, lines, ordered_on, today)
        return lines, []
    if len(lines) > 2 and rng.random() < 0.04:
        lines = [*lines[:-1], replace(lines[-1], deleted=True)]
    advanced: list[Line] = []
    arrivals: list[Arrival] = []
    for n, line in enumerate(lines):
        share = 1.0 if state != "partially_received" else (0.5 if n == 0 else rng.random() * 1.4)
        if line.deleted or share < 0.3:
            advanced.append(line)
            continue
        arrived = receive_line(rng, line, min(share, 1.0), ordered_on, today)
        received = sum((a.signed_quantity for a in arrived), Decimal(0))
        full = received >= line.quantity
        advanced.append(
            replace(
                line,
                received=received,
                completed=state in {"received", "closed"} and (not full or rng.random() < 0.96),
                invoiced=state == "closed" or (full and n > 0 and rng.random() < 0.2),
            )
        )
        arrivals.extend(arrived)
    return advanced, arrivals


def _mistaken(
    rng: Random, lines: list[Line], ordered_on: date, today: date
) -> tuple[list[Line], list[Arrival]]:
    """A receipt booked on the wrong order and taken back: nothing has been received."""
    day = max(ordered_on, min(lines[0].due_on, today - timedelta(days=1)))
    quantity = lines[0].quantity
    booked = Arrival(lines[0], "101", day, quantity, rng.randint(0, 30_000), cancelled=True)
    undone = Arrival(lines[0], "102", day, quantity, booked.second + 600, reverses=booked)
    return lines, [booked, undone]
