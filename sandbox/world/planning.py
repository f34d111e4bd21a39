"""What lies in stock, what will be needed, and what planning proposes to buy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.world.geography import PLANTS_BY_CODE
from sandbox.world.records import Demand, Forecast, Item, ItemPlant, Proposal, Stock

FORECAST_WEEKS = 26
_TENTH = Decimal("0.1")


def make_stock(seed: int, items: tuple[Item, ...]) -> tuple[Stock, ...]:
    """Make stock positions; a plant without any has no stock of the item."""
    rng = Random(f"{seed}:stock")
    return tuple(
        position for item in items for at in item.plants for position in _positions(rng, item, at)
    )


def _positions(rng: Random, item: Item, at: ItemPlant) -> Iterator[Stock]:
    if rng.random() < 0.07:
        return
    main, second = PLANTS_BY_CODE[at.plant].storage_locations
    batch = f"{rng.randint(1, 9999):010d}" if item.batch_managed else ""
    cover = Decimal(rng.randint(0, 80)) / 10  # weeks
    quantity = (at.weekly_demand * cover).quantize(Decimal(1))
    if item.base_unit in {"KG", "M"}:
        quantity += Decimal(rng.randint(0, 999)) / 1000
    places = [("", "", main, "01", quantity)]
    if rng.random() < 0.35:
        places.append(("", "", second, "01", (quantity / 3).quantize(Decimal(1))))
    if rng.random() < 0.10:
        places.append(("", "", main, "02", Decimal(rng.randint(1, 30))))
    if rng.random() < 0.06:
        places.append(("", "", main, "07", Decimal(rng.randint(1, 12))))
    if rng.random() < 0.03:
        consignor = item.sources[0].supplier
        places.append(("K", consignor, main, "01", Decimal(rng.randint(5, 60))))
    for special, supplier, place, kind, amount in places:
        yield Stock(
            item=item.number,
            plant=at.plant,
            storage_location=place,
            batch=batch,
            supplier=supplier,
            special=special,
            kind=kind,
            unit=item.base_unit,
            quantity=amount,
        )


def make_forecasts(seed: int, items: tuple[Item, ...], today: date) -> Iterator[Forecast]:
    """Make 26 weeks from the Monday on or before today, or months for the items planned so.

    They are made one by one. Every item is planned at its first plant, one in four at its second
    too.
    """
    rng = Random(f"{seed}:forecasts")
    weeks, months = list(_weeks(today)), list(_months(today))
    revised = datetime.combine(today - timedelta(days=2), time(2, 30), UTC)
    for index, item in enumerate(items):
        for at in _planned(index, item):
            periods = months if item.monthly_forecast else weeks
            factor = 4 if item.monthly_forecast else 1
            tenths = int(at.weekly_demand * 10) * factor
            moment = revised - timedelta(hours=index % 72)
            for starts_on, ends_on in periods:
                baseline = int(tenths * (0.7 + 0.6 * rng.random()))
                yield Forecast(
                    item=item.number,
                    plant=at.plant,
                    starts_on=starts_on,
                    ends_on=ends_on,
                    monthly=item.monthly_forecast,
                    baseline=baseline * _TENTH,
                    override=tenths * _TENTH if rng.random() < 0.04 else None,
                    revised_at=moment,
                )


def count_forecasts(items: tuple[Item, ...], today: date) -> int:
    """Tell how many forecasts there are, without making them."""
    weeks, months = len(list(_weeks(today))), len(list(_months(today)))
    return sum(
        len(_planned(index, item)) * (months if item.monthly_forecast else weeks)
        for index, item in enumerate(items)
    )


def _planned(index: int, item: Item) -> tuple[ItemPlant, ...]:
    return item.plants[: 2 if index % 8 in {1, 4, 6} else 1]


def _weeks(today: date) -> Iterator[tuple[date, date]]:
    monday = today - timedelta(days=today.weekday())
    for n in range(FORECAST_WEEKS):
        start = monday + timedelta(weeks=n)
        yield start, start + timedelta(weeks=1)


def _months(today: date) -> Iterator[tuple[date, date]]:
    """The months that cover the same 26 weeks, beginning with the current one."""
    last = today - timedelta(days=today.weekday()) + timedelta(weeks=FORECAST_WEEKS)
    start = today.replace(day=1)
    while start < last:
        end = (start + timedelta(days=32)).replace(day=1)
        yield start, end
        start = end


def make_proposals(
    seed: int, items: tuple[Item, ...], count: int, today: date
) -> tuple[Proposal, ...]:
    """Make `count` proposed purchases and a quarter as many that a planner has approved."""
    rng = Random(f"{seed}:proposals")
    approved = max(1, count // 4)
    live = [item for item in items if item.status == "active" and item.sources]
    return tuple(
        _proposal(rng, n, rng.choice(live), n >= count, today) for n in range(count + approved)
    )


def _proposal(rng: Random, index: int, item: Item, approved: bool, today: date) -> Proposal:  # noqa: FBT001  -- a fact of the row, not a mode
    at, source = rng.choice(item.plants), item.sources[0]
    order_on = today + timedelta(days=rng.randint(0, 21))
    lots = max(1, int(at.weekly_demand * rng.randint(2, 6) / at.rounding))
    late = rng.choices((0, rng.randint(1, 15)), (70, 30))[0]
    return Proposal(
        reference=str(100_001 + index),
        item=item.number,
        plant=at.plant,
        supplier=source.supplier,
        quantity=max(source.minimum, at.minimum_lot, lots * at.rounding),
        status="approved" if approved else "proposed",
        order_on=order_on,
        receive_on=order_on + timedelta(days=source.lead_days),
        delay_days=late,
        criticality=rng.randint(0, 40) if late else 999,
        revised_at=datetime.combine(today - timedelta(days=1), time(2, 40), UTC),
    )


def make_demands(seed: int, items: tuple[Item, ...], count: int, today: date) -> tuple[Demand, ...]:
    """Make `count` customers' order lines around today."""
    rng = Random(f"{seed}:demands")
    return tuple(_demand(rng, n, rng.choice(items), today) for n in range(count))


def _demand(rng: Random, index: int, item: Item, today: date) -> Demand:
    at = rng.choice(item.plants)
    due_on = today + timedelta(days=rng.randint(-60, 60))
    past = due_on < today
    words = ("closed", "canceled", "open") if past else ("open", "quote", "canceled")
    return Demand(
        name=f"SO-{20_000 + index // 3}-{index % 3 + 1}",
        item=item.number,
        plant=at.plant,
        customer=f"Customer {rng.randint(1, 60):03d}",
        due_on=due_on,
        quantity=max(Decimal(1), (at.weekly_demand / rng.randint(2, 6)).quantize(Decimal(1))),
        status=rng.choices(words, (90, 6, 4))[0],  # type: ignore[arg-type]  # the words above
        priority=rng.choice((1, 10, 10, 20)),
        revised_at=datetime.combine(today, time(1), UTC) - timedelta(hours=index % 900),
    )
