"""A recommendation is approved by itself or by people, in time, and then ordered."""

from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
from typing_extensions import override

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    Reason,
    RefusedError,
    RejectedError,
    UnavailableError,
)
from canonical.exceptions import ExceptionCategory
from canonical.ordering import (
    Finding,
    FindingCode,
    Ordered,
    OrderReference,
    WantedLine,
    WantedOrder,
)
from canonical.recommendations import RecommendationStatus as Status
from canonical.replenishment import Decision
from canonical.values import Money
from tests.fakes.processes import FakeProcess, Killed
from tests.fakes.proposals import LINES, MORNING, evaluated, needs, nothing, proposal
from tests.processes.approval.house import Approving, Made, approvals, says
from workflows.approval.process import DECIDED, ApprovalAsked, ApprovalOutcome, Told
from workflows.notifications.ports import NoticeKind
from workflows.process import Work

T = TypeVar("T")
ORDER = OrderReference("erp-eu", "45/7", "PO-45")
CHEAP = Money(Decimal(500), "EUR")


async def test_what_is_under_the_limit_needs_nobody(approving: Approving) -> None:
    [key] = await approving.proposed(evaluated(cost=CHEAP))

    found = await approving.kept.get(key)
    assert (found.record.status, found.record.decided_by) == (Status.ORDERED, "rule small")
    assert found.record.purchase_order == "erp-eu/45/7"
    line = WantedLine(item="SKU-1", quantity=Decimal(240), due_on=date(2026, 12, 7), ship_to="L-1")
    assert approving.wanted == [WantedOrder(supplier="S-1", lines=(line,), currency="EUR")]
    assert await approving.outcome(key) == ApprovalOutcome(
        status=Status.ORDERED,
        decided_by="rule small",
        order=ORDER,
        note="the value is under the limit of automatic approval",
    )
    process = approving.engine.processes[key]
    assert process.subjects == [
        f"recommendation:{key}",
        "item:SKU-1",
        "supplier:S-1",
        "location:L-1",
        "region:EU",
        "category:Tools",
        "purchase_order:PO-45",
    ]
    assert str(await approving.outcome(key)) == "ordered, decided by rule small: PO-45 in erp-eu"
    assert {p.correlation_id for p in approving.engine.processes.values()} == {"c-SKU-1"}
    assert {e.correlation_id for e in await approving.told()} == {"c-SKU-1"}
    assert approving.notices == []


async def test_what_is_needed_at_once_is_due_today_at_the_earliest(approving: Approving) -> None:
    await approving.proposed(evaluated(cost=CHEAP, need_by=date(2026, 11, 1)))
    assert [w.lines[0].due_on for w in approving.wanted] == [MORNING.date()]


async def test_people_are_told_reminded_and_then_others_are_asked(approving: Approving) -> None:
    [key] = await approving.proposed()
    process = approving.engine.processes[key]
    assert process.waiting_for == "a decision"

    await approving.engine.pass_to(MORNING + timedelta(hours=30))
    assert [(n.kind, n.to) for n in approving.notices] == [
        (NoticeKind.APPROVAL_REQUESTED, ("role:buyer",)),
        (NoticeKind.APPROVAL_REMINDER, ("role:buyer",)),
        (NoticeKind.APPROVAL_ESCALATED, ("owner:lea",)),
    ]
    assert len({n.key for n in approving.notices}) == 3
    assert (await approving.kept.get(key)).record.escalated_to == "owner:lea"
    [trouble] = process.troubles
    assert (trouble.category, trouble.cause) == (
        ExceptionCategory.APPROVAL_OVERDUE,
        f"approval:{key}/overdue",
    )
    assert trouble.value_at_risk == Money(Decimal(1200), "EUR")
    assert trouble.message == (
        "nobody has decided since 2026-11-23 08:00 UTC whether 240 EA of SKU-1 are bought for "
        f"L-1, needed by 2026-12-07: approve or reject recommendation {key}"
    )

    decided = await approving.desk.decide(key, says(), correlation_id="q-1")
    assert (decided.status, decided.decided_by) == (Status.APPROVED, "pia")
    assert (await approving.outcome(key)).status is Status.ORDERED
    assert process.gone == [trouble.cause]
    assert process.waiting_for is None


