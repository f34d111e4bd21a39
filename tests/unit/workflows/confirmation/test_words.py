"""Words of callers and of systems: each is heard once, by the confirmation of its order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from canonical.criteria import Condition, Op
from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from canonical.events import (
    ACKNOWLEDGED,
    LINE_RESCHEDULED,
    STATUS_CHANGED,
    ConfirmedLine,
    Event,
    PurchaseOrderAcknowledged,
    PurchaseOrderLineRescheduled,
    PurchaseOrderStatusChanged,
)
from canonical.ordering import (
    Acknowledged,
    AcknowledgedWish,
    AcknowledgementDecision,
    Speaker,
)
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.writing import Promise
from tests.fakes.engines import FakeEngine
from tests.fakes.processes import NOW
from tests.unit.workflows.confirmation.house import DUE, SENT, TODAY, House, line, order, promise
from workflows.confirmation.desk import Desk
from workflows.confirmation.hearing import Listening
from workflows.confirmation.words import (
    CONFIRMATION,
    WORD,
    Confirmed,
    OrderSent,
    VerdictState,
)
from workflows.ordering.handing import ORDERING, confirmation_id
from workflows.process import ProcessKind, Starting

OWN = (Condition("supplier", Op.IN, ("S-1",)),)
OTHERS = (Condition("supplier", Op.IN, ("S-2",)),)
ID = confirmation_id("procurement", "7")


@dataclass
class Scene:
    """A house whose processes run in an engine, and its desk."""

    house: House = field(default_factory=House)

    def __post_init__(self) -> None:
        house = self.house
        house.engine = FakeEngine(house.kind, house.speaking.kind(), clock=house.clock)
        self.engine = house.engine
        self.keys = iter(f"new-{n}" for n in range(100))
        self.desk = Desk(
            engine=self.engine,
            processes=house,
            records=house,
            policies=house.policies,
            leading=("procurement",),
            now=house.clock,
            new_key=lambda: next(self.keys),
        )

    async def sent(self) -> None:
        starting = Starting(kind=CONFIRMATION, process_id=ID, asked=SENT, correlation_id="c-1")
        await self.engine.start([starting])
        await self.engine.quiet()

    async def says(self, *promises: Promise, key: str | None = None, **more: Any) -> Acknowledged:
        wish = AcknowledgedWish(number="PO-7", promises=promises, key=key)
        speaker = Speaker(**{"subject": "sally", "criteria": OWN, **more})
        return await self.desk.acknowledge(wish, speaker=speaker, correlation_id="c-2")

    async def decides(self, choice: Choice, **more: Any) -> Acknowledged:
        decision = AcknowledgementDecision(number="PO-7", choice=choice, **more)
        return await self.desk.decide(
            decision, speaker=Speaker(subject="bert"), correlation_id="c-3"
        )

    def listening(self, *, others: bool = True) -> Listening:
        return Listening(self.engine, self.house, ("procurement",), others=others)

    def confirmations(self) -> Mapping[str, Any]:
        found = self.engine.processes.items()
        return {i: p.ended for i, p in found if p.kind.kind == CONFIRMATION}

    def words(self) -> list[Any]:
        found = [p for p in self.engine.processes.values() if p.kind.kind == WORD]
        return [p.ended and p.ended.outcome and p.ended.outcome.state for p in found]  # type: ignore[attr-defined]


def codes(came: Acknowledged) -> list[tuple[str, tuple[str, ...]]]:
    return [(f.code, f.field) for f in came.findings]


async def test_an_answer_is_applied_and_the_order_told() -> None:
    scene = Scene()
    await scene.sent()
    came = await scene.says(promise(10), promise(20))
    assert (came.findings, came.pending) == ((), False) or (codes(came), came.pending) == (
        [],
        False,
    )
    assert came.order == SENT.reference
    assert scene.house.erp.told == [("acknowledge", (promise(10), promise(20)))]
    [ended] = scene.confirmations().values()
    assert ended.outcome.promises == (promise(10), promise(20))


async def test_what_is_off_is_pending_until_a_buyer_decides() -> None:
    scene = Scene()
    await scene.sent()
    came = await scene.says(promise(10, 60), promise(20))
    assert (codes(came), came.pending) == ([], True)
    came = await scene.decides(Choice.ACCEPT)
    assert (codes(came), came.pending) == ([], False)
    assert codes(await scene.decides(Choice.ACCEPT)) == [("NOTHING_TO_DECIDE", ())]


async def test_the_same_key_of_the_same_actor_counts_once() -> None:
    scene = Scene()
    await scene.sent()
    first = await scene.says(promise(10, 60), key="k")
    assert await scene.says(promise(10, 60), key="k") == first
    assert await scene.says(Promise(line_number=10, quantity=Decimal("60.0"), on=DUE), key="k")
    assert scene.words() == [VerdictState.PENDING]
    with pytest.raises(ConflictError, match="was used for something else"):
        await scene.says(promise(10), key="k")
    await scene.says(promise(10), key="k", subject="simon")
    await scene.says(promise(20), key="k", issuer="another")
    assert scene.words() == [VerdictState.PENDING, VerdictState.APPLIED, VerdictState.APPLIED]


async def test_an_order_of_another_supplier_is_not_there() -> None:
    scene = Scene()
    with pytest.raises(NotFoundError) as elsewhere:
        await scene.says(promise(10), systems=frozenset({"stores"}))
    with pytest.raises(NotFoundError) as of_others:
        await scene.says(promise(10), criteria=OTHERS)
    scene.house.procurement.orders.clear()
    scene.house.erp.orders.clear()
    with pytest.raises(NotFoundError) as of_nobody:
        await scene.says(promise(10))
    assert elsewhere.value.message == of_others.value.message == of_nobody.value.message
    assert not scene.engine.processes


async def test_an_order_that_was_sent_before_is_confirmed_too() -> None:
    scene = Scene()
    came = await scene.says(promise(10))
    assert (codes(came), came.pending) == ([], False)
    assert list(scene.confirmations()) == [ID]
    told = [("acknowledge", (promise(10),))]
    assert (scene.house.procurement.told, scene.house.erp.told) == (told, told)
    await scene.says(promise(20))
    assert list(scene.confirmations()) == [ID]
    assert scene.confirmations()[ID] is not None


@pytest.mark.parametrize(
    "other",
    [
        {"supplier": "S-2"},
        {"number": "PO-70"},
        {"lines": (line(10),)},
        {"lines": (line(10), line(21))},
    ],
)
async def test_an_order_that_is_another_one_is_not_told(other: dict[str, Any]) -> None:
    scene = Scene()
    erp = scene.house.erp
    erp.orders["4500007"] = msgspec.structs.replace(erp.orders["4500007"], **other)
    await scene.says(promise(10))
    assert (len(scene.house.procurement.told), erp.told) == (1, [])


async def test_an_answer_after_the_end_begins_the_next_round_with_what_was_settled() -> None:
    scene = Scene()
    await scene.sent()
    await scene.says(promise(10, 60), promise(20))
    await scene.decides(Choice.ACCEPT)
    sooner = promise(20, on=DUE - timedelta(days=2))
    came = await scene.says(sooner)
    assert (codes(came), came.pending) == ([], False)
    assert list(scene.confirmations()) == [ID, f"{ID}-2"]
    ended = scene.confirmations()[f"{ID}-2"]
    assert ended.outcome.promises == (promise(10, 60), sooner)
    assert scene.house.erp.told[-1] == ("acknowledge", (sooner,))


async def test_a_word_that_a_confirmation_did_not_hear_before_its_end_is_said_again() -> None:
    scene = Scene()
    await scene.sent()
    listening = scene.engine.processes[ID]
    deliver = scene.engine.deliver

    def lost(process_id: str, topic: str, message: Any) -> None:
        if process_id != ID:
            deliver(process_id, topic, message)

    scene.engine.deliver = lost  # type: ignore[method-assign]
    came = await scene.says(promise(10))
    assert came.pending
    listening.cancel()
    await scene.engine.pass_to(NOW + timedelta(minutes=5))
    assert list(scene.confirmations()) == [ID, f"{ID}-2"]
    assert scene.words() == [VerdictState.APPLIED]


async def test_an_order_in_several_systems_is_the_leading_ones_or_named() -> None:
    scene = Scene()
    house = scene.house
    house.procurement.orders.clear()
    house.procurement.orders["9"] = order("stores", "9", line(10))
    with pytest.raises(InvalidInputError, match=r"exists in erp, stores: say which one"):
        await scene.says(promise(10))
    wish = AcknowledgedWish(number="PO-7", promises=(promise(10),), system="erp")
    came = await scene.desk.acknowledge(wish, speaker=Speaker(subject="x"), correlation_id="c")
    assert came.order is not None
    assert came.order.system == "erp"


@pytest.mark.parametrize(
    "promises, found",
    [
        ((), [("NO_LINES", ("lines",))]),
        ((promise(1),) * 1_001, [("TOO_MANY_LINES", ("lines",))]),
        ((promise(30),), [("LINE_UNKNOWN", ("lines", "0", "lineNumber"))]),
        ((promise(40),), [("LINE_CLOSED", ("lines", "0", "lineNumber"))]),
        (
            (promise(10), promise(10)),
            [("LINE_TWICE", ("lines", n, "lineNumber")) for n in ("0", "1")],
        ),
        ((promise(10, -1),), [("QUANTITY_INVALID", ("lines", "0", "confirmedQuantity"))]),
        ((promise(10, 1_001),), [("QUANTITY_ABSURD", ("lines", "0", "confirmedQuantity"))]),
        ((promise(10, 1_000, TODAY - timedelta(days=7)),), []),
        (
            (promise(10, on=TODAY - timedelta(days=8)), promise(20, on=TODAY.replace(year=2037))),
            [
                ("DATE_PAST", ("lines", "0", "confirmedOn")),
                ("DATE_INVALID", ("lines", "1", "confirmedOn")),
            ],
        ),
        (
            (Promise(line_number=10, quantity=Decimal("NaN"), on=DUE),),
            [("QUANTITY_INVALID", ("lines", "0", "confirmedQuantity"))],
        ),
        (
            (Promise(line_number=10, quantity=Decimal("1.0000001"), on=DUE),),
            [("QUANTITY_INVALID", ("lines", "0", "confirmedQuantity"))],
        ),
    ],
)
async def test_what_is_wrong_is_said_all_at_once(promises: Any, found: Any) -> None:
    scene = Scene(House(line(10), line(20), line(40, cancelled=True)))
    came = await scene.says(*promises)
    assert codes(came) == found
    assert bool(scene.engine.processes) is not bool(found)


@pytest.mark.parametrize("status", ["DRAFT", "RECEIVED", "CANCELLED"])
async def test_an_order_that_cannot_be_confirmed_says_so(status: str) -> None:
    scene = Scene()
    scene.house.procurement.touch("7", {}, status=PurchaseOrderStatus(status))
    assert codes(await scene.says(promise(10))) == [("ORDER_NOT_OPEN", ("number",))]


async def test_a_decision_is_looked_at_too() -> None:
    scene = Scene()
    assert codes(await scene.decides(Choice.SPLIT, key="", note="x" * 2_001)) == [
        ("NOTE_TOO_LONG", ("note",)),
        ("KEY_INVALID", ("idempotencyKey",)),
        ("REST_ON_MISSING", ("restOn",)),
    ]
    past = await scene.decides(Choice.SPLIT, rest_on=TODAY - timedelta(days=1))
    assert codes(past) == [("DATE_INVALID", ("restOn",))]
    assert codes(await scene.decides(Choice.ACCEPT)) == [("NOTHING_TO_DECIDE", ())]
    assert scene.words() == [VerdictState.NOTHING]
    assert scene.confirmations() == {}


def event(kind: Any, data: Any, system: str, key: str, name: str = "e-1") -> Event:
    return Event(
        type=kind.type,
        system=system,
        source_event_id=name,
        key=key,
        subjects=("purchase_order:PO-7",),
        occurred_at=NOW,
        data=data,
        correlation_id="c-9",
    )


def acknowledged(system: str, key: str, *lines: ConfirmedLine) -> Event:
    data = PurchaseOrderAcknowledged(number="PO-7", supplier="S-1", lines=lines)
    return event(ACKNOWLEDGED, data, system, key)


async def test_what_a_system_tells_of_promises_is_an_answer_once() -> None:
    scene = Scene()
    await scene.sent()
    said = {"confirmed_quantity": Decimal(100), "confirmed_on": DUE}
    scene.house.erp.touch("4500007", {10: said})
    told = acknowledged("erp", "4500007", ConfirmedLine(line_number=10, confirmed_on=DUE))
    react = scene.listening().hear
    await react([told, told])
    await react([told])
    await scene.engine.quiet()
    assert scene.words() == [VerdictState.APPLIED]
    assert scene.house.procurement.told == [("acknowledge", (promise(10),))]
    assert scene.house.erp.told == []


async def test_only_systems_that_lead_begin_a_confirmation_by_what_they_tell() -> None:
    scene = Scene()
    react = scene.listening().hear
    less = ConfirmedLine(line_number=10, confirmed_quantity=Decimal(60), confirmed_on=DUE)
    await react([acknowledged("erp", "4500007", less)])
    await scene.engine.quiet()
    assert (scene.words(), scene.confirmations()) == ([VerdictState.NOTHING], {})
    said = {"confirmed_quantity": Decimal(60), "confirmed_on": DUE}
    scene.house.procurement.touch("7", {10: said})
    await react([acknowledged("procurement", "7", less)])
    await scene.engine.quiet()
    assert scene.words() == [VerdictState.NOTHING, VerdictState.PENDING]
    assert list(scene.confirmations()) == [ID]


async def test_an_order_that_is_over_in_a_system_is_looked_at_at_once() -> None:
    scene = Scene()
    await scene.sent()
    scene.house.procurement.touch("7", {}, status=PurchaseOrderStatus.CANCELLED)
    data = PurchaseOrderStatusChanged(
        number="PO-7", supplier="S-1", status=PurchaseOrderStatus.CANCELLED
    )
    react = scene.listening().hear
    await react([event(STATUS_CHANGED, data, "procurement", "7")])
    await scene.engine.quiet()
    assert str(scene.confirmations()[ID].outcome) == "over: PO-7"


async def test_an_order_that_is_wanted_on_another_day_is_judged_again_at_once() -> None:
    scene = Scene()
    await scene.sent()
    later = DUE + timedelta(days=5)
    await scene.says(promise(10, on=later), promise(20))
    scene.house.procurement.touch("7", {10: {"due_on": later}})
    data = PurchaseOrderLineRescheduled(
        number="PO-7",
        supplier="S-1",
        line_number=10,
        item="SKU-10",
        due_on=later,
        previous_due_on=DUE,
    )
    await scene.listening().hear([event(LINE_RESCHEDULED, data, "procurement", "7")])
    await scene.engine.quiet()
    assert scene.confirmations()[ID].outcome.promises == (promise(10, on=later), promise(20))
    assert scene.house.erp.told[-1] == ("acknowledge", (promise(10, on=later),))


def sent(status: PurchaseOrderStatus = PurchaseOrderStatus.SENT) -> Event:
    data = PurchaseOrderStatusChanged(number="PO-7", supplier=None, status=status)
    return event(STATUS_CHANGED, data, "procurement", "7", "e-2")


async def test_an_order_that_was_sent_past_us_is_waited_for_too() -> None:
    scene = Scene()
    await scene.listening(others=False).hear([sent()])
    await scene.listening().hear([sent(PurchaseOrderStatus.APPROVED)])
    assert scene.confirmations() == {}
    await scene.listening().hear([sent(), sent()])
    await scene.engine.pass_to(NOW + timedelta(days=4))
    assert list(scene.confirmations()) == [ID]
    confirming = scene.engine.processes[ID]
    assert [t.category.value for t in confirming.troubles] == ["LATE_ACKNOWLEDGEMENT"]
    assert confirming.troubles[0].subjects[0] == "supplier:S-1"


async def test_an_order_of_ours_is_confirmed_when_its_ordering_says_so() -> None:
    scene = Scene()

    async def making(process: Any, asked: Any) -> Any:
        return await process.wait("never", None, type(asked))

    kind = ProcessKind(ORDERING, 1, OrderSent, Confirmed, making)
    scene.engine._kinds[ORDERING] = kind
    ours = Starting(
        kind=ORDERING,
        process_id="o-1",
        asked=SENT,
        correlation_id="c-1",
        subjects=("order:procurement:7",),
    )
    await scene.engine.start([ours])
    await scene.listening().hear([sent()])
    assert scene.confirmations() == {}
