"""Every partial outcome of an order ends as docs/ordering.md says."""

from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import ConflictError, MappingMissingError, UnsupportedError
from canonical.exceptions import ExceptionCategory
from canonical.ordering import FindingCode, OrderReference
from canonical.values import Money
from canonical.writing import Ability
from tests.fakes.process_parts import Killed, Stuck
from tests.fakes.processes import FakeProcess
from tests.fakes.sinks import Lost, refused
from tests.processes.ordering.house import ASKED, House
from tests.unit.workflows.ordering.house import line, wanted
from workflows.extensions import Edition, Extension, Place, Whereabouts, extended
from workflows.ordering.handing import (
    CONFIRMATION,
    ORDERING,
    OrderMade,
    OrderState,
    order_key,
)
from workflows.ordering.rules import FollowerRefusal
from workflows.process import (
    CancelledByOperatorError,
    NeedsOperatorError,
    SettledByOperatorError,
)

LEAD = OrderReference("procurement", "procurement-45", "45")
FOLLOWER = OrderReference("erp", "erp-7000", "7000")


def key_of(process: FakeProcess) -> str:
    return order_key(process.id)


async def test_what_the_leading_system_refuses_ends_with_its_words() -> None:
    house, process = House(), FakeProcess()
    house.procurement.next["create"] = [refused("procurement", "budget line 7 is closed")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.REFUSED, ())
    assert [(f.code, f.message) for f in made.findings] == [
        (FindingCode.REJECTED, "procurement refuses: budget line 7 is closed")
    ]
    assert (house.procurement.orders, house.erp.told, process.troubles) == ({}, [], [])
    assert process.started == []


async def test_a_draft_that_cannot_be_released_is_called_off() -> None:
    house, process = House(), FakeProcess()
    house.procurement.next["release"] = [refused("procurement", "no approver")]
    made = await house.make(process)
    assert made.state is OrderState.REFUSED
    assert made.findings[0].message == "procurement refuses: no approver"
    assert house.procurement.orders[LEAD.key].cancelled
    assert house.erp.told == []


async def test_a_system_is_named_once_in_what_is_said_of_it() -> None:
    house = House()
    house.procurement.next["create"] = [MappingMissingError("procurement", "nothing is item I1")]
    made = await house.make(FakeProcess())
    assert [f.message for f in made.findings] == ["procurement: nothing is item I1"]


async def test_orders_that_have_one_key_are_for_people_to_look_at() -> None:
    house, process = House(), FakeProcess()
    house.procurement.next["create"] = [ConflictError("2 orders have that key")]
    made = await house.make(process)
    assert made.findings[0].message == "procurement: 2 orders have that key"
    [trouble] = process.troubles
    assert trouble.category is ExceptionCategory.CONFLICT
    assert f"look for orders with {key_of(process)} there" in trouble.message


async def test_a_refusal_of_the_follower_is_held_until_it_is_put_right() -> None:
    house = House()
    process = FakeProcess(operator=["retry"])
    house.erp.next["create"] = [refused("erp", "material I1 is not extended to plant L1")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.MADE, (LEAD, FOLLOWER))
    assert house.erp.told == [("create", key_of(process))] * 2 + [("release", "erp-7000")]


async def test_a_refusal_of_the_follower_may_be_settled_by_hand() -> None:
    house = House()
    process = FakeProcess(operator=[SettledByOperatorError("olga", "entered by hand")])
    house.erp.next["create"] = [refused("erp", "no")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.SETTLED, (LEAD,))
    assert [s.kind for s in process.started] == [CONFIRMATION]


async def test_a_release_that_is_settled_by_hand_is_looked_at() -> None:
    house = House()
    process = FakeProcess(operator=[SettledByOperatorError("olga", "released by hand")])
    house.erp.next["release"] = [refused("erp", "no")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.SETTLED, (LEAD, FOLLOWER))
    assert "look into erp" in process.steps


