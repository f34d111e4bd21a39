"""What systems tell of orders is heard once, by their confirmation, or begins it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

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
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.purchase_orders import PurchaseOrderStatus
from tests.fakes.processes import NOW
from tests.unit.workflows.confirmation.house import DUE, SENT, promise
from tests.unit.workflows.confirmation.scene import ID, Scene
from workflows.confirmation.words import (
    Confirmed,
    OrderSent,
    VerdictState,
)
from workflows.ordering.handing import ORDERING, OrderMade, OrderState
from workflows.process import ProcessKind, Starting


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


async def test_what_a_confirmation_has_written_itself_is_no_word() -> None:
    scene = Scene()
    told = acknowledged("procurement", "7", ConfirmedLine(line_number=10, confirmed_on=DUE))
    await scene.listening().hear(
        [replace(told, source_event_id=f"{ID}/procurement/confirmation-1")]
    )
    assert scene.engine.processes == {}


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


class Making:
    """An order of ours that is still being made in the ERP."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.made = OrderMade(state=OrderState.MADE, orders=SENT.everywhere)

    async def begins(self) -> None:
        async def run(process: Any, asked: Any) -> Any:
            await process.wait("go on", None, type(asked))
            await process.about("order:erp:4500007")
            return self.made

        kind = ProcessKind(ORDERING, 1, OrderSent, OrderMade, run)
        self.scene.engine._kinds[ORDERING] = kind
        ours = Starting(
            kind=ORDERING,
            process_id="o-1",
            asked=SENT,
            correlation_id="c-1",
            subjects=("order:procurement:7",),
        )
        await self.scene.engine.start([ours])

    async def ends(self) -> None:
        await self.scene.engine.signal("o-1", "go on", SENT, once="1")
        await self.scene.engine.quiet()


async def test_systems_in_which_the_order_is_still_being_made_are_told_in_the_end() -> None:
    scene = Scene()
    making = Making(scene)
    await making.begins()
    scene.house.erp.orders["4500007"] = replace(scene.house.erp.orders["4500007"], number="4500007")
    came = await scene.says(promise(10), promise(20, 60))
    assert (list(came.findings), came.pending) == ([], True)
    assert (len(scene.house.procurement.told), scene.house.erp.told) == (1, [])
    split = await scene.decides(Choice.SPLIT, rest_on=DUE)
    assert [f.code for f in split.findings] == ["STILL_BEING_MADE"]
    await scene.decides(Choice.ACCEPT)
    assert scene.confirmations()[ID] is None
    await making.ends()
    assert scene.confirmations()[ID].outcome.promises == (promise(10), promise(20, 60))
    assert scene.house.erp.told == [("acknowledge", (promise(10), promise(20, 60)))]


async def test_an_order_of_ours_whose_confirmation_nobody_began_is_known_by_its_making() -> None:
    scene = Scene()
    making = Making(scene)
    await making.begins()
    await making.ends()
    scene.house.erp.orders["4500007"] = replace(scene.house.erp.orders["4500007"], number="4500007")
    await scene.says(promise(10), promise(20))
    assert scene.house.erp.told == [("acknowledge", (promise(10), promise(20)))]
