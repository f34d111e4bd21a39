"""The process of one order, from its sending to its last promise."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.exceptions import ExceptionCategory
from canonical.purchase_orders import PurchaseOrderStatus
from canonical.values import Money
from tests.fakes.processes import NOW
from tests.unit.workflows.confirmation.house import (
    DUE,
    SENT,
    House,
    answer,
    at,
    causes,
    line,
    promise,
    says,
    verdicts,
)
from workflows.confirmation.policies import Patience, Tolerance
from workflows.confirmation.words import WORDS, ConfirmedState, Word
from workflows.notifications.ports import NoticeKind
from workflows.ordering.handing import OrderHanded
from workflows.process import CancelledByOperatorError


async def test_an_answer_within_tolerance_is_told_to_all_systems_once() -> None:
    house = House()
    early = promise(20, on=DUE - timedelta(days=3))
    says(house, promise(10), early)
    done = await house.run()
    assert (done.state, done.promises) == (ConfirmedState.CONFIRMED, (promise(10), early))
    told = [("acknowledge", (promise(10), early))]
    assert (house.procurement.told, house.erp.told) == (told, told)
    assert house.logged == [("procurement", "confirmation-1"), ("erp", "confirmation-2")]
    assert verdicts(house) == ["applied"]
    assert house.process.troubles == []
    assert set(house.process.subjects) == {
        "supplier:S-1",
        "purchase_order:PO-7",
        "order:procurement:7",
        "order:erp:4500007",
        "item:SKU-10",
        "item:SKU-20",
        "category:Tools",
        "region:EU",
    }


async def test_nobody_answers_the_supplier_is_reminded_and_then_late() -> None:
    house = House()
    house.process.hear(WORDS, Word(answer=answer(promise(10), promise(20))), at(20))
    await house.run()
    [notice] = house.notices
    assert notice.kind is NoticeKind.CONFIRMATION_REMINDER
    assert notice.to == ("supplier:S-1", "email:sales@s-1.example")
    assert notice.about == "purchase_order:PO-7"
    assert "lines 10, 20" in notice.text
    [late] = house.process.troubles
    assert late.category is ExceptionCategory.LATE_ACKNOWLEDGEMENT
    assert late.value_at_risk == Money(Decimal("500.00"), "EUR")
    assert late.subjects == (
        "supplier:S-1",
        "purchase_order:PO-7",
        "item:SKU-10",
        "category:Tools",
        "region:EU",
        "item:SKU-20",
    )
    assert causes(house.process.troubles) == ["unanswered"]
    assert house.process.gone == ["order:procurement:7/unanswered"]


@pytest.mark.parametrize(
    "patience, reminded, late",
    [
        ((), 2.0, 3.0),
        ((Patience(hours=12, suppliers=frozenset({"S-1"})),), 0.5, 1.5),
        ((Patience(hours=12, countries=frozenset({"US"})),), 2.0, 3.0),
        ((Patience(hours=24, reminders=0),), None, 1.0),
    ],
)
async def test_how_long_a_supplier_has_is_said_by_rules(
    patience: tuple[Patience, ...], reminded: float | None, late: float
) -> None:
    house = House(patience=patience, expires_days=10)
    moments: dict[str, float] = {}
    report, tell = house.process.report, house.tell

    async def reported(trouble: Any) -> None:
        moments["late"] = (house.clock() - NOW) / timedelta(days=1)
        await report(trouble)

    async def told(notices: Any) -> None:
        moments["reminded"] = (house.clock() - NOW) / timedelta(days=1)
        await tell(notices)

    house.process.report, house.tell = reported, told  # type: ignore[method-assign]
    done = await house.run()
    assert done.state is ConfirmedState.UNANSWERED
    assert (moments.get("reminded"), moments["late"]) == (reminded, late)
    assert house.process.gone == []


async def test_what_no_system_knows_of_items_suppliers_and_places_is_done_without() -> None:
    house = House()
    house.unsupported = {EntityName.ITEM, EntityName.SUPPLIER, EntityName.LOCATION}
    says(house, promise(10), promise(20))
    assert (await house.run()).state is ConfirmedState.CONFIRMED


async def test_lines_that_are_not_named_stay_unconfirmed() -> None:
    house = House()
    says(house, promise(10))
    says(house, promise(20), after=9)
    done = await house.run()
    assert verdicts(house) == ["applied", "applied"]
    assert [n.text for n in house.notices] == [
        "Please confirm order PO-7: lines 20 are not confirmed yet."
    ]
    assert done.promises == (promise(10), promise(20))


async def test_what_is_off_waits_for_a_buyer_and_the_rest_is_told() -> None:
    house = House(expires_days=2)
    says(house, promise(10, 60), promise(20))
    done = await house.run()
    assert done.state is ConfirmedState.UNANSWERED
    assert house.erp.told == [("acknowledge", (promise(20),))]
    assert verdicts(house) == ["pending"]
    [off] = house.process.troubles
    assert off.category is ExceptionCategory.QUANTITY_DEVIATION
    assert "line 10 (SKU-10): 60 PC promised of 100 PC" in off.message
    assert off.value_at_risk == Money(Decimal("100.00"), "EUR")
    assert house.process.waiting_for == "a buyer's decision on lines 10"


async def test_a_day_that_is_off_and_a_quantity_are_two_troubles() -> None:
    house = House(expires_days=2)
    says(house, promise(10, 130), promise(20, on=DUE + timedelta(days=1)))
    await house.run()
    assert causes(house.process.troubles) == ["quantity", "delivery"]
    assert "1 days late" in house.process.troubles[1].message
    assert house.process.troubles[1].value_at_risk == Money(Decimal("250.00"), "EUR")


@pytest.mark.parametrize(
    "tolerance, within",
    [
        (Tolerance(percent=Decimal(5), days_late=2), True),
        (Tolerance(percent=Decimal(4), days_late=2), False),
        (Tolerance(quantity=Decimal(5), days_late=2), True),
        (Tolerance(percent=Decimal(5), days_late=1), False),
        (Tolerance(percent=Decimal(99), days_late=99, suppliers=frozenset({"S-2"})), False),
        (Tolerance(percent=Decimal(5), days_late=2, categories=frozenset({"Tools"})), True),
        (Tolerance(percent=Decimal(5), days_late=2, categories=frozenset({"Oils"})), False),
    ],
)
async def test_how_far_promises_may_be_off_is_said_by_rules(
    tolerance: Tolerance, within: bool
) -> None:
    house = House(line(10), tolerances=(tolerance,), expires_days=2)
    says(house, promise(10, 95, DUE + timedelta(days=2)))
    done = await house.run()
    assert (done.state is ConfirmedState.CONFIRMED) is within


async def test_a_line_that_is_refused_is_always_off() -> None:
    house = House(line(10), tolerances=(Tolerance(percent=Decimal(100)),), expires_days=2)
    says(house, promise(10, 0, DUE + timedelta(days=400)))
    await house.run()
    assert causes(house.process.troubles) == ["quantity"]


async def test_a_further_answer_counts_instead_line_by_line() -> None:
    house = House()
    says(house, promise(10, 60), promise(20))
    better = promise(20, on=DUE - timedelta(days=1))
    says(house, promise(10), better, after=2)
    done = await house.run()
    assert done.promises == (promise(10), better)
    assert house.process.gone == ["order:procurement:7/quantity"]
    assert house.erp.told == [
        ("acknowledge", (promise(20),)),
        ("acknowledge", (promise(10), better)),
    ]


async def test_what_the_leading_system_tells_is_told_to_the_others_alone() -> None:
    house = House(line(10))
    house.procurement.touch("7", {10: {"confirmed_quantity": Decimal(100), "confirmed_on": DUE}})
    done = await house.run()
    assert done.state is ConfirmedState.CONFIRMED
    assert house.procurement.told == []
    assert house.erp.told == [("acknowledge", (promise(10),))]


async def test_a_promise_whose_event_was_missed_is_seen_when_the_order_is_looked_at() -> None:
    house = House(line(10))
    wait = house.process.wait

    async def waited(*given: Any) -> Any:
        found = await wait(*given)
        said = {"confirmed_quantity": Decimal(100), "confirmed_on": DUE}
        house.procurement.touch("7", {10: said})
        return found

    house.process.wait = waited  # type: ignore[method-assign, assignment]
    assert (await house.run()).state is ConfirmedState.CONFIRMED
    assert house.notices == []


async def test_the_same_again_says_nothing_new() -> None:
    house = House()
    says(house, promise(10))
    says(house, promise(10), after=1.1, system="procurement")
    says(house, promise(20, 10), after=1.2)
    says(house, promise(20, 10), after=1.3)
    says(house, promise(20), after=1.4)
    await house.run()
    assert verdicts(house) == ["applied", "known", "pending", "pending", "applied"]
    assert len(house.procurement.told) == 2


async def test_an_order_that_is_over_is_confirmed_no_more() -> None:
    house = House()
    says(house, promise(10, 5), after=0.2)
    says(house, promise(20), after=0.3)
    signal = house.process.signal

    async def signalled(*given: Any) -> None:
        house.procurement.touch("7", {}, status=PurchaseOrderStatus.CANCELLED)
        await signal(*given)

    house.process.signal = signalled  # type: ignore[method-assign, assignment]
    done = await house.run()
    assert done.state is ConfirmedState.OVER
    assert verdicts(house) == ["pending", "over"]
    assert house.process.gone == ["order:procurement:7/quantity"]


async def test_an_operator_gives_it_up() -> None:
    house = House()
    says(house, promise(10, 5))
    signal = house.process.signal

    async def signalled(*given: Any) -> None:
        await signal(*given)
        house.process.cancel("made by phone")

    house.process.signal = signalled  # type: ignore[method-assign, assignment]
    with pytest.raises(CancelledByOperatorError):
        await house.run()
    assert house.process.gone == ["order:procurement:7/quantity"]


async def test_what_ordering_hands_on_begins_it() -> None:
    house = House(line(10))
    says(house, promise(10))
    handed = OrderHanded(
        system="procurement", key="7", number="PO-7", supplier="S-1", follow=SENT.follow
    )
    assert (await house.run(handed)).state is ConfirmedState.CONFIRMED  # type: ignore[arg-type]
    assert len(house.erp.told) == 1
