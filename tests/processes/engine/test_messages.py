"""Waiting for messages, for moments and for other processes."""

from datetime import timedelta

import pytest

from canonical.errors import NotFoundError, RejectedError
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.processes import ProcessState, StepState
from tests.processes.engine.scripts import SCRIPTS, Asked, House, Said
from workflows.process import Ended, Process

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_messages_are_heard_in_order_each_once_and_by_their_topic(house: House) -> None:
    async def script(process: Process) -> str:
        heard = []
        for topic in ("go", "go", "other"):
            said = await process.wait(topic, None, Said)
            assert said is not None
            heard.append(said.text)
        nothing = await process.wait("go", await process.now(), Said)
        return f"{heard} {nothing}"

    process_id = await house.begin(script)
    await house.say(process_id, "go", "first", once="a")
    await house.say(process_id, "go", "first again", once="a")
    await house.say(process_id, "other", "other", once="b")
    await house.say(process_id, "go", "second", once="c")
    ended = await house.end(process_id)
    assert repr(ended.outcome) == """Said(text="['first', 'second', 'other'] None")"""


async def test_a_wait_ends_at_its_moment(house: House) -> None:
    async def script(process: Process) -> str:
        now = await process.now()
        said = await process.wait("go", now + timedelta(milliseconds=50), Said)
        return f"{said} {(await process.now()) - now >= timedelta(milliseconds=50)}"

    assert repr((await house.ends(script)).outcome) == "Said(text='None True')"


async def test_who_waits_is_shown_with_what_is_waited_for(house: House) -> None:
    async def script(process: Process) -> str:
        await process.about("supplier:S-9", "item:SKU-9")
        await process.waits_for("the supplier's word")
        await process.wait("go", None, Said)
        return "done"

    process_id = await house.begin(script)
    await house.waits(process_id)
    view = await house.view(process_id)
    assert (view.state, view.waits_for) == (ProcessState.WAITING, "the supplier's word")
    assert view.subjects == ("item:SKU-9", "supplier:S-9")
    assert [(s.name, s.state) for s in view.steps] == [("wait go", StepState.WAITING)]
    assert await house.engine.ended(process_id, 0.01) is None
    await house.say(process_id, "go", "now")
    await house.end(process_id)
    view = await house.view(process_id)
    assert (view.state, view.waits_for) == (ProcessState.SUCCEEDED, None)


async def test_whoever_has_ended_or_never_was_hears_nothing(house: House) -> None:
    async def script(process: Process) -> str:
        return "done"

    process_id = await house.begin(script)
    await house.end(process_id)
    await house.say(process_id, "go", "late")
    await house.say("nobody", "go", "who?")
    await house.engine.cancel(process_id, "late", actor="olga")
    assert await house.unheard() == 0
    with pytest.raises(NotFoundError, match="there is no process 'nobody'"):
        await house.engine.ended("nobody", 0)


async def test_a_process_begins_another_and_hears_what_came_of_it(house: House) -> None:
    async def child(process: Process) -> str:
        said = await process.wait("go", None, Said)
        assert said is not None
        return f"{process.correlation_id} {said.text}"

    async def refused(process: Process) -> str:
        async def no() -> str:
            raise RejectedError("erp", "no")

        return await process.step("no", no, str)

    SCRIPTS.update({"child": child, "refused": refused})

    async def parent(process: Process) -> str:
        await process.start("script", f"{process.id}/child", Asked("child"))
        await process.start("script", f"{process.id}/refused", Asked("refused"))
        await process.signal(f"{process.id}/child", "go", Said("from the parent"))
        came = await process.result(f"{process.id}/child", Said)
        try:
            await process.result(f"{process.id}/refused", Said)
        except RejectedError as error:
            return f"{came.text}; {error.message}"
        return "?"

    process_id = await house.begin(parent, "supplier:S-1", "order:erp:45", "content:1")
    ended = await house.end(process_id)
    assert ended == Ended(Said(f"c-{process_id} from the parent; erp refuses: no"))
    child_view = await house.view(f"{process_id}/child")
    assert child_view.correlation_id == f"c-{process_id}"
    assert child_view.subjects == ("supplier:S-1",)


async def test_trouble_that_stops_nobody_is_reported_under_the_process_s_id(
    house: House,
) -> None:
    async def script(process: Process) -> str:
        late = Trouble(
            cause="order:1/late",
            category=ExceptionCategory.LATE_DELIVERY,
            message="late",
            correlation_id=process.correlation_id,
        )
        await process.report(late)
        await process.over("order:1/late", "it has come")
        return "done"

    process_id = await house.begin(script)
    await house.end(process_id)
    (trouble,) = house.troubles.of(process_id)
    assert trouble.category is ExceptionCategory.LATE_DELIVERY
    assert "order:1/late" in house.troubles.gone
