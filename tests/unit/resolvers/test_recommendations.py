"""Recommendations of our own are explained, decided and calculated again, beside a planner's."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    Reason,
    RefusedError,
    SupplygraphError,
    UnavailableError,
)
from canonical.ids import GlobalId
from canonical.recommendations import RecommendationStatus, ReplenishmentRecommendation
from canonical.records import Provenance
from canonical.replenishment import (
    Approver,
    Decision,
    ExplainedLine,
    Proposal,
    Recalculated,
    Verdict,
)
from resolvers.context import Processing
from runtime.security.principal import Principal, Role
from tests.fakes.desk import NOW, PLANNER, Desk, supplier_principal
from tests.fakes.distributor import Distributor
from tests.fakes.proposals import LINES, proposal, recommended
from tests.fakes.sources import FakeSource

RECOMMENDATION = EntityName.RECOMMENDATION
OURS = recommended(
    "r-1", item="I1", location="L1", supplier="S1", purchase_order="procurement/K22"
).record
THEIRS = replace(
    OURS,
    provenance=Provenance("planning", "7", NOW),
    purchase_order=None,
    need_by=date(2026, 12, 1),
)
BOUND = Principal(
    "rita", frozenset({Role.BUYER}), None, NOW + timedelta(hours=1), regions=("east",)
)


def an_id(system: str = "supplygraph", key: str = "r-1", kind: str = "") -> str:
    return GlobalId(kind or "ReplenishmentRecommendation", (system, key)).encode()


class FakeApprovers:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.says: SupplygraphError | None = None
        self.asked: list[tuple[str, Verdict, str]] = []
        self.explained: list[set[str]] = []
        self.proposal: Proposal | None = proposal("I1", "L1", supplier="S2", quantity=Decimal(9))

    async def decide(
        self, key: str, verdict: Verdict, *, correlation_id: str
    ) -> ReplenishmentRecommendation:
        self.asked.append((key, verdict, correlation_id))
        if self.says is not None:
            raise self.says
        return replace(OURS, status=RecommendationStatus.APPROVED, decided_by="pia")

    async def explain(self, keys: Collection[str]) -> Mapping[str, Sequence[ExplainedLine]]:
        self.explained.append(set(keys))
        return dict.fromkeys(keys, LINES)

    async def recalculate(self, key: str, *, today: bool, correlation_id: str) -> Recalculated:
        found = recommended("r-1", item="I1", location="L1", supplier="S1")
        if self.says is not None:
            raise self.says
        return Recalculated(recommended=found, proposal=self.proposal, lines=LINES, same=not today)


@pytest.fixture
def approvers() -> FakeApprovers:
    return FakeApprovers()


@pytest.fixture
def desk(approvers: FakeApprovers) -> Desk:
    desk = Desk(
        *Distributor().sources,
        FakeSource("planning", RECOMMENDATION, [THEIRS]),
        FakeSource("supplygraph", RECOMMENDATION, [OURS]),
    )
    desk.processing = Processing(recommendations=approvers)
    return desk


DECIDE = """mutation ($input: DecideRecommendationInput!) { approveRecommendation(input: $input) {
    recommendation { id status decidedBy item { sku } } userErrors { code message field } } }"""
REJECT = DECIDE.replace("approve", "reject")
AGAIN = """query ($id: ID!, $on: RecalculationBasis!) {
    recalculateRecommendation(id: $id, on: $on) { recommendation { id } same needed
    supplier { name } quantity unit needBy reason estimatedCost { amount }
    explanation { label } } }"""


async def test_ours_stand_beside_a_planning_systems(desk: Desk, approvers: FakeApprovers) -> None:
    answer = await desk.ask(
        """{ recommendations { totalCount nodes { id needBy purchaseOrder { number }
        explanation { label value unit source } } } }"""
    )
    assert answer.errors == ()
    theirs, ours = answer.data["recommendations"]["nodes"]
    assert answer.data["recommendations"]["totalCount"] == 2
    assert theirs["explanation"] == []
    assert theirs["purchaseOrder"] is None
    assert ours["id"] == an_id()
    assert ours["explanation"][0] == {
        "label": "On hand",
        "value": "40",
        "unit": "EA",
        "source": "erp-eu",
    }
    assert ours["purchaseOrder"] == {"number": "PO22"}
    assert approvers.explained == [{"r-1"}]


async def test_a_decision_is_handed_on(desk: Desk, approvers: FakeApprovers) -> None:
    given = {"id": an_id(), "note": "fine", "idempotencyKey": "k-1"}
    answer = await desk.ask(DECIDE, input=given)
    assert answer.errors == ()
    assert answer.data["approveRecommendation"] == {
        "recommendation": {
            "id": an_id(),
            "status": "APPROVED",
            "decidedBy": "pia",
            "item": {"sku": "I1"},
        },
        "userErrors": [],
    }
    approver = Approver(subject="pia", roles=frozenset({"planner"}), regions=None)
    approve = Verdict(decision=Decision.APPROVE, approver=approver, note="fine", once="k-1")
    assert approvers.asked == [("r-1", approve, "test")]

    await desk.ask(REJECT, input={"id": an_id()})
    assert approvers.asked[1][1] == Verdict(decision=Decision.REJECT, approver=approver)


@pytest.mark.parametrize(
    "says, code, field",
    [
        (ConflictError("the recommendation was approved by ann"), "CONFLICT", None),
        (RefusedError("ask somebody with a higher limit"), "FORBIDDEN", None),
        (NotFoundError("there is no recommendation"), "NOT_FOUND", ["input", "id"]),
    ],
)
async def test_what_a_person_can_act_on_is_a_user_error(
    desk: Desk, approvers: FakeApprovers, says: SupplygraphError, code: str, field: list[str] | None
) -> None:
    approvers.says = says
    answer = await desk.ask(DECIDE, input={"id": an_id()})
    assert answer.errors == ()
    assert answer.data["approveRecommendation"] == {
        "recommendation": None,
        "userErrors": [{"code": code, "message": says.message, "field": field}],
    }


@pytest.mark.parametrize(
    "given, code, message",
    [
        (an_id("planning", "7"), "UNSUPPORTED", "this recommendation is planning's: it is decided"),
        (
            an_id(key="r-9"),
            "NOT_FOUND",
            "there is no such recommendation, or none that you may see",
        ),
        (an_id(kind="Receipt"), "BAD_USER_INPUT", "is not the id of a recommendation"),
        ("r-1", "BAD_USER_INPUT", "is not an id of this service"),
    ],
    ids=["another's", "not there", "another type", "no id"],
)
async def test_only_ours_are_decided_here(
    desk: Desk, approvers: FakeApprovers, given: str, code: str, message: str
) -> None:
    answer = await desk.ask(DECIDE, input={"id": given})
    [error] = answer.data["approveRecommendation"]["userErrors"]
    assert error["code"] == code
    assert message in error["message"]
    assert approvers.asked == []


async def test_who_may_not_see_it_may_not_decide_on_it(
    desk: Desk, approvers: FakeApprovers
) -> None:
    desk.regions = frozenset({"east", "west"})
    for who in (BOUND, supplier_principal("S1")):
        for question, name in ((DECIDE, "approveRecommendation"), (AGAIN, "")):
            given: dict[str, Any] = {"input": {"id": an_id()}} if name else {"id": an_id()}
            answer = await desk.ask(question, who, **given, on="SAME")
            if name:
                [error] = answer.data[name]["userErrors"]
                assert error["code"] == "NOT_FOUND"
            else:
                assert answer.data["recalculateRecommendation"] is None
    assert approvers.asked == []


async def test_a_store_that_is_away_is_no_refusal(desk: Desk, approvers: FakeApprovers) -> None:
    approvers.says = UnavailableError("store", Reason.CONNECTION, "cannot be reached")
    answer = await desk.ask(DECIDE, input={"id": an_id()})
    assert answer.data is None
    [error] = answer.errors
    assert "store: cannot be reached" in str(error)


async def test_without_processes_nothing_is_decided(desk: Desk) -> None:
    desk.processing = Processing()
    answer = await desk.ask(DECIDE, input={"id": an_id()})
    assert answer.data["approveRecommendation"]["userErrors"] == [
        {
            "code": "UNSUPPORTED",
            "message": "this installation takes no such changes: nothing was done; make the change "
            "in the system itself",
            "field": None,
        }
    ]
    answer = await desk.ask("{ recommendations { nodes { explanation { label } } } }")
    assert [n["explanation"] for n in answer.data["recommendations"]["nodes"]] == [[], []]
    answer = await desk.ask(AGAIN, id=an_id(), on="SAME")
    assert "nothing is calculated here" in str(answer.errors[0])


async def test_it_is_calculated_again(desk: Desk, approvers: FakeApprovers) -> None:
    answer = await desk.ask(AGAIN, id=an_id(), on="TODAY")
    assert (answer.errors, answer.personal) == ((), True)
    assert answer.data["recalculateRecommendation"] == {
        "recommendation": {"id": an_id()},
        "same": False,
        "needed": True,
        "supplier": {"name": "Supplier 2"},
        "quantity": "9",
        "unit": "EA",
        "needBy": "2026-12-07",
        "reason": "stock of I1 falls under its safety stock on 2026-12-07",
        "estimatedCost": {"amount": "1200.00"},
        "explanation": [{"label": "On hand"}, {"label": "Quantity"}],
    }
    approvers.proposal = None
    answer = await desk.ask(AGAIN, PLANNER, id=an_id(), on="SAME")
    found = answer.data["recalculateRecommendation"]
    assert (found["same"], found["needed"], found["supplier"]) == (False, False, None)
    assert found["explanation"] == [{"label": "On hand"}, {"label": "Quantity"}]
    approvers.says = InvalidInputError("I1 has no lead time")
    answer = await desk.ask(AGAIN, PLANNER, id=an_id(), on="SAME")
    [error] = answer.errors
    assert "I1 has no lead time" in str(error)
