"""Projected inventory adds up exactly."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from canonical.demand import Spread, part_of
from canonical.errors import Reason, UnavailableError
from canonical.values import Quantity
from resolvers.projections import Dated, project, week_bounds
from tests.fakes.desk import Desk
from tests.fakes.distributor import MONDAY, Distributor, forecast, line, order, position

days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
amounts = st.decimals(0, 10**6, places=3)
spreads = st.builds(
    lambda start, length, amount: Spread(start, start + timedelta(days=length), amount),
    days,
    st.integers(1, 120),
    amounts,
)


@given(spread=spreads, cuts=st.lists(days, max_size=8))
def test_the_parts_of_a_forecast_add_up_to_it(spread: Spread, cuts: list[date]) -> None:
    bounds = sorted({spread.start, spread.end, *(c for c in cuts if spread.start < c < spread.end)})
    parts = [part_of(spread, a, b) for a, b in itertools.pairwise(bounds)]
    assert sum(parts) == spread.amount
    assert all(p >= 0 for p in parts)


@given(
    opening=amounts,
    supplies=st.lists(st.builds(Dated, days, amounts), max_size=6),
    demands=st.lists(spreads, max_size=6),
    today=days,
    weeks=st.integers(1, 30),
)
def test_nothing_is_lost_between_buckets(
    opening: Decimal, supplies: list[Dated], demands: list[Spread], today: date, weeks: int
) -> None:
    bounds = week_bounds(today, weeks)
    buckets = project(opening, supplies, demands, bounds, None)
    assert len(buckets) == weeks
    assert buckets[0].opening == opening
    for one, following in itertools.pairwise(buckets):
        assert following.opening == one.closing
        assert following.period_start == one.period_end
        assert one.period_end.weekday() == 0
    within = sum((s.amount for s in supplies if s.day < bounds[-1]), Decimal(0))
    assert sum(b.supply for b in buckets) == within
    wanted = sum((part_of(d, today, bounds[-1]) for d in demands), Decimal(0))
    assert sum(b.demand for b in buckets) == wanted
    assert buckets[-1].closing == opening + within - wanted


ASK = """query ($weeks: Int, $at: String) { item(sku: "I3") {
  projectedInventory(weeks: $weeks, location: $at) {
    periodStart periodEnd opening supply demand closing belowSafetyStock } } }"""


def a_world() -> Distributor:
    """Stock 40 at two places; a box of 12 less one piece to come, half of it confirmed later."""
    lines = (
        line(
            10,
            "I3",
            unit="BOX",
            quantity=Decimal(2),
            received=(Quantity(Decimal(1), "PC"),),
            due_on=MONDAY + timedelta(days=1),
            confirmed_on=MONDAY + timedelta(days=9),
        ),
        line(20, "I3", quantity=Decimal(5), received=(), due_on=MONDAY - timedelta(days=30)),
        line(30, "I3", quantity=Decimal(500), received=(), cancelled=True),
        line(40, "I4", quantity=Decimal(700), received=()),
    )
    world = Distributor([order(1, lines=lines)])
    world.inventory.records = [position(3, 0, 30), position(3, 1, 10)]
    world.forecasts.records = [
        forecast(3, 0, 14),
        structs.replace(forecast(3, 1, 28), period_end=MONDAY + timedelta(weeks=3), location=None),
    ]
    return world


async def test_the_three_systems_are_joined_in_the_items_unit() -> None:
    answer = await Desk(*a_world().sources).ask(ASK, weeks=3)
    assert answer.errors == ()
    assert answer.data["item"]["projectedInventory"] == [
        {
            "periodStart": "2026-11-23",
            "periodEnd": "2026-11-30",
            "opening": "40",
            "supply": "5",
            "demand": "14",
            "closing": "31",
            "belowSafetyStock": False,
        },
        {
            "periodStart": "2026-11-30",
            "periodEnd": "2026-12-07",
            "opening": "31",
            "supply": "23",
            "demand": "14.000",
            "closing": "40.000",
            "belowSafetyStock": False,
        },
        {
            "periodStart": "2026-12-07",
            "periodEnd": "2026-12-14",
            "opening": "40.000",
            "supply": "0",
            "demand": "14.000",
            "closing": "26.000",
            "belowSafetyStock": False,
        },
    ]


async def test_a_location_counts_only_what_is_meant_for_it() -> None:
    answer = await Desk(*a_world().sources).ask(ASK, weeks=1, at="L1")
    [bucket] = answer.data["item"]["projectedInventory"]
    assert (bucket["opening"], bucket["supply"], bucket["demand"]) == ("10", "0", "0")


async def test_boxes_are_never_read_as_pieces() -> None:
    world = a_world()
    world.items.records = [structs.replace(i, unit_conversions=()) for i in world.items.records]
    desk = Desk(*world.sources)
    answer = await desk.ask(ASK, weeks=1)
    assert answer.data["item"]["projectedInventory"] == []
    [(problem, _)] = answer.problems
    assert problem.code == "UNIT_MISMATCH"
    assert "'BOX'" in str(problem)
    line_question = "{ purchaseOrders { nodes { lines { receivedQuantity } } } }"
    refused = await desk.ask(line_question)
    assert refused.data is None
    assert "no conversion is declared" in refused.errors[0].message


async def test_a_projection_without_one_systems_part_is_no_projection() -> None:
    world = a_world()
    world.forecasts.error = UnavailableError("planning", Reason.TIMEOUT, "did not answer")
    answer = await Desk(*world.sources).ask(ASK, weeks=1)
    assert answer.data["item"]["projectedInventory"] == []
    assert [str(p) for p, _ in answer.problems] == ["planning: did not answer"]


@pytest.mark.parametrize("weeks", [0, -1, 105])
async def test_the_number_of_weeks_is_bounded(weeks: int) -> None:
    answer = await Desk(*a_world().sources).ask(ASK, weeks=weeks)
    assert "`weeks` is" in answer.errors[0].message
