"""Words of callers and of systems: each is heard once, by the confirmation of its order."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from canonical.ordering import (
    AcknowledgedWish,
    Speaker,
)
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.writing import Promise
from tests.fakes.processes import NOW
from tests.unit.workflows.confirmation.house import DUE, SENT, TODAY, House, line, order, promise
from tests.unit.workflows.confirmation.scene import ID, OTHERS, Scene, codes
from workflows.confirmation.words import (
    VerdictState,
)


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
