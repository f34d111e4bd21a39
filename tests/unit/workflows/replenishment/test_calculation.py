"""What is proposed is what somebody else works out, to the last digit, and says why."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bench.replenishment.independent import Answer, Buy, Case, Lack, Seller, Week, solve
from canonical.errors import InvalidInputError
from canonical.values import Money
from tests.unit.workflows.replenishment.cases import TODAY, any_cases, inputs_of
from workflows.replenishment.calculation import Calculated, Risk, calculate, recalculate
from workflows.replenishment.inputs import decode, encode
from workflows.replenishment.policy import Policy

ACME = Seller("ACME", approved=True, days=14, price="2.50", preferred=True)
WEEKDAYS = Week(frozenset({5, 6}))


def weekly(amount: str, weeks: int = 26, unit: str = "PC") -> list[tuple[date, date, str, str]]:
    """The same demand each week from this Monday on."""
    monday = TODAY - timedelta(days=TODAY.weekday())
    starts = [monday + timedelta(weeks=n) for n in range(weeks)]
    return [(start, start + timedelta(weeks=1), amount, unit) for start in starts]


CASE = Case(
    today=TODAY,
    stock=[("100", "PC")],
    orders=[],
    forecasts=weekly("28"),
    sellers=[ACME],
    safety_stock="40",
    lot="10",
)
"""4 a day, so 100 last until the 15th day, and 40 are left at the end of the 15th."""


def answer_of(case: Case) -> Answer:
    """What our calculation says, in the words of the other one."""
    try:
        found = calculate(inputs_of(case))
    except InvalidInputError:
        return Answer(problem=True)
    risk = found.risk
    lack = None if risk is None else _lack(risk)
    return Answer(_buy(found), lack)


def _lack(risk: Risk) -> Lack:
    return Lack(risk.stockout_on, risk.days_lost, Fraction(risk.short))


def _buy(found: Calculated) -> Buy | None:
    proposal = found.proposal
    if proposal is None:
        return None
    cost = proposal.cost
    return Buy(
        supplier=proposal.supplier,
        quantity=Fraction(proposal.quantity),
        need_by=proposal.need_by,
        order_by=date.fromisoformat(_values(found)["To be ordered by"]),
        cost=None if cost is None else (Fraction(cost.amount), cost.currency),
        urgent=proposal.urgent,
        stockout_on=proposal.stockout_on,
    )


def _values(found: Calculated) -> dict[str, str]:
    return {line.label: line.value for line in found.lines}


def proposed(case: Case) -> Any:
    """What is proposed; there must be something."""
    proposal = calculate(inputs_of(case)).proposal
    assert proposal is not None
    return proposal


@settings(max_examples=90)
@given(case=any_cases)
def test_it_is_what_another_calculation_says(case: Case) -> None:
    expected = solve(case)
    found = answer_of(case)
    # A case without anybody to buy from is a problem of it; what runs out stands behind it.
    assert (found.problem, found.buy) == (expected.problem, expected.buy)
    if not found.problem:
        assert found.lack == expected.lack


@settings(max_examples=30)
@given(case=any_cases)
def test_from_the_inputs_that_were_kept_the_same_comes_out(case: Case) -> None:
    inputs = inputs_of(case)
    kept = encode(inputs)
    assert encode(decode(kept)) == kept
    try:
        found = calculate(inputs, explain=True)
    except InvalidInputError:
        with pytest.raises(InvalidInputError):
            recalculate(kept)
        return
    again = recalculate(kept)
    assert msgspec.json.encode(again) == msgspec.json.encode(found)
    assert found.lines
    if found.proposal is not None:
        assert found.proposal.inputs == kept
        assert found.proposal.lines == found.lines


def test_a_planner_reads_why() -> None:
    proposal = proposed(CASE)
    assert proposal.reason == (
        "Stock at DC-1 falls to 36 PC on 10 December, below the safety stock of 40; ordering "
        "120 PC from ACME by 26 November keeps 4 weeks of cover."
    )
    assert proposal.need_by == date(2026, 12, 10)
    assert proposal.quantity == 120
    assert proposal.cost == Money(Decimal("300.00"), "EUR")
    assert proposal.stockout_on == date(2026, 12, 20)
    assert not proposal.urgent


def test_the_calculation_is_told_line_by_line() -> None:
    case = replace(CASE, orders=[(date(2026, 12, 7), "5", "2", "BOX")], units={"BOX": ("12", "1")})
    lines = proposed(replace(case, forecasts=weekly("56", weeks=3))).lines
    assert [(x.label, x.value, x.unit) for x in lines] == [
        ("Policy", "default", None),
        ("Today", "2026-11-25", None),
        ("Available", "100", "PC"),
        ("Stock now", "100", "PC"),
        ("PO-1 on 2026-12-07", "36", "PC"),
        ("Forecast 2026-11-23 until 2026-11-30", "56", "PC"),
        ("Forecast 2026-11-30 until 2026-12-07", "56", "PC"),
        ("Forecast 2026-12-07 until 2026-12-14", "56", "PC"),
        ("Safety stock", "40", "PC"),
        ("Stock is too low on 2026-12-02", "36", "PC"),
        ("Stock is used up on 2026-12-12", "-8", "PC"),
        ("Review period", "7", "days"),
        (
            "Supplier ACME",
            "2.50 EUR, 14 days, preferred; ordered today it arrives on 9 December",
            None,
        ),
        ("Supplier", "ACME", None),
        ("Needed by", "2026-12-02", None),
        ("To be ordered by", "2026-11-18", None),
        ("Wanted (weeks_of_cover: 4)", "56", "PC"),
        ("Lot size, rounded up", "10", "PC"),
        ("Quantity", "60", "PC"),
        ("Price", "2.50 EUR", None),
        ("Cost", "150.00 EUR", None),
    ]


@pytest.mark.parametrize(
    "change, reason",
    [
        (
            {"stock": [("60", "PC")]},
            (
                "Stock at DC-1 falls to 36 PC on 30 November, below the safety stock of 40; 150 PC "
                "ordered from ACME today arrive on 9 December, 9 days too late, and then keep "
                "4 weeks of cover."
            ),
        ),
        (
            {"stock": [("20", "PC")], "safety_stock": None},
            (
                "Stock at DC-1 falls to -4 PC on 30 November, less than is needed; 150 PC ordered "
                "from ACME today arrive on 9 December, 9 days too late, and then keep 4 weeks of "
                "cover."
            ),
        ),
        (
            {"forecasts": weekly("28", weeks=5)},
            (
                "Stock at DC-1 falls to 36 PC on 10 December, below the safety stock of 40; "
                "ordering 80 PC from ACME by 26 November keeps enough for the rest of the horizon."
            ),
        ),
        (
            {"sizing": "lot_for_lot", "review_days": 10},
            (
                "Stock at DC-1 falls to 36 PC on 10 December, below the safety stock of 40; "
                "ordering 40 PC from ACME by 26 November keeps 10 days of cover."
            ),
        ),
        (
            {"trigger": "reorder_point", "reorder_point": "100", "forecasts": []},
            (
                "Stock and open orders at DC-1 are 100 PC, with a reorder point of 100; ordering "
                "10 PC from ACME today keeps enough for the rest of the horizon."
            ),
        ),
        (
            {"stock": [("30", "PC")], "sellers": [replace(ACME, days=0)]},
            (
                "Stock at DC-1 is 26 PC today, below the safety stock of 40; ordering 130 PC from "
                "ACME today keeps 4 weeks of cover."
            ),
        ),
    ],
)
def test_reasons_of_other_kinds(change: dict[str, Any], reason: str) -> None:
    assert proposed(replace(CASE, **change)).reason == reason


@pytest.mark.parametrize(
    "change, quantity",
    [
        ({"lot": "1"}, "112"),
        ({"lot": "48"}, "144"),
        ({"lot": "48", "rounding": "nearest"}, "96"),
        ({"minimum": "125"}, "130"),
        ({"sellers": [replace(ACME, minimum="200")]}, "200"),
        ({"maximum": "75"}, "70"),
        ({"maximum_cost": "101"}, "40"),
        ({"weeks": 6}, "170"),
        ({"sizing": "to_max", "maximum_stock": "250"}, "220"),
        ({"sizing": "up_to_reorder", "reorder_point": "90"}, "60"),
        ({"sizing": "lot_for_lot"}, "30"),
    ],
)
def test_how_much_goes_by_policy(change: dict[str, Any], quantity: str) -> None:
    assert proposed(replace(CASE, **change)).quantity == Decimal(quantity)


@pytest.mark.parametrize(
    "sellers, chosen",
    [
        ([ACME, Seller("BETA", approved=True, days=7, price="2.00")], "ACME"),
        ([replace(ACME, approved=False), Seller("BETA", approved=True, days=9)], "BETA"),
        (
            [
                Seller("BETA", approved=True, days=7, price="2.00"),
                Seller("CORP", approved=True, days=9, price="1.90"),
                Seller("DELTA", approved=True, days=3),
            ],
            "CORP",
        ),
        (
            [
                Seller("BETA", approved=True, days=11, price="2.00"),
                Seller("CORP", approved=True, days=10, price="900", currency="JPY"),
            ],
            "CORP",
        ),
    ],
    ids=["preferred", "approved", "cheapest", "prices that cannot be compared"],
)
def test_who_is_asked_goes_by_policy(sellers: list[Seller], chosen: str) -> None:
    assert proposed(replace(CASE, sellers=sellers)).supplier == chosen


def test_working_days_of_both_sides_count() -> None:
    # Needed on Thursday, and received on working days without the 10th and 9th: so on the 8th,
    # which is sent 14 days before, on the 24th, were it worked; it is the day before.
    holidays = Week(frozenset({5, 6}), frozenset({date(2026, 12, 9), date(2026, 12, 10)}))
    sends = Week(frozenset({1}))
    case = replace(CASE, receiving=holidays, sellers=[replace(ACME, week=sends)])
    found = calculate(inputs_of(case))
    assert _values(found)["To be ordered by"] == "2026-11-23"
    assert found.proposal is not None
    assert found.proposal.urgent
    assert "arrive on 11 December, 1 day too late" in found.proposal.reason


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"stock": [("3", "PAL")]},
            (
                "item 'SKU-1': 'PAL' cannot be expressed in 'PC' (base unit 'PC'): no conversion "
                "is declared. Add it in the item's system, or under `units` in the manifest."
            ),
        ),
        (
            {"sellers": []},
            (
                "no supplier is known for item 'SKU-1': give it a supply source or a preferred "
                "supplier in its system"
            ),
        ),
        (
            {"sellers": [replace(ACME, approved=False)]},
            (
                "item 'SKU-1' can be bought from nobody: ACME is ON_HOLD. Approve a supplier, or "
                "give the item another supply source"
            ),
        ),
        (
            {"sellers": [replace(ACME, days=None)]},
            (
                "the lead time of item 'SKU-1' from ACME is not known: give it in the supply "
                "source, the item or the supplier, or as `lead_time_days` in the policy"
            ),
        ),
        (
            {"maximum": "75", "minimum": "80"},
            (
                "item 'SKU-1': the policy allows 70 PC in an order to ACME at most, and no fewer "
                "than 80 can be ordered: change `maximum_quantity` or `maximum_cost`, or the "
                "minimum"
            ),
        ),
        (
            {"sizing": "to_max"},
            (
                "item 'SKU-1' at DC-1 is bought to_max, and has no such level: give "
                "`maximum_stock` in the policy"
            ),
        ),
        (
            {"trigger": "reorder_point"},
            (
                "item 'SKU-1' is bought by its reorder point, and has none: give it one in its "
                "system, or `reorder_point` in the policy"
            ),
        ),
        (
            {"forecasts": weekly("-1")},
            "the forecast of item 'SKU-1' from 2026-11-23 on is -1 PC in plan: correct it there",
        ),
    ],
)
def test_what_cannot_be_calculated_says_what_to_do(change: dict[str, Any], message: str) -> None:
    case = replace(CASE, stock=[("45", "PC")])
    with pytest.raises(InvalidInputError) as caught:
        calculate(inputs_of(replace(case, **change)))
    assert caught.value.message == message


def test_forecasts_of_no_location_are_not_guessed_at() -> None:
    inputs = inputs_of(CASE)
    demands = tuple(msgspec.structs.replace(d, unlocated=True) for d in inputs.demands)
    inputs = msgspec.structs.replace(inputs, demands=demands)
    with pytest.raises(InvalidInputError, match="`unlocated_share` in the policy"):
        calculate(inputs)
    alone = calculate(msgspec.structs.replace(inputs, sole=True)).proposal
    assert alone is not None
    assert alone.quantity == 120
    half = msgspec.structs.replace(
        inputs, policy=Policy(unlocated_share=Decimal("0.5"), lot_size=Decimal(10))
    )
    found = calculate(half, explain=True)
    assert found.proposal is None  # 100 last twice as long
    assert (found.lines[4].label, found.lines[4].value) == (
        "Forecast 2026-11-23 until 2026-11-30 (28 PC at all locations)",
        "14",
    )


def test_what_is_off_or_not_bought_any_more_is_left_alone() -> None:
    inputs = inputs_of(replace(CASE, stock=[]))
    off = calculate(msgspec.structs.replace(inputs, policy=Policy(off=True)), explain=True)
    gone = calculate(msgspec.structs.replace(inputs, active=False), explain=True)
    assert (off.proposal, gone.proposal, off.risk, gone.risk) == (None, None, None, None)
    assert off.lines[-1].value == "not evaluated here"
    assert gone.lines[-1].value == "the item is not bought any more"


def test_a_dip_that_no_order_can_prevent_calls_for_none() -> None:
    case = replace(CASE, stock=[("42", "PC")], orders=[(date(2026, 12, 1), "500", "0", "PC")])
    found = calculate(inputs_of(case), explain=True)
    assert found.proposal is None
    assert found.lines[-1].value == "nothing has to be ordered now"


def test_what_runs_out_whatever_is_done_is_a_risk() -> None:
    risk = calculate(inputs_of(replace(CASE, stock=[("20", "PC")]))).risk
    assert risk is not None
    assert (risk.stockout_on, risk.back_on, risk.days_lost) == (
        date(2026, 11, 30),
        date(2026, 12, 9),
        9,
    )
    assert risk.short == 36
    assert risk.value == Money(Decimal("90.00"), "EUR")
    comes = replace(CASE, stock=[("20", "PC")], orders=[(date(2026, 12, 3), "500", "0", "PC")])
    sooner = calculate(inputs_of(comes)).risk
    assert sooner is not None
    assert (sooner.back_on, sooner.short) == (date(2026, 12, 3), Decimal(12))
