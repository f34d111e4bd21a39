"""Who may decide on what, what needs nobody, and until when."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import RefusedError
from canonical.replenishment import Approver, Decision, Verdict
from canonical.values import Money
from tests.fakes.proposals import MORNING, proposal, recommended
from workflows.approval.policies import ApprovalPolicy, Automatic, Deadlines, Limit, Scope

PLANNERS = Limit(roles=frozenset({"planner"}), up_to={"EUR": Decimal(5_000), "USD": Decimal(9)})
LEADS = Limit(
    roles=frozenset({"buyer"}), up_to=None, unpriced=True, scope=Scope(regions=frozenset({"EU"}))
)


def deadlines(hours: int, scope: Scope) -> Deadlines:
    late = timedelta(hours=hours)
    return Deadlines(to="x", remind_after=(), escalations=(), expire_after=late, scope=scope)


def policy(**changes: Any) -> ApprovalPolicy:
    given: dict[str, Any] = {
        "automatic": (
            Automatic(
                name="tools",
                up_to={"EUR": Decimal(100)},
                scope=Scope(categories=frozenset({"Tools"}), urgent=False),
            ),
            Automatic(
                name="S-2", up_to={"EUR": Decimal(900)}, scope=Scope(suppliers=frozenset({"S-2"}))
            ),
        ),
        "limits": (PLANNERS, LEADS),
        "deadlines": (deadlines(4, Scope(urgent=True)), deadlines(48, Scope())),
        "two_above": {"EUR": Decimal(20_000)},
        "requester_decides": False,
        "quiet": timedelta(days=7),
    }
    return ApprovalPolicy(**{**given, **changes})


def euros(amount: int | str) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    "said, rule",
    [
        ({"estimated_cost": euros(100)}, "tools"),
        ({"estimated_cost": euros("100.01")}, None),
        ({"estimated_cost": euros(100), "failed_before": True}, None),
        ({"estimated_cost": euros(100), "urgent": True}, None),
        ({"estimated_cost": euros(100), "category": "Paint"}, None),
        ({"estimated_cost": euros(900), "supplier": "S-2"}, "S-2"),
        ({"estimated_cost": Money(Decimal(1), "USD")}, None),
        ({"estimated_cost": None}, None),
    ],
)
def test_what_needs_nobody(said: dict[str, Any], rule: str | None) -> None:
    assert policy().automatic_for(recommended(**said)) == rule


def test_where_two_have_to_approve_nothing_is_automatic() -> None:
    two = policy(two_above={"EUR": Decimal(50)})
    assert two.automatic_for(recommended(estimated_cost=euros(100))) is None


def says(role: str, decision: Decision, regions: tuple[str, ...] | None) -> Verdict:
    approver = Approver(subject="pia", roles=frozenset({role}), regions=regions)
    return Verdict(decision=decision, approver=approver)


@pytest.mark.parametrize(
    "role, said, regions, outcome",
    [
        ("planner", {"estimated_cost": euros(5_000)}, None, 1),
        (
            "planner",
            {"estimated_cost": euros("5000.01")},
            None,
            "the value is above 5,000 EUR, the most that planner may approve",
        ),
        ("buyer", {"estimated_cost": euros(20_000)}, None, 1),
        ("buyer", {"estimated_cost": euros(20_001)}, None, 2),
        (
            "planner",
            {"estimated_cost": Money(Decimal(1), "CHF")},
            None,
            "the value is above 0 CHF, the most that planner may approve",
        ),
        ("buyer", {"estimated_cost": None}, None, 1),
        ("planner", {"estimated_cost": None}, None, "the value is not known, for no price is"),
        ("buyer", {"region": "US"}, None, "buyer may not decide on recommendations for location"),
        ("machine", {}, None, "machine may not decide on recommendations for location L-1"),
        ("planner", {}, ("EU",), 1),
        ("planner", {}, ("US",), "location L-1 (region EU) is not of your regions"),
        ("planner", {"region": None}, ("US",), "location L-1 is not of your regions"),
        ("planner", {"requested_by": "pia"}, None, "you have asked for this yourself"),
    ],
)
def test_who_may_approve_what(
    role: str, said: dict[str, Any], regions: tuple[str, ...] | None, outcome: int | str
) -> None:
    verdict = says(role, Decision.APPROVE, regions)
    if isinstance(outcome, int):
        assert policy().judge(recommended(**said), verdict) == outcome
        return
    with pytest.raises(RefusedError) as refused:
        policy().judge(recommended(**said), verdict)
    assert outcome in refused.value.message


def test_whoever_may_decide_at_all_may_reject() -> None:
    reject = says("planner", Decision.REJECT, None)
    dear = recommended(estimated_cost=euros(1_000_000), requested_by="pia")
    assert policy().judge(dear, reject) == 2
    with pytest.raises(RefusedError, match="machine may not decide"):
        policy().judge(dear, says("machine", Decision.REJECT, None))


def test_who_has_asked_may_approve_where_the_policy_says_so() -> None:
    own = recommended(requested_by="pia")
    assert policy(requester_decides=True).judge(own, says("planner", Decision.APPROVE, None)) == 1


def test_the_first_deadlines_that_fit_count() -> None:
    assert policy().expires_at(proposal(urgent=True), MORNING) == MORNING + timedelta(hours=4)
    assert policy().expires_at(proposal(), MORNING) == MORNING + timedelta(hours=48)
