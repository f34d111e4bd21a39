"""What buyers decide on answers that are off."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import ConflictError
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.ordering import Finding, FindingCode, WantedLine
from canonical.writing import Ability, LineChange
from tests.unit.workflows.confirmation.house import (
    DUE,
    SENT,
    House,
    answer,
    at,
    causes,
    line,
    promise,
)
from workflows.confirmation.words import VERDICTS, WORDS, ConfirmedState, Decision, Verdict, Word
from workflows.notifications.ports import NoticeKind
from workflows.ordering.handing import (
    CANCELLING,
    ORDERING,
    OrderAsked,
    OrderFollowed,
    OrderGivenUp,
    OrderMade,
    OrderState,
)

LATER = DUE + timedelta(days=14)
LESS, LATE = promise(10, 60), promise(20, on=DUE + timedelta(days=9))


def decides(
    house: House, choice: Choice, *, after: float = 0.2, rest_on: date | None = None, **more: Any
) -> None:
    decision = Decision(choice=choice, actor="bert", rest_on=rest_on, **more)
    house.process.hear(WORDS, Word(decision=decision, reply_to="w-2"), at(after))


class Came(dict[str, Any]):
    """What comes of the processes that are begun: of each kind the same."""

    def __init__(self, **by_kind: Any) -> None:
        super().__init__()
        self.by_kind = by_kind

    def __missing__(self, process_id: str) -> Any:
        return self.by_kind[process_id.rpartition("-")[0]]


MADE = OrderMade(state=OrderState.MADE)
TOO_FEW = Finding(code=FindingCode.QUANTITY_BELOW_MINIMUM, message="40 is less than 50")


def off(house: House) -> None:
    house.process.hear(WORDS, Word(answer=answer(LESS, LATE)), at(0.1))


def verdict(house: House) -> Verdict:
    found = [m for _, topic, m in house.process.signalled if topic == VERDICTS]
    assert isinstance(found[-1], Verdict)
    return found[-1]


def refusals(house: House) -> list[str]:
    return [f.code for f in verdict(house).findings]


async def test_accepted_promises_count_and_are_told() -> None:
    house = House()
    off(house)
    decides(house, Choice.ACCEPT, note="fine")
    done = await house.run()
    assert (done.state, done.promises) == (ConfirmedState.CONFIRMED, (LESS, LATE))
    assert house.erp.told == house.procurement.told == [("acknowledge", (LESS, LATE))]
    assert causes(house.process.troubles) == ["quantity", "delivery"]
    assert len(house.process.gone) == 2


async def test_renegotiated_lines_are_open_again_and_the_supplier_is_written_to() -> None:
    house = House()
    off(house)
    decides(house, Choice.RENEGOTIATE, note="We need all of it.")
    house.process.hear(WORDS, Word(answer=answer(promise(10), promise(20))), at(0.3))
    done = await house.run()
    assert done.promises == (promise(10), promise(20))
    [notice] = house.notices
    assert notice.kind is NoticeKind.CONFIRMATION_REQUESTED
    assert "line 10 (SKU-10): 60 PC promised of 100 PC" in notice.text
    assert notice.text.endswith("We need all of it.")


async def test_a_supplier_that_is_to_think_again_has_all_its_time_again() -> None:
    house = House()
    off(house)
    decides(house, Choice.RENEGOTIATE, after=1.9)
    house.process.hear(WORDS, Word(answer=answer(promise(10), promise(20))), at(3.8))
    await house.run()
    assert [n.kind for n in house.notices] == [NoticeKind.CONFIRMATION_REQUESTED]


async def test_a_split_cuts_lines_to_what_is_promised_and_orders_the_rest() -> None:
    house = House()
    house.process.results = Came(ordering=MADE)
    off(house)
    decides(house, Choice.SPLIT, rest_on=LATER)
    done = await house.run()
    assert (done.state, done.promises) == (ConfirmedState.CONFIRMED, (LESS, LATE))
    assert house.erp.told == [
        ("change", (LineChange(line_number=10, quantity=Decimal(60)),)),
        ("acknowledge", (LESS, LATE)),
    ]
    [rest] = house.process.started
    assert rest.kind == ORDERING
    assert isinstance(rest.asked, OrderAsked)
    assert rest.asked.actor == "bert"
    assert rest.asked.wanted.lines == (
        WantedLine(
            item="SKU-10",
            quantity=Decimal(40),
            due_on=LATER,
            ship_to="DC-1",
            unit_price=Decimal("2.50"),
        ),
    )
    assert rest.asked.wanted.currency == "EUR"


async def test_a_split_of_a_line_that_is_refused_orders_all_of_it_anew() -> None:
    house = House()
    house.process.results = Came(ordering=MADE)
    house.process.hear(WORDS, Word(answer=answer(LESS, promise(20, 0))), at(0.1))
    decides(house, Choice.SPLIT, rest_on=LATER)
    done = await house.run()
    assert done.promises == (LESS,)
    [rest] = house.process.started
    assert isinstance(rest.asked, OrderAsked)
    assert [x.quantity for x in rest.asked.wanted.lines] == [40, 100]
    assert house.erp.orders["4500007"].lines[1].cancelled


@pytest.mark.parametrize(
    "spoiled, code",
    [
        ({"said": (LATE,)}, "NOTHING_TO_SPLIT"),
        ({"rest_on": None}, "REST_ON_MISSING"),
        ({"abilities": {Ability.ACKNOWLEDGE}}, "UNSUPPORTED"),
        ({"unit": "CT"}, "UNSUPPORTED"),
    ],
)
async def test_what_cannot_be_split_is_said(spoiled: dict[str, Any], code: str) -> None:
    unit = spoiled.get("unit", "PC")
    house = House(line(10, unit=unit), line(20), expires_days=1)
    house.erp.abilities = frozenset(spoiled.get("abilities", Ability))
    said = spoiled.get("said", (LESS, LATE))
    house.process.hear(WORDS, Word(answer=answer(*said)), at(0.1))
    decides(house, Choice.SPLIT, rest_on=spoiled.get("rest_on", LATER))
    await house.run()
    assert refusals(house) == [code]
    assert house.erp.told == []
    assert house.process.started == []


async def test_a_rest_that_cannot_be_ordered_leaves_the_order_as_it_is() -> None:
    house = House()
    refused = OrderMade(state=OrderState.REFUSED, findings=(TOO_FEW,))
    house.process.results = Came(ordering=refused)
    off(house)
    decides(house, Choice.SPLIT, rest_on=LATER)
    decides(house, Choice.ACCEPT, after=0.3)
    done = await house.run()
    said = [m for _, _, m in house.process.signalled if isinstance(m, Verdict)]
    assert [f.code for f in said[0].findings] == ["QUANTITY_BELOW_MINIMUM"]
    assert done.promises == (LESS, LATE)
    assert house.erp.told == [("acknowledge", (LESS, LATE))]


async def test_the_rest_is_ordered_once_however_often_the_order_changes() -> None:
    house = House()
    house.process.results = Came(ordering=MADE)
    off(house)
    house.procurement.next = [ConflictError("changed")] * 4
    decides(house, Choice.SPLIT, rest_on=LATER)
    decides(house, Choice.SPLIT, rest_on=LATER, after=0.3)
    done = await house.run()
    assert len(house.process.started) == 1
    assert done.promises == (LESS, LATE)


async def test_a_split_that_one_system_knows_already_goes_on_in_the_others() -> None:
    house = House()
    house.process.results = Came(ordering=MADE)
    off(house)
    house.erp.next = [ConflictError("changed")]
    decides(house, Choice.SPLIT, rest_on=LATER)
    done = await house.run()
    assert done.promises == (LESS, LATE)
    assert len(house.process.started) == 1
    told = [
        ("change", (LineChange(line_number=10, quantity=Decimal(60)),)),
        ("acknowledge", (LESS, LATE)),
    ]
    assert (house.procurement.told, house.erp.told) == (told, told)


async def test_cancelling_all_open_lines_calls_the_order_off_everywhere() -> None:
    house = House()
    house.process.results = Came(order_cancelling=OrderFollowed())
    off(house)
    decides(house, Choice.CANCEL, note="too late")
    done = await house.run()
    assert done.state is ConfirmedState.CALLED_OFF
    assert [(s.kind, s.asked) for s in house.process.started] == [
        (CANCELLING, OrderGivenUp(order=order, reason="too late", actor="bert"))
        for order in SENT.everywhere
    ]
    assert len(house.process.gone) == 2


async def test_an_order_that_cannot_be_called_off_stays_as_it_is() -> None:
    house = House(expires_days=1)
    refused = Finding(code=FindingCode.REJECTED, message="already shipped")
    house.process.results = Came(order_cancelling=OrderFollowed(findings=(refused,)))
    off(house)
    decides(house, Choice.CANCEL)
    done = await house.run()
    assert done.state is ConfirmedState.UNANSWERED
    assert [f.message for f in verdict(house).findings] == [
        "the order is not called off: already shipped"
    ]
    assert len(house.process.started) == 1
    assert house.process.gone == []


async def test_a_system_that_keeps_an_order_that_is_called_off_is_reported() -> None:
    house = House()
    kept = OrderFollowed(findings=(Finding(code=FindingCode.REJECTED, message="closed"),))
    came = Came(order_cancelling=OrderFollowed())
    house.process.results = came
    start = house.process.start

    async def started(kind: str, process_id: str, asked: Any) -> None:
        await start(kind, process_id, asked)
        came[process_id] = kept if asked.order.system == "erp" else OrderFollowed()

    house.process.start = started  # type: ignore[method-assign]
    off(house)
    decides(house, Choice.CANCEL)
    done = await house.run()
    assert done.state is ConfirmedState.CALLED_OFF
    assert house.process.troubles[-1].message.endswith(
        "is called off, and erp still has it: closed"
    )
    assert len(house.process.gone) == 2


async def test_cancelling_some_lines_leaves_the_others() -> None:
    house = House()
    house.process.hear(WORDS, Word(answer=answer(LESS, promise(20))), at(0.1))
    decides(house, Choice.CANCEL)
    done = await house.run()
    assert (done.state, done.promises) == (ConfirmedState.CONFIRMED, (promise(20),))
    assert house.erp.told[-1] == ("change", (LineChange(line_number=10, quantity=Decimal(0)),))
    assert [x.cancelled for x in house.procurement.orders["7"].lines] == [True, False]


async def test_single_lines_are_called_off_only_where_systems_can_be_told() -> None:
    house = House(expires_days=1)
    house.procurement.abilities = frozenset({Ability.ACKNOWLEDGE})
    house.process.hear(WORDS, Word(answer=answer(LESS, promise(20))), at(0.1))
    decides(house, Choice.CANCEL)
    await house.run()
    assert refusals(house) == ["UNSUPPORTED"]


async def test_nothing_waits_for_a_decision() -> None:
    house = House(expires_days=1)
    decides(house, Choice.ACCEPT)
    await house.run()
    assert refusals(house) == ["NOTHING_TO_DECIDE"]


async def test_a_decision_on_an_order_that_changed_is_made_on_what_it_is_now() -> None:
    house = House()
    off(house)
    house.procurement.next = [ConflictError("changed")]
    decides(house, Choice.ACCEPT)
    done = await house.run()
    assert done.promises == (LESS, LATE)
    assert house.procurement.told == [("acknowledge", (LESS, LATE))]


async def test_an_order_that_changes_all_the_time_is_decided_on_later() -> None:
    house = House(expires_days=1)
    off(house)
    house.procurement.next = [ConflictError("changed")] * 3
    decides(house, Choice.ACCEPT)
    await house.run()
    assert refusals(house) == ["CONFLICT"]
    assert causes(house.process.troubles) == ["quantity", "delivery", "conflict"]


async def test_an_order_that_is_changed_to_what_is_promised_needs_no_decision() -> None:
    house = House()
    off(house)
    wait = house.process.wait

    async def waited(*given: Any) -> Any:
        found = await wait(*given)
        if found is None:
            changed: Any = {10: {"quantity": Decimal(60)}, 20: {"due_on": LATE.on}}
            house.procurement.touch("7", changed)
        return found

    house.process.wait = waited  # type: ignore[method-assign, assignment]
    done = await house.run()
    assert (done.state, done.promises) == (ConfirmedState.CONFIRMED, (LESS, LATE))
    assert house.erp.told == [("acknowledge", (LESS, LATE))]
    assert len(house.process.gone) == 2


async def test_a_split_is_made_of_the_order_as_it_is_now() -> None:
    house = House(line(10))
    house.process.results = Came(ordering=MADE)
    house.process.hear(WORDS, Word(answer=answer(LESS)), at(0.1))
    decides(house, Choice.SPLIT, rest_on=LATER)
    report = house.process.report

    async def reported(trouble: Any) -> None:
        await report(trouble)
        house.procurement.touch("7", {10: {"quantity": Decimal(80)}})

    house.process.report = reported  # type: ignore[method-assign]
    await house.run()
    [rest] = house.process.started
    assert isinstance(rest.asked, OrderAsked)
    assert [x.quantity for x in rest.asked.wanted.lines] == [20]
