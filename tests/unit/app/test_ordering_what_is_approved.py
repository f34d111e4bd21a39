"""What is approved is handed to the process that orders, and the order is what it made."""

from datetime import date

import pytest

from app.processes.replenishing import ORDERED
from canonical.ordering import Finding, FindingCode, Ordered, OrderReference
from tests.fakes.proposals import MORNING, recommended
from workflows.approval.process import wanted
from workflows.ordering.handing import OrderAsked, OrderMade, OrderState

ERP, COUPA = OrderReference("erp-eu", "45"), OrderReference("coupa", "7", "PO-7")
FINDING = Finding(code=FindingCode.NO_LINES, message="there are no lines")


def test_an_order_is_asked_for_once_in_the_name_of_who_decided() -> None:
    order = wanted(recommended(), MORNING.date())
    starting = ORDERED.starting(order, recommended(decided_by="pia"))
    assert starting.kind == "ordering"
    assert starting.asked == OrderAsked(wanted=order, actor="pia")
    assert starting.correlation_id == "c-SKU-1"
    tomorrow = wanted(recommended(), date(2026, 12, 9))
    again = ORDERED.starting(tomorrow, recommended(decided_by="rule small"))
    assert again.process_id == starting.process_id
    assert ORDERED.starting(order, recommended("r-2")).process_id != starting.process_id


@pytest.mark.parametrize(
    "made, ordered",
    [
        (OrderMade(state=OrderState.MADE, orders=(COUPA, ERP)), Ordered(order=COUPA)),
        (OrderMade(state=OrderState.SETTLED, orders=(ERP,)), Ordered(order=ERP)),
        (OrderMade(state=OrderState.SETTLED), Ordered()),
        (OrderMade(state=OrderState.REFUSED, findings=(FINDING,)), Ordered(findings=(FINDING,))),
        (OrderMade(state=OrderState.CALLED_OFF, orders=(COUPA,)), Ordered()),
    ],
)
def test_the_order_is_the_leading_systems(made: OrderMade, ordered: Ordered) -> None:
    assert ORDERED.ordered(made) == ordered
