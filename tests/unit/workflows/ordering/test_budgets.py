"""Orders are held against what may still be spent in a period."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from canonical.absent import ABSENT
from canonical.entities import EntityName
from canonical.errors import BadAnswerError
from canonical.ordering import FindingCode
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.values import Money
from tests.fakes import distributor
from tests.unit.workflows.ordering.house import (
    TODAY,
    judged,
    line,
    records,
    said,
    wanted,
)
from workflows.ordering.rules import Budget, Period


def ordered(number: int, amount: int, **changes: Any) -> Any:
    """An order of one line of I1 to L1 over an amount."""
    one = distributor.line(
        10, "I1", quantity=Decimal(1), unit_price=Money(Decimal(amount), "EUR"), ship_to="L1"
    )
    given: dict[str, Any] = {"lines": (one,), "ordered_on": TODAY.replace(day=2)}
    return distributor.order(number, "procurement", **{**given, **changes})


BUDGET = Budget(
    name="tools",
    amount=Decimal(1_000),
    currency="EUR",
    regions=frozenset({"EU"}),
    categories=frozenset({"odd"}),
)


async def test_an_order_beyond_the_budget_is_refused() -> None:
    there = records(
        ordered(1, 700),
        ordered(2, 101),
        ordered(3, 500, status=PurchaseOrderStatus.CANCELLED),
        ordered(4, 500, ordered_on=TODAY.replace(month=10)),
        ordered(5, 500, currency="USD"),
        ordered(6, 500, provenance=distributor.origin("E1", "erp")),
    )
    assert said(await judged(wanted(), there, budgets=(BUDGET,))) == [
        (
            "BUDGET_EXCEEDED",
            ("lines",),
            (
                "these lines cost 200.00 EUR, and 199.00 are left of budget 'tools', which is "
                "1000.00 from 2026-11-01 until 2026-12-01: order less, or have the budget raised"
            ),
        )
    ]
    assert len(there.reads) == 7
    assert (await judged(wanted(line(quantity=Decimal("19.9"))), there, budgets=(BUDGET,))).order


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "USD"},
        {"regions": frozenset({"US"})},
        {"categories": frozenset({"even"})},
        {"period": Period.MONTH, "amount": Decimal(900)},
    ],
)
async def test_budgets_of_others_do_not_count(changes: dict[str, Any]) -> None:
    there = records(ordered(1, 700))
    assert (await judged(wanted(), there, budgets=(replace(BUDGET, **changes),))).findings == ()


async def test_orders_without_a_budget_that_can_be_counted_are_not_made() -> None:
    there = records(ordered(1, 100, lines=(distributor.line(10, "I1", unit_price=ABSENT),)))
    [untold] = (await judged(wanted(), there, budgets=(BUDGET,))).findings
    assert untold.message == (
        "budget 'tools' was not checked: procurement does not tell prices of orders; nothing is "
        "ordered on what could not be checked"
    )
    there.failures[EntityName.PURCHASE_ORDER] = BadAnswerError("procurement", "no JSON")
    [unread] = (await judged(wanted(), there, budgets=(BUDGET,))).findings
    assert (unread.code, unread.field) == (FindingCode.NOT_CHECKED, ("lines",))
    assert unread.message.startswith(
        "budget 'tools' was not checked, because procurement could not be asked (bad_answer)"
    )


@pytest.mark.parametrize(
    "period, begin, end",
    [
        (Period.MONTH, "2026-11-01", "2026-12-01"),
        (Period.QUARTER, "2026-10-01", "2027-01-01"),
        (Period.YEAR, "2026-01-01", "2027-01-01"),
    ],
)
def test_periods_of_budgets(period: Period, begin: str, end: str) -> None:
    assert [d.isoformat() for d in period.span(TODAY)] == [begin, end]
    assert period.span(TODAY.replace(month=2, day=28))[0].day == 1