async def test_a_refusal_of_the_follower_that_is_given_up_calls_the_order_off() -> None:
    house = House()
    process = FakeProcess(operator=[CancelledByOperatorError("olga", "wrong plant")])
    house.erp.next["create"] = [refused("erp", "no")]
    made = await house.make(process)
    assert made.state is OrderState.CALLED_OFF
    assert house.procurement.orders[LEAD.key].cancelled
    assert (house.erp.orders, made.left) == ({}, ())


async def test_a_refusal_of_the_follower_calls_the_order_off_where_the_route_says_so() -> None:
    house, process = House(refusal=FollowerRefusal.CANCEL), FakeProcess()
    house.erp.next["create"] = [refused("erp", "posting period is closed")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.REFUSED, (LEAD,))
    assert made.findings[0].message == "erp refuses: posting period is closed"
    assert house.procurement.orders[LEAD.key].cancelled
    [trouble] = process.troubles
    assert trouble.category is ExceptionCategory.VALIDATION_REFUSED
    assert trouble.message == (
        "an order to supplier 'S1' is not made: erp refuses: posting period is closed; it is "
        "called off elsewhere"
    )
    assert trouble.value_at_risk == Money(Decimal(200), "EUR")
    assert [o.record.status.value for o in house.ears.heard] == ["SENT", "CANCELLED"]  # type: ignore[union-attr]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("method", ["create", "release"])
@pytest.mark.parametrize("system", ["procurement", "erp"])
async def test_after_a_lost_answer_the_system_is_asked_before_it_is_told_again(
    system: str, method: str, done: bool
) -> None:
    house, process = House(), FakeProcess()
    sink = house.procurement if system == "procurement" else house.erp
    sink.next[method] = [Lost(done)]
    made = await house.make(process)
    assert made.orders == (LEAD, FOLLOWER)
    assert process.asked == [f"{method} in {system}"]
    assert [m for m, _ in sink.told].count(method) == (1 if done else 2)
    assert len(sink.orders) == 1


async def test_what_is_called_off_in_the_leading_system_meanwhile_is_not_made_elsewhere() -> None:
    house = House()
    process = FakeProcess()
    tell = house.ears.tell

    async def called_off(seen: object) -> None:
        house.procurement.change_to(LEAD.key, cancelled=True)
        await tell(seen)  # type: ignore[arg-type]

    house.ears.tell = called_off  # type: ignore[method-assign]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.CALLED_OFF, (LEAD,))
    assert made.findings[0].message == (
        "order 45 was called off in procurement before all systems had it"
    )
    assert (house.erp.told, process.started) == ([], [])


async def test_the_leading_system_is_looked_at_again_before_each_telling() -> None:
    house = House()
    process = FakeProcess(operator=["retry"])
    house.erp.next["create"] = [refused("erp", "no")]
    say = process._ask_operator

    def called_off(name: str, error: Exception) -> None:
        house.procurement.change_to(LEAD.key, cancelled=True)
        say(name, error)

    process._ask_operator = called_off  # type: ignore[method-assign]
    made = await house.make(process)
    assert (made.state, house.erp.orders) == (OrderState.CALLED_OFF, {})


async def test_an_operator_gives_it_up_and_all_systems_call_it_off_last_first() -> None:
    house, process = House(), FakeProcess()
    create = house.erp.create

    async def given_up(*args: Any) -> Any:
        process.cancel("ordered twice")
        return await create(*args)

    house.erp.create = given_up  # type: ignore[assignment,method-assign]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.CALLED_OFF, (LEAD, FOLLOWER))
    assert made.findings[0].message == "olga has called it off: ordered twice"
    assert process.steps[-4:] == [
        "call off in erp",
        "tell of the order in erp",
        "call off in procurement",
        "tell of the order in procurement",
    ]
    assert all(o.cancelled for s in (house.erp, house.procurement) for o in s.orders.values())
    assert process.started == []


