"""Writes: told once, in doubt until the system has said what became of it."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec import Struct

from canonical.errors import (
    BadAnswerError,
    InDoubtError,
    NotFoundError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from canonical.exceptions import ExceptionCategory
from canonical.processes import ProcessState, StepState
from tests.processes.engine.scripts import House
from workflows.process import Ended, Process

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Order(Struct):
    number: int


class System:
    """A system that is told to place an order, and answers as a test says.

    Attributes:
        orders: What it has.
        calls: What was said to it, in order.
        told: What happens when it is told, each time; then it answers.
        asked: What happens when it is asked, each time; then it answers.
    """

    def __init__(self) -> None:
        self.orders: list[int] = []
        self.calls: list[str] = []
        self.told: list[Callable[[], object]] = []
        self.asked: list[Callable[[], object]] = []

    async def tell(self) -> Order:
        self.calls.append("tell")
        if self.told:
            self.told.pop(0)()
        self.place()
        return Order(len(self.orders))

    async def became(self) -> Order | None:
        self.calls.append("ask")
        if self.asked:
            self.asked.pop(0)()
        return Order(len(self.orders)) if self.orders else None

    def place(self) -> None:
        self.orders.append(1)

    def place_and_say_nothing(self) -> None:
        self.place()
        raise InDoubtError("coupa", "did not answer")

    def fail(self, error: Exception) -> Callable[[], object]:
        def failing() -> object:
            raise error

        return failing

    async def script(self, process: Process) -> str:
        order = await process.write("order", self.tell, self.became, Order)
        return f"order {order.number}"


_DOUBT = InDoubtError("coupa", "did not answer")
_AWAY = UnavailableError("coupa", Reason.CONNECTION, "cannot be reached")


async def test_a_system_is_told_once(house: House) -> None:
    system = System()
    assert repr((await house.ends(system.script)).outcome) == "Said(text='order 1')"
    assert system.calls == ["tell"]


async def test_a_refusal_is_an_answer(house: House) -> None:
    system = System()
    system.told = [system.fail(RejectedError("coupa", "the supplier is blocked"))]
    process_id = await house.begin(system.script)
    assert await house.end(process_id) == Ended(
        None, "REJECTED", "coupa refuses: the supplier is blocked"
    )
    assert system.calls == ["tell"]


async def test_after_no_answer_the_system_is_asked_and_not_told_again(house: House) -> None:
    system = System()
    system.told = [system.place_and_say_nothing]
    system.asked = [system.fail(_AWAY)]
    process_id = await house.begin(system.script)
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert system.calls == ["tell", "ask", "ask"]
    assert house.troubles.of(process_id) == []


async def test_what_was_surely_not_done_is_told_again_but_not_before_it_could_still_be_done(
    house: House,
) -> None:
    system = System()
    system.told = [system.fail(_DOUBT)]
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    process_id = await house.begin(system.script)
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert (system.calls[0], system.calls[-1]) == ("tell", "tell")
    assert set(system.calls[1:-1]) == {"ask"}
    assert loop.time() - began_s >= 0.2, "until it may be told again: tell_within_s + settle_s"
    (step,) = (await house.view(process_id)).steps
    assert (step.attempts, step.state) == (2, StepState.DONE)


async def test_what_takes_effect_late_is_found_and_not_done_twice(house: House) -> None:
    system = System()

    def later() -> None:
        asyncio.get_running_loop().call_later(0.1, system.place)
        raise InDoubtError("coupa", "did not answer")

    system.told = [later]
    process_id = await house.begin(system.script)
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert (system.calls.count("tell"), system.orders) == (1, [1])


@pytest.mark.parametrize(
    "error", [_AWAY, BadAnswerError("coupa", "says nonsense"), KeyError("of ours")]
)
async def test_whatever_went_wrong_the_system_is_asked_before_it_is_told_again(
    house: House, error: Exception
) -> None:
    system = System()

    def done_nevertheless() -> None:
        system.place()
        raise error

    system.told = [done_nevertheless]
    process_id = await house.begin(system.script)
    if not isinstance(error, SupplygraphError):
        await house.is_stuck(process_id, "order")
        await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert system.calls == ["tell", "ask"]


async def test_a_system_that_takes_too_long_is_in_doubt(house: House) -> None:
    system = System()

    async def tell() -> Order:
        system.calls.append("tell")
        system.place()
        await asyncio.sleep(60)
        return Order(0)

    async def script(process: Process) -> str:
        order = await process.write("order", tell, system.became, Order)
        return f"order {order.number}"

    assert repr((await house.ends(script)).outcome) == "Said(text='order 1')"
    assert system.calls == ["tell", "ask"]


async def test_a_lasting_doubt_is_told_to_an_operator_and_is_over_when_the_system_answers(
    house: House,
) -> None:
    system = System()
    system.told = [system.place_and_say_nothing]
    system.asked = [system.fail(_AWAY) for _ in range(100)]
    process_id = await house.begin(system.script, "purchase_order:45")
    view = await house.is_stuck(process_id, "order")
    assert view.state is ProcessState.STUCK
    (step,) = view.steps
    assert (step.state, step.detail) == (StepState.IN_DOUBT, "coupa: cannot be reached")
    (trouble,) = house.troubles.of(process_id)
    assert (trouble.category, trouble.subjects) == (
        ExceptionCategory.IN_DOUBT,
        ("purchase_order:45",),
    )
    system.asked.clear()
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert system.calls.count("tell") == 1
    assert trouble.cause in house.troubles.gone


async def test_what_an_operator_did_by_hand_is_the_result_if_the_system_knows_it(
    house: House,
) -> None:
    system = System()
    system.told = [system.fail(KeyError("of ours"))]
    process_id = await house.begin(system.script)
    await house.is_stuck(process_id, "order")
    system.place()
    await house.engine.settle(process_id, "typed it in", actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='order 1')"
    assert system.calls == ["tell", "ask"]


async def test_what_an_operator_settles_without_a_trace_ends_a_process_that_needs_it(
    house: House,
) -> None:
    system = System()
    system.told = [system.fail(KeyError("of ours"))]
    process_id = await house.begin(system.script)
    await house.is_stuck(process_id, "order")
    await house.engine.settle(process_id, "called them", actor="olga")
    assert await house.end(process_id) == Ended(None, "SETTLED", "called them")


async def test_a_system_that_cannot_be_asked_like_that_has_not_answered(house: House) -> None:
    system = System()
    system.told = [system.fail(_DOUBT)]
    system.asked = [system.fail(NotFoundError("no such query"))]
    process_id = await house.begin(system.script)
    await house.is_stuck(process_id, "order")
    (trouble,) = house.troubles.of(process_id)
    assert trouble.category is ExceptionCategory.INTERNAL
    assert system.orders == []
    await house.engine.cancel(process_id, "enough", actor="olga")
    assert await house.end(process_id) == Ended(None, "CANCELLED", "enough")


async def test_two_writes_of_one_name_are_two(house: House) -> None:
    system = System()

    async def script(process: Process) -> str:
        first = await process.write("order", system.tell, system.became, Order)
        second = await process.write("order", system.tell, system.became, Order)
        return f"{first.number} {second.number}"

    process_id = await house.begin(script)
    assert repr((await house.end(process_id)).outcome) == "Said(text='1 2')"
    assert [step.name for step in (await house.view(process_id)).steps] == ["order", "order #2"]
