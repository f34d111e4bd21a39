"""Goods that arrive, go back and are booked wrongly, and the documents that say so."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from msgspec import Struct

from sandbox.world.geography import PLANTS_BY_CODE
from sandbox.world.records import Item, Line, Movement

_UNIT = Decimal(1)


class Arrival(Struct, frozen=True, eq=False):
    """A goods movement that has no document number yet; `quantity` is in the line's unit."""

    line: Line
    kind: str
    posted_on: date
    quantity: Decimal
    second: int
    cancelled: bool = False
    reverses: Arrival | None = None

    @property
    def signed_quantity(self) -> Decimal:
        """What it adds to the received quantity."""
        return self.quantity if self.kind in {"101", "123"} else -self.quantity


def receive_line(
    rng: Random, line: Line, share: float, ordered_on: date, today: date
) -> list[Arrival]:
    """Receive a share of the line's quantity, in one or more deliveries.

    A share of 1 receives all of it, or in a few cases a little less or more. What is left net
    is always more than nothing.
    """
    wanted = line.quantity if share == 1.0 else max(_UNIT, _whole(line.quantity, share))
    if share == 1.0 and wanted >= 40 and rng.random() < 0.06:
        wanted += rng.choice((-1, 1))
    parts = _split(rng, wanted)
    arrivals: list[Arrival] = []
    day = line.due_on + timedelta(
        days=rng.choices((-4, -1, 0, 2, 6, 15), (8, 22, 35, 18, 12, 5))[0]
    )
    for quantity in parts:
        day = min(max(ordered_on + timedelta(days=1), min(day, today - timedelta(days=1))), today)
        arrivals += _deliver(rng, line, quantity, day)
        day += timedelta(days=rng.randint(2, 9))
    if wanted >= 2 and rng.random() < 0.03:
        arrivals += _send_back(rng, line, share, day, today)
    return arrivals


def _deliver(rng: Random, line: Line, quantity: Decimal, day: date) -> list[Arrival]:
    second = rng.randint(0, 30_000)
    good = Arrival(line, "101", day, quantity, second)
    if rng.random() >= 0.03:
        return [good]
    wrong = Arrival(line, "101", day, quantity + 1, second - 1, cancelled=True)
    return [wrong, Arrival(line, "102", day, quantity + 1, second + 900, reverses=wrong), good]


def _send_back(rng: Random, line: Line, share: float, day: date, today: date) -> list[Arrival]:
    """Return one unit to the vendor; of a line that is done, the vendor replaces it."""
    day = min(day, today)
    second = rng.randint(30_001, 40_000)
    back = Arrival(line, "122", day, _UNIT, second)
    if share < 1.0:
        return [back]
    if rng.random() < 0.2:
        return [back, Arrival(line, "123", day, _UNIT, second + 600, reverses=back)]
    return [back, Arrival(line, "101", day, _UNIT, second + 1200)]


def _whole(quantity: Decimal, share: float) -> Decimal:
    return Decimal(int(float(quantity) * share))


def _split(rng: Random, quantity: Decimal) -> list[Decimal]:
    parts = rng.choices((1, 2, 3), (70, 22, 8))[0]
    each = _whole(quantity, 1 / parts)
    if each < 1:
        return [quantity]
    return [each] * (parts - 1) + [quantity - each * (parts - 1)]


def number_documents(
    seed: int,
    arrivals: tuple[Arrival, ...],
    items_by_number: dict[str, Item],
    suppliers_by_order: dict[str, str],
) -> tuple[Movement, ...]:
    """Book arrivals as documents, oldest first; one document holds an order's arrivals of a day.

    Lines that are ordered in a packing unit are mostly counted in the base unit at the gate.
    """
    rng = Random(f"{seed}:documents")
    documents: dict[tuple[date, str, str], list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        documents[arrival.posted_on, arrival.line.order, arrival.kind].append(arrival)
    places: dict[int, tuple[str, int]] = {}
    numbers = count(5_000_000_000)
    booked: list[tuple[str, int, Arrival]] = []
    moments: dict[str, int] = {}
    for _, together in sorted(documents.items(), key=lambda pair: pair[0]):
        document = str(next(numbers))
        for n, arrival in enumerate(together, start=1):
            places[id(arrival)] = (document, n)
            booked.append((document, n, arrival))
            moments.setdefault(document, arrival.second)
    return tuple(
        _movement(
            rng,
            (document, n),
            arrival,
            items_by_number[arrival.line.item],
            suppliers_by_order[arrival.line.order],
            (moments[document], places.get(id(arrival.reverses))),
        )
        for document, n, arrival in booked
    )


def _movement(
    rng: Random,
    place: tuple[str, int],
    arrival: Arrival,
    item: Item,
    supplier: str,
    context: tuple[int, tuple[str, int] | None],
) -> Movement:
    line = arrival.line
    base_quantity = arrival.quantity * line.numerator / line.denominator
    by_pack = line.unit == item.base_unit or rng.random() < 0.2
    second, reverses = context
    morning = datetime.combine(arrival.posted_on, time(5), UTC)
    return Movement(
        document=place[0],
        number=place[1],
        kind=arrival.kind,
        posted_on=arrival.posted_on,
        created_at=morning + timedelta(seconds=second),
        order=line.order,
        line=line.number,
        item=line.item,
        plant=line.plant,
        storage_location=PLANTS_BY_CODE[line.plant].storage_locations[0],
        supplier=supplier,
        quantity=arrival.quantity,
        entry_quantity=arrival.quantity if by_pack else base_quantity,
        entry_unit=line.unit if by_pack else item.base_unit,
        base_quantity=base_quantity,
        base_unit=item.base_unit,
        cancelled=arrival.cancelled,
        reverses=reverses,
    )


def make_openings(items: tuple[Item, ...], today: date) -> tuple[Movement, ...]:
    """Book the opening stock of every 40th item: documents that belong to no order."""
    posted_on = today - timedelta(days=600)
    return tuple(
        Movement(
            document=str(4_900_000_000 + n),
            number=1,
            kind="561",
            posted_on=posted_on,
            created_at=datetime.combine(posted_on, time(7), UTC),
            order="",
            line=0,
            item=item.number,
            plant=item.plants[0].plant,
            storage_location=PLANTS_BY_CODE[item.plants[0].plant].storage_locations[0],
            supplier="",
            quantity=item.plants[0].safety_stock,
            entry_quantity=item.plants[0].safety_stock,
            entry_unit=item.base_unit,
            base_quantity=item.plants[0].safety_stock,
            base_unit=item.base_unit,
            cancelled=False,
            reverses=None,
        )
        for n, item in enumerate(items[::40])
    )
