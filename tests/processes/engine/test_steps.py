"""Steps: kept once, refused once, tried again while a system is away, and what operators do."""

import asyncio
from decimal import Decimal

import pytest
from msgspec import Struct

from canonical.errors import ConflictError, Reason, RejectedError, UnavailableError
from canonical.exceptions import ExceptionCategory
from canonical.processes import ProcessState, StepState
from canonical.values import Money
from tests.processes.engine.scripts import SCRIPTS, House, Said, starting
from workflows.process import (
    CancelledByOperatorError,
    Ended,
    NeedsOperatorError,
    Process,
    SettledByOperatorError,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Counted(Struct):
    money: Money
    times: int


def _away(system: str = "erp") -> UnavailableError:
    return UnavailableError(system, Reason.CONNECTION, "cannot be reached")


async def test_what_a_step_gives_is_given_with_its_type_and_shown_with_its_time(
    house: House,
) -> None:
    async def script(process: Process) -> str:
        async def work() -> Counted:
            return Counted(Money(Decimal("12.50"), "EUR"), 3)

        return repr(await process.step("count", work, Counted))

    process_id = await house.begin(script, "supplier:S-1", "item:SKU-1")
    ended = await house.end(process_id)
    assert ended.outcome is not None
    assert "Decimal('12.50')" in repr(ended.outcome)
    view = await house.view(process_id)
    assert (view.kind, view.version, view.state) == ("script", 1, ProcessState.SUCCEEDED)
    assert view.subjects == ("item:SKU-1", "supplier:S-1")
    assert (view.correlation_id, view.started_by) == (f"c-{process_id}", "pia")
    assert view.outcome is not None
    assert view.outcome.startswith("text: Counted(")
    (step,) = view.steps
    assert (step.number, step.name, step.state, step.attempts) == (1, "count", StepState.DONE, 1)
    assert step.ended_at is not None
    assert view.ended_at is not None
    assert view.started_at <= step.started_at <= step.ended_at <= view.ended_at


async def test_a_process_begins_once_however_often_it_is_asked_for(house: House) -> None:
    async def script(process: Process) -> str:
        return "done"

    process_id = await house.begin(script)
    await house.end(process_id)
    begun = await house.engine.start([starting(process_id)])
    assert list(begun) == []


async def test_a_refusal_is_raised_with_its_type_and_words_and_ends_a_process_that_lets_it(
    house: House,
) -> None:
    caught = []

    async def script(process: Process) -> str:
        async def refused() -> str:
            raise RejectedError("coupa", "the supplier is blocked")

        try:
            await process.step("order", refused, str)
        except RejectedError as error:
            caught.append((error.system, error.said, error.message))

        async def stale() -> str:
            raise ConflictError("the order has changed")

        return await process.step("change", stale, str)

    process_id = await house.begin(script)
    assert await house.end(process_id) == Ended(None, "CONFLICT", "the order has changed")
    assert caught == [
        ("coupa", "the supplier is blocked", "coupa refuses: the supplier is blocked")
    ]
    view = await house.view(process_id)
    assert view.state is ProcessState.FAILED
    assert view.outcome == "the order has changed"
    assert [(s.name, s.state, s.detail) for s in view.steps] == [
        ("order", StepState.FAILED, "coupa refuses: the supplier is blocked"),
        ("change", StepState.FAILED, "the order has changed"),
    ]


async def test_a_system_that_is_away_is_asked_again_until_it_is_back(house: House) -> None:
    tries = []

    async def script(process: Process) -> str:
        async def work() -> str:
            tries.append(1)
            if len(tries) < 4:
                raise _away()
            return "back"

        return await process.step("ask", work, str)

    process_id = await house.begin(script)
    ended = await house.end(process_id)
    assert repr(ended.outcome) == "Said(text='back')"
    (step,) = (await house.view(process_id)).steps
    assert (len(tries), step.attempts, step.state) == (4, 4, StepState.DONE)
    assert house.troubles.of(process_id) == []


async def test_a_system_that_stays_away_is_told_to_an_operator_whose_retry_goes_on_at_once(
    house: House,
) -> None:
    away = [True]

    async def script(process: Process) -> str:
        async def work() -> str:
            if away:
                raise _away()
            return "back"

        return await process.step("ask", work, str)

    process_id = await house.begin(script, "supplier:S-1")
    view = await house.is_stuck(process_id)
    (step,) = view.steps
    assert (step.state, step.detail) == (StepState.RETRYING, "erp: cannot be reached")
    (trouble,) = house.troubles.of(process_id)
    assert trouble.category is ExceptionCategory.BACKEND_UNAVAILABLE
    assert trouble.subjects == ("supplier:S-1",)
    assert trouble.message == "erp: cannot be reached"
    away.clear()
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='back')"
    assert trouble.cause in house.troubles.gone