async def test_an_order_that_is_given_up_before_anything_was_told_is_made_nowhere() -> None:
    house, process = House(), FakeProcess()
    process.cancel()
    assert (await house.make(process)).state is OrderState.CALLED_OFF
    assert house.procurement.told == []


async def test_what_cannot_be_called_off_becomes_an_exception() -> None:
    house = House()
    process = FakeProcess(operator=[CancelledByOperatorError("olga", "wrong plant")])
    house.erp.next["release"] = [refused("erp", "no")]
    house.erp.next["cancel"] = [refused("erp", "goods have been received")]
    made = await house.make(process)
    assert (made.state, made.left) == (OrderState.CALLED_OFF, ("erp",))
    assert house.procurement.orders[LEAD.key].cancelled
    [trouble] = process.troubles
    assert trouble.category is ExceptionCategory.CONFLICT
    assert trouble.message == (
        "order erp-7000 in erp is to be called off (wrong plant), and is not: erp refuses: goods "
        "have been received. Call it off there by hand, or agree with the supplier"
    )
    assert str(made).endswith("; left in erp")


async def test_a_system_that_calls_nothing_off_is_told_of() -> None:
    house = House(refusal=FollowerRefusal.CANCEL)
    house.procurement.abilities -= {Ability.CANCEL}
    house.erp.next["create"] = [UnsupportedError("erp: takes no orders")]
    process = FakeProcess()
    made = await house.make(process)
    assert made.left == ("procurement",)
    assert "procurement: orders cannot be called off from here" in process.troubles[1].message


async def test_what_changed_meanwhile_is_read_again_before_it_is_called_off() -> None:
    house, process = House(refusal=FollowerRefusal.CANCEL), FakeProcess()
    house.erp.next["create"] = [refused("erp", "no")]
    house.procurement.next["cancel"] = [ConflictError("another by now")] * 2
    made = await house.make(process)
    assert (made.left, house.procurement.orders[LEAD.key].cancelled) == ((), True)
    house.procurement.orders.clear()
    house.erp.next["create"] = [refused("erp", "no")]
    house.procurement.next["cancel"] = [ConflictError("another by now")] * 3
    made = await house.make(FakeProcess("process-2"))
    assert made.left == ("procurement",)


async def test_an_order_in_doubt_that_is_given_up_is_looked_for_later() -> None:
    house = House()
    process = FakeProcess(operator=[CancelledByOperatorError("olga", "enough")])
    house.erp.next["create"] = [Lost(done=True)]
    house.erp.next["find"] = [RuntimeError("nobody knows")]
    began = process.clock()
    made = await house.make(process)
    assert made.state is OrderState.CALLED_OFF
    assert (process.clock() - began).total_seconds() >= 60
    assert house.erp.orders[FOLLOWER.key].cancelled
    assert house.procurement.orders[LEAD.key].cancelled
    assert process.steps.index("call off in procurement") < process.steps.index("call off in erp")


async def test_what_no_server_here_can_make_is_not_begun() -> None:
    house, process = House(follow=("wms",)), FakeProcess()
    made = await house.make(process)
    assert made.state is OrderState.REFUSED
    assert [f.message for f in made.findings] == [
        (
            "orders for region EU are made in wms too, where this server makes none: order at one "
            "of that region, or have writes declared there"
        )
    ]
    assert house.procurement.told == []


@pytest.mark.parametrize(
    "error, category",
    [
        (refused("erp", "no"), ExceptionCategory.VALIDATION_REFUSED),
        (MappingMissingError("erp", "nothing is item I1"), ExceptionCategory.MAPPING_MISSING),
        (ConflictError("2 orders have that key"), ExceptionCategory.CONFLICT),
    ],
)
async def test_what_is_held_says_what_is_wrong_and_what_may_be_done(
    error: Exception, category: ExceptionCategory
) -> None:
    house = House()
    house.erp.next["create"] = [error]
    with pytest.raises(Stuck) as stuck:
        await house.make(FakeProcess())
    held = stuck.value.__cause__
    assert isinstance(held, NeedsOperatorError)
    assert (held.category, held.value_at_risk) == (category, Money(Decimal(200), "EUR"))
    assert held.message == (
        f"order 45 to supplier 'S1' is not complete in erp: {error}. Put that right and have it "
        f"tried again; or settle it, if it is done there by hand; or give it up, and it is called "
        f"off everywhere"
    )


