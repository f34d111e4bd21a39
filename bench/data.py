"""What the fake systems hold: the rows of the peers' kit, and what only our questions need.

The kit makes its rows with a linear congruential generator; so does this, in the same order, which
is why more than its 2,000 orders leave those as they are. The order book and the weekly demand are
drawn from a second generator.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from msgspec import Struct

Row = dict[str, Any]

N_SUPPLIERS: Final = 60
N_ITEMS: Final = 500
N_ORDERS: Final = 2_000
LINES: Final = 5
DEMAND_WEEKS: Final = 13
LOCATIONS: Final = ("DC-EAST", "DC-WEST")
PERIODS: Final = ("2026-W01", "2026-W02", "2026-W03", "2026-W04")
STATUSES: Final = ("OPEN", "CONFIRMED", "SHIPPED", "RECEIVED")
_COUNTRIES: Final = ("DE", "US", "IN", "MX")
_EPOCH: Final = date(2026, 1, 1)


class World(Struct, frozen=True):
    """All rows, by the id that they are asked for.

    Attributes:
        today: The day that they are made for.
        items: One row each.
        suppliers: One row each.
        locations: One row each.
        inventory: By item.
        forecasts: By item.
        orders: One row each, by number.
        book: The same orders with days and line numbers, one row each.
        demand: Weekly rows from a Monday on, by item.
    """

    today: date
    items: Mapping[str, list[Row]]
    suppliers: Mapping[str, list[Row]]
    locations: Mapping[str, list[Row]]
    inventory: Mapping[str, list[Row]]
    forecasts: Mapping[str, list[Row]]
    orders: Mapping[str, list[Row]]
    book: Mapping[str, list[Row]]
    demand: Mapping[str, list[Row]]


def make_world(orders: int = N_ORDERS, *, today: date) -> World:
    """Make the rows; the same for the same day.

    Args:
        orders: How many there are.
        today: The day in whose week the demand begins; orders are due from then on.
    """
    rnd = _generator(42)
    suppliers = [_supplier(i, rnd) for i in range(1, N_SUPPLIERS + 1)]
    items, inventory, forecasts = [], {}, {}
    for i in range(1, N_ITEMS + 1):
        item = _item(i, rnd)
        items.append(item)
        inventory[item["id"]] = [_position(item["id"], place, rnd) for place in LOCATIONS]
        forecasts[item["id"]] = [_forecast(item["id"], period, rnd) for period in PERIODS]
    made = [_order(i, rnd) for i in range(1, orders + 1)]
    own = _generator(7)
    monday = today - timedelta(days=today.weekday())
    return World(
        today=today,
        items=_by_id(items),
        suppliers=_by_id(suppliers),
        locations=_by_id([{"id": place, "name": place.title()} for place in LOCATIONS]),
        inventory=inventory,
        forecasts=forecasts,
        orders=_by_id(made),
        book=_by_id([_booked(order, n, monday, own) for n, order in enumerate(made)]),
        demand={item["id"]: _demand(item["id"], monday, own) for item in items},
    )


def _generator(seed: int) -> Callable[[int], int]:
    state = seed

    def rnd(n: int) -> int:
        """The next number below n."""
        nonlocal state
        state = (state * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
        return int(state / 4_294_967_296 * n)

    return rnd


def _by_id(rows: Sequence[Row]) -> dict[str, list[Row]]:
    return {row["id"]: [row] for row in rows}


def _supplier(i: int, rnd: Callable[[int], int]) -> Row:
    country = _COUNTRIES[rnd(4)]
    return {
        "id": f"S-{i:03d}",
        "name": f"Supplier {i} GmbH",
        "country": country,
        "currency": "EUR",
    }


def _item(i: int, rnd: Callable[[int], int]) -> Row:
    return {
        "id": f"I-{i:04d}",
        "name": f"Item {i}",
        "uom": "EA",
        "category": f"C{rnd(12)}",
        "leadTimeDays": 5 + rnd(40),
    }


def _position(item: str, location: str, rnd: Callable[[int], int]) -> Row:
    return {"itemId": item, "location": location, "onHand": rnd(5_000), "reserved": rnd(100)}


def _forecast(item: str, period: str, rnd: Callable[[int], int]) -> Row:
    return {"itemId": item, "period": period, "quantity": rnd(900), "model": "ets"}


def _order(i: int, rnd: Callable[[int], int]) -> Row:
    return {
        "id": f"PO-{i:05d}",
        "supplierId": f"S-{1 + rnd(N_SUPPLIERS):03d}",
        "status": STATUSES[rnd(4)],
        "currency": "EUR",
        "lines": [_line(rnd) for _ in range(LINES)],
    }


def _line(rnd: Callable[[int], int]) -> Row:
    return {
        "itemId": f"I-{1 + rnd(N_ITEMS):04d}",
        "quantity": 1 + rnd(200),
        "unitPrice": _as_javascript((100 + rnd(50_000)) / 100),
    }


def _as_javascript(number: float) -> float:
    """Whole numbers have no decimal point there."""
    return int(number) if number.is_integer() else number


def _booked(order: Row, n: int, monday: date, rnd: Callable[[int], int]) -> Row:
    due = [monday + timedelta(days=7 + rnd(7 * DEMAND_WEEKS)) for _ in order["lines"]]
    lines = [
        {"lineNumber": number, **line, "dueOn": day.isoformat()}
        for number, (line, day) in enumerate(zip(order["lines"], due, strict=True), 1)
    ]
    ordered = _EPOCH + timedelta(days=n % 300)
    return {**order, "orderedOn": ordered.isoformat(), "lines": lines}


def _demand(item: str, monday: date, rnd: Callable[[int], int]) -> list[Row]:
    weeks = [monday + timedelta(weeks=n) for n in range(DEMAND_WEEKS + 1)]
    return [
        {
            "itemId": item,
            "weekFrom": week.isoformat(),
            "weekTo": (week + timedelta(weeks=1)).isoformat(),
            "quantity": rnd(300),
        }
        for week in weeks
    ]