async def test_a_newer_proposal_does_not_begin_the_waiting_anew(approving: Approving) -> None:
    [old] = await approving.proposed()
    await approving.engine.pass_to(MORNING + timedelta(hours=25))
    told = len(approving.notices)
    _, new = await approving.proposed(evaluated(quantity=Decimal(250)))

    found = await approving.kept.get(new)
    assert (found.waiting_since, found.record.escalated_to) == (MORNING, "owner:lea")
    assert len(approving.notices) == told
    assert approving.engine.processes[old].gone == [f"approval:{old}/overdue"]
    [trouble] = approving.engine.processes[new].troubles
    assert trouble.cause == f"approval:{new}/overdue"
    await approving.desk.decide(new, says(), correlation_id="q")
    await approving.engine.quiet()
    assert approving.engine.processes[new].gone == [trouble.cause]


async def test_what_nobody_decides_expires(approving: Approving) -> None:
    [key] = await approving.proposed()
    await approving.engine.pass_to(MORNING + timedelta(days=15))

    assert await approving.outcome(key) == ApprovalOutcome(
        status=Status.EXPIRED, note="nobody has decided in time"
    )
    assert approving.notices[-1].kind is NoticeKind.APPROVAL_EXPIRED
    assert approving.engine.processes[key].gone == [f"approval:{key}/overdue"]
    assert approving.wanted == []


async def test_what_is_rejected_or_superseded_ends(approving: Approving) -> None:
    keys = await approving.proposed(evaluated(), evaluated("SKU-2"), evaluated("SKU-3"))
    no = says(decision=Decision.REJECT, note="too much")
    await approving.desk.decide(keys[0], no, correlation_id="q")
    await approving.proposed(nothing("SKU-2"), evaluated("SKU-3", quantity=Decimal(1)))

    assert [await approving.outcome(key) for key in keys] == [
        ApprovalOutcome(status=Status.REJECTED, decided_by="pia", note="too much"),
        ApprovalOutcome(
            status=Status.SUPERSEDED,
            note="a newer evaluation finds that nothing is needed any more",
        ),
        ApprovalOutcome(status=Status.SUPERSEDED, note="a newer evaluation proposes otherwise"),
    ]
    assert len(approving.engine.processes) == 4
    assert approving.wanted == []
    assert str(await approving.outcome(keys[0])) == "rejected, decided by pia: too much"


@pytest.mark.parametrize(
    "comes_of_it, why",
    [
        (
            Ordered(
                findings=(
                    Finding(code=FindingCode.ITEM_NOT_ACTIVE, message="SKU-1 is not active"),
                    Finding(code=FindingCode.BUDGET_EXCEEDED, message="no budget left"),
                )
            ),
            "SKU-1 is not active; no budget left",
        ),
        (
            RejectedError("erp-eu", "period closed"),
            "ordering refuses: erp-eu refuses: period closed",
        ),
        (Ordered(), "process {key}/order has made no order"),
    ],
    ids=["findings", "rejected", "no order"],
)
async def test_an_order_that_is_not_made_says_why(
    approving: Approving, comes_of_it: Ordered | RejectedError, why: str
) -> None:
    approving.comes_of_it = comes_of_it
    [key] = await approving.proposed(evaluated(cost=CHEAP))
    record = (await approving.kept.get(key)).record
    assert (record.status, record.decision_note) == (Status.FAILED, why.format(key=key))
    [(again, second)] = await approving.take(evaluated(cost=CHEAP))
    assert again == "PROPOSED"
    assert (await approving.kept.get(second)).failed_before


async def test_after_an_order_that_failed_somebody_looks_first(approving: Approving) -> None:
    approving.comes_of_it = RejectedError("erp-eu", "period closed")
    cheap = evaluated(cost=CHEAP)
    [first] = await approving.proposed(cheap)
    approving.later(days=6)
    [_, second] = await approving.proposed(cheap)
    assert [await approving.status(key) for key in (first, second)] == ["FAILED", "PROPOSED"]

    approving.comes_of_it = approving.made("erp-eu", "46")
    await approving.desk.decide(second, says(), correlation_id="q")
    await approving.engine.quiet()
    approving.later(minutes=2)
    [_, _, third] = await approving.proposed(cheap)
    assert await approving.status(third) == "ORDERED"


async def test_a_decision_is_heard_of_whoever_died_after_it(approving: Approving) -> None:
    [key] = await approving.proposed()
    await approving.kept.decide(key, says(), approvals(1))  # and who did so dies here
    assert await approving.outcome(key) is None

    await approving.react()
    assert (await approving.outcome(key)).status is Status.ORDERED
    approving.position = 0
    await approving.react()
    assert len(approving.engine.processes) == 2
    assert len(approving.wanted) == 1