async def test_a_second_beginning_changes_nothing_of_what_it_is_about(house: House) -> None:
    async def script(process: Process) -> str:
        return process.id

    process_id = await house.begin(script, "content:1")
    assert await house.engine.start([starting(process_id, "content:2")]) == []
    await house.end(process_id)
    assert (await house.view(process_id)).subjects == ("content:1",)


async def test_a_mistake_of_ours_waits_for_an_operator_and_goes_on_from_its_step(
    house: House,
) -> None:
    before, broken = [], [True]

    async def script(process: Process) -> str:
        async def first() -> str:
            before.append(1)
            return "first"

        async def work() -> str:
            if broken:
                raise KeyError("oops")
            return "mended"

        await process.step("first", first, str)
        return await process.step("work", work, str)

    process_id = await house.begin(script)
    await house.is_stuck(process_id)
    (trouble,) = house.troubles.of(process_id)
    assert trouble.category is ExceptionCategory.INTERNAL
    assert "oops" not in trouble.message
    assert "the log has it under" in trouble.message
    broken.clear()
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='mended')"
    assert before == [1]


async def test_what_needs_an_operator_is_listed_as_it_says_and_not_tried_meanwhile(
    house: House,
) -> None:
    tried, wrong = [], [True]

    async def script(process: Process) -> str:
        async def work() -> str:
            tried.append(1)
            if wrong:
                at_risk = Money(Decimal(200), "EUR")
                raise NeedsOperatorError(ExceptionCategory.MAPPING_MISSING, "map I1", at_risk)
            return "mapped"

        return await process.step("work", work, str)

    process_id = await house.begin(script)
    await house.is_stuck(process_id)
    (trouble,) = house.troubles.of(process_id)
    assert trouble.category is ExceptionCategory.MAPPING_MISSING
    assert (trouble.message, trouble.value_at_risk) == ("map I1", Money(Decimal(200), "EUR"))
    assert tried == [1]
    wrong.clear()
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='mapped')"


async def test_a_mistake_between_steps_is_gone_through_again_without_doing_a_step_twice(
    house: House,
) -> None:
    done, broken = [], [True]

    async def script(process: Process) -> str:
        async def work() -> int:
            done.append(1)
            return 7

        found = await process.step("work", work, int)
        return str(found // (0 if broken else 1))

    process_id = await house.begin(script)
    await house.is_stuck(process_id)
    broken.clear()
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='7')"
    assert done == [1]


async def test_what_an_operator_settles_counts_as_done_without_a_result(house: House) -> None:
    said = []

    async def script(process: Process) -> str:
        async def fails() -> None:
            raise KeyError("a")

        await process.step("tell", fails, type(None))

        async def fails_too() -> str:
            raise KeyError("b")

        try:
            await process.step("read", fails_too, str)
        except SettledByOperatorError as error:
            said.append((error.actor, error.text))
        return "went on"

    process_id = await house.begin(script)
    for step, text in (("tell", "told by phone"), ("read", "not needed")):
        await house.is_stuck(process_id, step)
        await house.engine.settle(process_id, text, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='went on')"
    assert said == [("olga", "not needed")]


