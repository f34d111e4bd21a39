"""People decide on exceptions: once each, on the record, and the process that waits hears of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from typing_extensions import override

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    Reason,
    UnavailableError,
)
from canonical.exceptions import ExceptionAction, ExceptionDesk, ExceptionState, SupplyException
from runtime.store.store import Store
from tests.fakes.acts import audited
from tests.fakes.engines import FakeEngine
from tests.processes.exceptions.reported import LATE, Office, trouble
from workflows.notifications.ports import NoticeKind

Decide = Callable[[ExceptionDesk, str], Coroutine[Any, Any, SupplyException]]
PROCESS = LATE.process_id
DECISIONS: dict[str, tuple[Decide, ExceptionState, list[tuple[str, ...]]]] = {
    "assigned": (
        lambda desk, name: desk.assign(name, " bob ", actor="ann"),
        ExceptionState.ASSIGNED,
        [],
    ),
    "commented": (
        lambda desk, name: desk.comment(name, "called them", actor="ann"),
        ExceptionState.OPEN,
        [],
    ),
    "retried": (
        lambda desk, name: desk.retry(name, actor="ann"),
        ExceptionState.OPEN,
        [("retry", "confirmation-45", "ann")],
    ),
    "resolved": (
        lambda desk, name: desk.resolve(name, "by phone", actor="ann"),
        ExceptionState.RESOLVED,
        [("settle", "confirmation-45", "by phone", "ann")],
    ),
    "cancelled": (
        lambda desk, name: desk.cancel(name, "not wanted any more", actor="ann"),
        ExceptionState.CANCELLED,
        [("cancel", "confirmation-45", "not wanted any more", "ann")],
    ),
}
OVER = {"resolved", "cancelled"}


class DeafEngine(FakeEngine):
    """Cannot be told anything."""

    @override
    async def settle(self, process_id: str, text: str, *, actor: str) -> None:
        raise UnavailableError("store", Reason.CONNECTION, "cannot be reached")


@pytest.mark.parametrize("act", DECISIONS)
async def test_a_decision_is_kept_told_and_audited(file_store: Store, act: str) -> None:
    decide, state, told = DECISIONS[act]
    engine = FakeEngine()
    office = Office(file_store, engine=engine)
    name = await office.troubles.report(LATE)
    office.later(minutes=1)
    decided = await decide(office.desk, name)

    assert decided == (await office.desk.by_ids([name]))[name]
    assert (decided.state, decided.updated_at) == (state, office.now)
    assert (decided.closed_at == office.now) is (act in OVER)
    last = decided.history[-1]
    assert (last.action, last.actor, last.at) == (ExceptionAction(act.upper()), "ann", office.now)
    assert engine.told == told
    assert [e.data.action.lower() for e in await office.events()] == ["opened", act]

    (entry,) = await audited(file_store, subject=name)
    assert (entry.actor, entry.action) == ("ann", f"exception.{act}")
    assert entry.correlation_id == LATE.correlation_id
    assert entry.details.get("text") == last.text


async def test_whoever_it_is_given_to_is_told(file_store: Store) -> None:
    office = Office(file_store)
    name = await office.troubles.report(LATE)
    office.later(minutes=1)
    given = await office.desk.assign(name, "bob", actor="ann")
    assert given.owner == "bob"
    notice = (await office.notices())[-1]
    assert (notice.kind, notice.to) == (NoticeKind.EXCEPTION_ASSIGNED, ("owner:bob",))


async def test_of_many_who_decide_at_once_one_does_and_the_others_are_told(store: Store) -> None:
    engine = FakeEngine()
    offices = [Office(store, engine=engine) for _ in range(5)]
    name = await offices[0].troubles.report(LATE)
    decisions = [
        desk.resolve(name, "by phone", actor=f"p{n}")
        if n % 2
        else desk.cancel(name, "enough", actor=f"p{n}")
        for n, desk in enumerate(office.desk for office in offices * 4)
    ]
    came = await asyncio.gather(*decisions, return_exceptions=True)

    (won,) = [each for each in came if isinstance(each, SupplyException)]
    lost = [each for each in came if isinstance(each, ConflictError)]
    assert len(lost) == 19
    assert {each.message for each in lost} == {
        f"exception {name} is {won.state.value} already, by {won.history[-1].actor}"
    }
    assert len(engine.told) == 1
    assert len(await audited(store, subject=name)) == 1
    assert [e.data.action for e in await offices[0].events()] == [
        ExceptionAction.OPENED,
        won.history[-1].action,
    ]


@pytest.mark.parametrize("act", DECISIONS)
async def test_what_is_over_or_not_there_is_not_decided(file_store: Store, act: str) -> None:
    office = Office(file_store)
    name = await office.troubles.report(LATE)
    await office.troubles.over(LATE.cause, why="confirmed")
    with pytest.raises(ConflictError, match=f"{name} is CLOSED already, by itself"):
        await DECISIONS[act][0](office.desk, name)
    with pytest.raises(NotFoundError, match="there is no exception 'nobody'"):
        await DECISIONS[act][0](office.desk, "nobody")
    assert await audited(file_store) == []


@pytest.mark.parametrize("act", ["retried", "cancelled"])
async def test_only_a_process_can_try_again_or_give_up(file_store: Store, act: str) -> None:
    office = Office(file_store)
    name = await office.troubles.report(trouble(process_id=None))
    with pytest.raises(InvalidInputError, match=f"no process waits for exception {name}"):
        await DECISIONS[act][0](office.desk, name)
    settled = await DECISIONS["resolved"][0](office.desk, name)
    assert settled.state is ExceptionState.RESOLVED


async def test_it_is_open_again_if_its_process_cannot_be_told(store: Store) -> None:
    office = Office(store, engine=DeafEngine())
    name = await office.troubles.report(LATE)
    with pytest.raises(UnavailableError):
        await office.desk.resolve(name, "by phone", actor="ann")
    found = (await office.desk.by_ids([name]))[name]
    assert (found.state, found.closed_at) == (ExceptionState.OPEN, None)
    assert found.history[-1].text == (
        "open again, for its process could not be told: store: cannot be reached"
    )
    assert await office.troubles.report(LATE) == name


@pytest.mark.parametrize(
    "decide, message",
    [
        (lambda d, n: d.assign(n, "  ", actor="ann"), "name whom it is given to"),
        (lambda d, n: d.assign(n, "x" * 201, actor="ann"), "201 characters are too many"),
        (lambda d, n: d.comment(n, "", actor="ann"), "say something"),
        (lambda d, n: d.comment(n, "x" * 4_001, actor="ann"), "at most 4000 are kept"),
        (lambda d, n: d.resolve(n, " ", actor="ann"), "say how it was settled"),
        (lambda d, n: d.cancel(n, " ", actor="ann"), "say why it is given up"),
    ],
)
async def test_nothing_said_or_too_much_is_refused(
    file_store: Store, decide: Decide, message: str
) -> None:
    office = Office(file_store)
    name = await office.troubles.report(LATE)
    with pytest.raises(InvalidInputError, match=message):
        await decide(office.desk, name)
    assert len((await office.desk.by_ids([name]))[name].history) == 1