async def test_a_process_need_not_hear_at_once_of_what_was_decided(approving: Approving) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise UnavailableError("store", Reason.CONNECTION, "cannot be reached")

    [key] = await approving.proposed()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(approving.engine, "signal", refuse)
        decided = await approving.desk.decide(key, says(), correlation_id="q")
    assert decided.status is Status.APPROVED
    await approving.engine.pass_to(MORNING + timedelta(hours=5))  # when it would remind somebody
    assert (await approving.outcome(key)).status is Status.ORDERED
    assert [n.kind for n in approving.notices] == [NoticeKind.APPROVAL_REQUESTED]


class Dying(FakeProcess):
    """A process that dies once, when the work of a step was done and nobody has noted it."""

    dies_at = 0
    worked = 0

    @override
    async def step(self, name: str, work: Work[T], result: type[T]) -> T:
        async def dying() -> T:
            found = await work()
            self.worked += 1
            if self.worked == self.dies_at:
                raise Killed
            return found

        return await super().step(name, dying, result)

    def risen(self) -> "Dying":
        """The same process, from the beginning."""
        process = Dying(self.id)
        process.__dict__.update(self.__dict__, _next=0)
        return process


@pytest.mark.parametrize("cost, steps", [(CHEAP, 3), (None, 5)], ids=["by a rule", "by people"])
async def test_a_process_that_dies_at_any_step_goes_on_where_it_was(
    approving: Approving, cost: Money | None, steps: int
) -> None:
    for dies_at in range(1, steps + 1):
        key = await approving.one(f"SKU-{dies_at}", cost=cost)
        approving.decides = key
        process = Dying(key, clock=approving.clock)
        process.dies_at = dies_at
        process.results[f"{key}/order"] = Made(Ordered(order=ORDER))
        process.hear(DECIDED, Told(), approving.clock() + timedelta(hours=5))
        with pytest.raises(Killed):
            await approving.approval.run(process, ApprovalAsked(key))
        process = process.risen()
        outcome = await approving.approval.run(process, ApprovalAsked(key))

        assert (outcome.status, outcome.order) == (Status.ORDERED, ORDER)
        assert [s.process_id for s in process.started] == [f"{key}/order"]
        told = [e.data.status.value for e in await approving.told() if e.key == key]
        assert told == ["PROPOSED", "APPROVED", "ORDERED"]
        assert len({n.key for n in approving.notices if key in n.key}) == (0 if cost else 2)


@pytest.mark.parametrize(
    "approved, status, note",
    [(False, "REJECTED", "stop"), (True, "FAILED", "given up by olga: stop")],
    ids=["while it waits", "while it is ordered"],
)
async def test_an_operator_may_give_it_up(
    approving: Approving, approved: bool, status: str, note: str
) -> None:
    key = await approving.one()
    process = FakeProcess(key, clock=approving.clock)
    if approved:
        await approving.kept.decide(key, says(), approvals(1))

        async def give_up(*_: object) -> Made:
            process.cancel("stop")
            return Made(Ordered(order=ORDER))

        process.came_of = give_up  # type: ignore[method-assign,assignment]
    else:
        process.hear(DECIDED, Told())
        process.cancel("stop")
    with pytest.raises(Exception, match="stop"):
        await approving.approval.run(process, ApprovalAsked(key))
    record = (await approving.kept.get(key)).record
    assert (record.status.value, record.decision_note) == (status, note)


async def test_the_desk_refuses_by_policy(approving: Approving) -> None:
    asked = needs(proposal(cost=Money(Decimal(6_000), "EUR")), requested_by="ben")
    [key] = await approving.proposed(asked)
    with pytest.raises(RefusedError) as refused:
        await approving.desk.decide(key, says(), correlation_id="q")
    assert refused.value.message == (
        "the value is above 5,000 EUR, the most that planner may approve: ask somebody with a "
        "higher limit"
    )
    with pytest.raises(RefusedError, match="you have asked for this yourself"):
        await approving.desk.decide(key, says("ben", role="buyer"), correlation_id="q")
    await approving.desk.decide(key, says("ann", role="buyer"), correlation_id="q")
    with pytest.raises(ConflictError, match="approved by ann"):
        await approving.desk.decide(key, says(), correlation_id="q")


async def test_a_recommendation_is_calculated_again(approving: Approving) -> None:
    [key] = await approving.proposed()
    same = await approving.desk.recalculate(key, today=False, correlation_id="q")
    assert (same.same, same.proposal, same.lines) == (True, proposal(), LINES)
    today = await approving.desk.recalculate(key, today=True, correlation_id="q")
    assert (today.same, today.proposal, today.lines) == (False, None, LINES[:1])
    assert await approving.status(key) == "PROPOSED"

    old = await approving.one("SKU-2", inputs=b"{}")
    with pytest.raises(InvalidInputError, match="were kept in another form"):
        await approving.desk.recalculate(old, today=False, correlation_id="q")