def refusing(step: str, place: Place) -> Extension:
    """A region that refuses at a step."""

    async def ask(question: bytes) -> bytes:
        return b'{"verdict": "refuse", "message": "the quarter is closed"}'

    editions = {1: Edition(ask=ask)}
    return Extension(name="ours", kind=ORDERING, step=step, place=place, editions=editions)


async def nowhere(asked: object, correlation_id: str) -> Whereabouts:
    return Whereabouts()


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize(
    "step, lead, follower",
    [
        ("validate", 0, 0),
        ("create in procurement", 1, 0),
        ("release in procurement", 1, 0),
        ("create in erp", 1, 1),
        ("release in erp", 1, 1),
    ],
)
async def test_what_a_region_refuses_beside_a_system_is_called_off_wherever_it_is(
    step: str, lead: int, follower: int, place: Place
) -> None:
    house, process = House(), FakeProcess()
    made = await extended(house.kinds[0], [refusing(step, place)], nowhere).run(process, ASKED)
    assert isinstance(made, OrderMade)
    assert made.state is OrderState.REFUSED
    assert [f.message for f in made.findings] == ["ours refuses: the quarter is closed"]
    before = place is Place.BEFORE
    assert len(house.procurement.orders) == lead - (before and step == "create in procurement")
    assert len(house.erp.orders) == follower - (before and step == "create in erp")
    assert all(o.cancelled for s in (house.procurement, house.erp) for o in s.orders.values())
    assert (process.pauses, process.started, made.left) == (0, [], ())


async def run_and_kill(at: int, before: bool) -> tuple[House, FakeProcess, bool]:
    """Run it, killed once at one of its calls to systems; and whether there was such a call."""
    house, process = House(), FakeProcess()
    calls = 0

    def killing(work: object) -> object:
        async def call(*args: object, **more: object) -> object:
            nonlocal calls
            calls += 1
            mine = calls
            if mine == at and before:
                raise Killed
            done = await work(*args, **more)  # type: ignore[operator]
            if mine == at:
                raise Killed
            return done

        return call

    for owner, names in (
        (house.procurement, ("create", "find", "look", "release")),
        (house.erp, ("create", "find", "look", "release")),
        (house.ears, ("tell",)),
        (house.records, ("by_keys",)),
    ):
        for name in names:
            setattr(owner, name, killing(getattr(owner, name)))
    try:
        await house.make(process)
    except Killed:
        made = await house.make(process.again())
        assert made.orders == (LEAD, FOLLOWER)
        return house, process, True
    return house, process, False


@pytest.mark.parametrize("before", [True, False])
async def test_wherever_it_is_killed_each_system_has_one_order(before: bool) -> None:
    kills = 0
    while True:
        house, _, killed = await run_and_kill(kills + 1, before)
        assert len(house.procurement.orders) == len(house.erp.orders) == 1
        assert [m for m, _ in house.procurement.told].count("create") == 1
        assert [m for m, _ in house.erp.told].count("create") == 1
        assert len(house.ears.heard) == 2
        if not killed:
            break
        kills += 1
    assert kills == 13


async def test_prices_are_those_of_the_day_on_which_it_is_made() -> None:
    house = House()
    await house.make(FakeProcess(), wanted(line(unit_price=Decimal("9.80"))))
    [order] = house.procurement.made.values()
    assert order.lines[0].unit_price == Money(Decimal("9.80"), "EUR")
    assert ASKED.wanted.lines[0].unit_price is None
