"""What systems are told of promises: once, in spite of crashes, doubts, refusals and changes."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from canonical.errors import ConflictError, Reason, RejectedError, UnavailableError
from canonical.writing import Ability
from tests.fakes.processes import NOW, Killed, Stuck
from tests.unit.workflows.confirmation.house import (
    SENT,
    House,
    answer,
    causes,
    line,
    promise,
    says,
    verdicts,
)
from workflows.confirmation.judging import Judged
from workflows.confirmation.policies import Tolerance
from workflows.confirmation.words import ConfirmedState, Word
from workflows.process import SettledByOperatorError


async def test_a_system_that_shows_days_alone_takes_nothing_of_a_promise_back() -> None:
    house = House(line(10), tolerances=(Tolerance(percent=Decimal(50)),))
    touch = house.procurement.touch

    def shows_days(record: str, lines: Any, **more: Any) -> None:
        days = {n: {**x, "confirmed_quantity": None} for n, x in lines.items()}
        touch(record, days, **more)

    house.procurement.touch = shows_days  # type: ignore[method-assign]
    house.procurement.next = [True]
    says(house, promise(10, 60))
    done = await house.run()
    assert house.process.asked == ["acknowledge in procurement"]
    assert len(house.procurement.told) == 1
    assert done.promises == (promise(10, 60),)
    house.process = type(house.process)("confirmation-2", clock=house.clock)
    sent = msgspec.structs.replace(SENT, promised=(promise(10, 60),))
    assert (await house.run(sent)).promises == (promise(10, 60),)
    house.process = type(house.process)("confirmation-3", clock=house.clock)
    first = Word(answer=answer(promise(10, 60)), reply_to="w-1")
    sent = msgspec.structs.replace(SENT, promised=(), first=first)
    assert (await house.run(sent)).promises == (promise(10, 60),)


async def test_an_order_that_changed_meanwhile_is_judged_again_and_not_overwritten() -> None:
    house = House(line(10), expires_days=2)
    read = house.by_keys

    async def changed_after(*given: Any, **more: Any) -> Any:
        found = await read(*given, **more)
        if len(house.process.signalled) == 0 and house.clock() > NOW and not changes:
            changes.append(1)
            house.erp.touch("4500007", {})
            house.procurement.touch("7", {10: {"quantity": Decimal(300)}})
        return found

    changes: list[int] = []
    house.by_keys = changed_after  # type: ignore[method-assign]
    says(house, promise(10))
    await house.run()
    assert house.erp.told == house.procurement.told == []
    assert "100 PC promised of 300 PC" in house.process.troubles[0].message


async def test_an_order_that_changes_all_the_time_is_reported() -> None:
    house = House(line(10), expires_days=2)
    house.procurement.next = [ConflictError("again")] * 3
    says(house, promise(10))
    await house.run()
    assert causes(house.process.troubles) == ["conflict"]
    assert verdicts(house) == ["refused"]


@pytest.mark.parametrize("done", [True, False])
async def test_a_write_whose_answer_was_lost_is_looked_for_and_not_just_told_again(
    done: bool,
) -> None:
    house = House(line(10))
    house.erp.next = [done]
    says(house, promise(10))
    await house.run()
    assert house.process.asked == ["acknowledge in erp"]
    assert house.erp.told == [("acknowledge", (promise(10),))]


async def test_what_a_system_refuses_waits_for_an_operator() -> None:
    house = House(line(10))
    house.erp.next = [RejectedError("erp", "period is closed")]
    says(house, promise(10))
    with pytest.raises(Stuck, match=r"could not acknowledge in erp: erp refuses: period is closed"):
        await house.run()
    house.process = house.process.again()
    house.process.operator = [SettledByOperatorError("olga", "written by hand")]
    house.erp.next = [RejectedError("erp", "period is closed")]
    assert (await house.run()).state is ConfirmedState.CONFIRMED
    assert house.erp.told == []


async def test_a_system_that_takes_no_promises_is_left_alone() -> None:
    house = House(line(10))
    house.erp.abilities = frozenset({Ability.CREATE})
    says(house, promise(10))
    assert (await house.run()).state is ConfirmedState.CONFIRMED
    assert house.erp.told == []


class Dying:
    """Kills the process once, before or after a call of a system."""

    def __init__(self, house: House, dies_at: int) -> None:
        self.left = dies_at
        for system in (house.procurement, house.erp):
            for name in ("acknowledge", "look"):
                setattr(system, name, self._around(getattr(system, name)))

    def _around(self, method: Any) -> Any:
        async def call(*given: Any, **more: Any) -> Any:
            self._maybe()
            found = await method(*given, **more)
            self._maybe()
            return found

        return call

    def _maybe(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest.mark.parametrize("dies_at", range(1, 22))
async def test_a_process_may_die_before_and_after_each_call_of_a_system(dies_at: int) -> None:
    house = House()
    house.erp.next = [UnavailableError("erp", Reason.CONNECTION, "down")]
    says(house, promise(10), promise(20, 60))
    says(house, promise(20), after=5)
    dying = Dying(house, dies_at)
    with pytest.raises(Killed):
        await house.run()
    assert dying.left == 0
    house.process = house.process.again()
    assert (await house.run()).promises == (promise(10), promise(20))
    told = [("acknowledge", (promise(10),)), ("acknowledge", (promise(20),))]
    assert (house.procurement.told, house.erp.told) == (told, told)


async def test_an_extension_may_judge_otherwise_or_refuse() -> None:
    house = House(line(10), expires_days=2)
    step, refusals = house.process.step, [RejectedError("south", "ask the plant first")]

    async def extended(name: str, *given: Any) -> Any:
        found = await step(name, *given)
        if name != "judge the answer":
            return found
        if refusals:
            raise refusals.pop()
        return Judged(tuple(d.promise for d in found.outside), ())

    house.process.step = extended  # type: ignore[method-assign, assignment]
    says(house, promise(10, 60))
    says(house, promise(10, 60), after=1.1)
    done = await house.run()
    assert verdicts(house) == ["refused", "applied"]
    assert done.promises == (promise(10, 60),)


async def test_an_extension_may_keep_back_what_systems_and_suppliers_are_told() -> None:
    house = House(line(10))
    write, step = house.process.write, house.process.step
    refused = RejectedError("south", "not from here")

    async def written(name: str, *given: Any) -> Any:
        if name == "acknowledge in erp":
            raise refused
        return await write(name, *given)

    async def stepped(name: str, *given: Any) -> Any:
        if name == "write to the supplier":
            raise refused
        return await step(name, *given)

    house.process.write = written  # type: ignore[method-assign, assignment]
    house.process.step = stepped  # type: ignore[method-assign, assignment]
    says(house, promise(10), after=2.5)
    assert (await house.run()).state is ConfirmedState.CONFIRMED
    assert (house.notices, house.erp.told) == ([], [])
    [kept_back] = house.process.troubles
    assert "did not acknowledge in erp: south refuses: not from here" in kept_back.message