async def test_a_process_that_is_given_up_undoes_what_it_states(house: House) -> None:
    undone = []

    async def script(process: Process) -> str:
        try:
            await process.wait("never", None, Said)
        except CancelledByOperatorError as error:
            given_up = (error.actor, error.reason)

            async def undo() -> None:
                undone.append(given_up)

            await process.step("undo", undo, type(None))
        return "undone"

    process_id = await house.begin(script)
    await house.waits(process_id)
    await house.engine.cancel(process_id, "not wanted any more", actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='undone')"
    assert undone == [("olga", "not wanted any more")]
    assert (await house.view(process_id)).state is ProcessState.CANCELLED


async def test_a_stuck_process_can_be_given_up_and_ends_with_the_reason(house: House) -> None:
    async def script(process: Process) -> str:
        async def fails() -> str:
            raise KeyError("a")

        return await process.step("fail", fails, str)

    process_id = await house.begin(script)
    await house.is_stuck(process_id)
    await house.engine.cancel(process_id, "typed by hand", actor="olga")
    assert await house.end(process_id) == Ended(None, "CANCELLED", "typed by hand")
    (trouble,) = house.troubles.of(process_id)
    assert trouble.cause in house.troubles.gone


async def test_what_is_said_to_a_process_that_is_not_stuck_is_not_heard_later(
    house: House,
) -> None:
    tries = []

    async def script(process: Process) -> str:
        await process.wait("go", None, Said)

        async def fails() -> str:
            tries.append(1)
            raise KeyError("a")

        return await process.step("fail", fails, str)

    process_id = await house.begin(script)
    await house.waits(process_id)
    await house.engine.retry(process_id, actor="olga")
    await house.engine.settle(process_id, "done", actor="olga")
    await house.say(process_id, "go", "now")
    await house.is_stuck(process_id)
    assert tries == [1]
    await house.engine.cancel(process_id, "enough", actor="olga")
    await house.end(process_id)


async def test_what_cannot_be_kept_is_a_mistake_that_an_operator_sees(house: House) -> None:
    results: list[object] = [object(), "fine"]

    async def script(process: Process) -> str:
        async def work() -> object:
            return results.pop(0)

        return str(await process.step("work", work, object))

    process_id = await house.begin(script)
    await house.is_stuck(process_id, "work")
    await house.engine.retry(process_id, actor="olga")
    assert repr((await house.end(process_id)).outcome) == "Said(text='fine')"


async def test_whoever_asks_for_a_process_and_goes_away_has_it_begun_all_the_same(
    house: House,
) -> None:
    async def script(process: Process) -> str:
        return "done"

    SCRIPTS["gone"] = script
    asking = asyncio.create_task(house.engine.start([starting("gone", "item:SKU-1")]))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert asking.cancelled()
    await house.begins("gone")
    assert repr((await house.end("gone")).outcome) == "Said(text='done')"
    assert (await house.view("gone")).subjects == ("item:SKU-1",)


async def test_who_undoes_what_it_states_is_not_given_up_twice_but_where_it_is_stuck(
    house: House,
) -> None:
    async def script(process: Process) -> str:
        try:
            await process.wait("never", None, Said)
        except CancelledByOperatorError:
            await process.wait("undone", None, Said)

            async def fails() -> str:
                raise KeyError("a")

            await process.step("undo", fails, str)
        return "?"

    process_id = await house.begin(script)
    await house.waits(process_id)
    for _ in range(2):
        await house.engine.cancel(process_id, "not wanted", actor="olga")
    await house.say(process_id, "undone", "go on")
    await house.is_stuck(process_id, "undo")
    await house.engine.cancel(process_id, "undone by hand", actor="olga")
    assert await house.end(process_id) == Ended(None, "CANCELLED", "undone by hand")
