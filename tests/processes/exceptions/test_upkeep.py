"""Who is late is told once; what was decided is carried out, whoever died in between."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest
from typing_extensions import override

from canonical.errors import Reason, UnavailableError
from canonical.exceptions import ExceptionAction, ExceptionFilter
from canonical.processes import (
    ProcessFilter,
    ProcessPage,
    ProcessState,
    ProcessTime,
    ProcessTimesAsked,
    ProcessView,
)
from runtime.events.leases import Leases
from runtime.store.store import Store
from tests.fakes.engines import FakeEngine
from tests.processes.exceptions.reported import LATE, NOON, Office, trouble
from workflows.exceptions.upkeep import LEASE, Upkeep
from workflows.notifications.ports import NoticeKind


class Views:
    """How processes stand."""

    def __init__(self, *views: ProcessView) -> None:
        self.views = {view.process_id: view for view in views}

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        raise NotImplementedError

    async def times(self, asked: ProcessTimesAsked) -> Sequence[ProcessTime]:
        raise NotImplementedError

    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        return {name: self.views[name] for name in process_ids if name in self.views}


class Broken(Views):
    """Fails in a way that nobody thought of, and then in one that somebody did."""

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[Exception] = [
            RuntimeError("a mistake of ours"),
            UnavailableError("store", Reason.CONNECTION, "cannot be reached"),
        ]

    @override
    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        raise self._errors.pop(0)


def view(state: ProcessState = ProcessState.STUCK, name: str = "confirmation-45") -> ProcessView:
    return ProcessView(
        process_id=name,
        kind="confirmation",
        version=1,
        state=state,
        correlation_id="c-45",
        started_at=NOON,
        updated_at=NOON,
    )


def upkeep(office: Office, views: Views | None = None) -> Upkeep:
    return Upkeep(
        office.ledger,
        Leases(office.store, now=lambda: office.now),
        holder="here",
        notices=office.outbox,
        engine=office.engine,
        processes=views or Views(),
    )


async def test_what_is_not_over_in_time_is_noted_and_told_of_once(store: Store) -> None:
    office = Office(store)
    name = await office.troubles.report(LATE)
    await office.troubles.report(trouble(cause="in time"))
    await office.troubles.over("in time", why="done")
    keeper = upkeep(office)
    office.later(hours=71)
    await keeper.round()
    assert (await office.desk.by_ids([name]))[name].overdue is False

    office.later(hours=1)
    await keeper.round()
    await keeper.round()
    found = (await office.desk.by_ids([name]))[name]
    assert found.overdue is True
    assert [e.action for e in found.history] == [ExceptionAction.OPENED, ExceptionAction.ESCALATED]
    assert found.history[1].text == "not over by 2026-03-04 12:00 UTC"
    kinds = [n.kind for n in await office.notices()]
    assert kinds.count(NoticeKind.EXCEPTION_OVERDUE) == 1
    late = await office.desk.page(ExceptionFilter(overdue=True), first=9, after=None)
    assert [e.exception_id for e in late.exceptions] == [name]


async def test_a_process_that_was_not_told_is_told(file_store: Store) -> None:
    engine = FakeEngine()
    office = Office(file_store, engine=engine)
    for number in range(5):
        name = await office.troubles.report(trouble(cause=str(number), process_id=f"p{number}"))
        await office.desk.resolve(name, "by phone", actor="ann")
    given_up = await office.troubles.report(trouble(cause="5", process_id="p5"))
    await office.desk.cancel(given_up, "enough", actor="bob")
    await office.troubles.report(trouble(cause="other", process_id="p1"))
    engine.told.clear()
    views = Views(
        view(name="p0"),
        view(name="p1"),  # stuck again, and somebody is asked already
        view(ProcessState.RUNNING, "p2"),
        view(ProcessState.STUCK, "p5"),
    )
    keeper = upkeep(office, views)

    await keeper.round()
    assert engine.told == []  # whoever decided may be about to tell it
    office.later(minutes=2)
    await keeper.round()
    assert sorted(engine.told) == [
        ("cancel", "p5", "enough", "bob"),
        ("settle", "p0", "by phone", "ann"),
    ]


@pytest.mark.parametrize("held", [True, False])
async def test_one_process_at_a_time_looks_after_them(file_store: Store, held: bool) -> None:
    office = Office(file_store)
    name = await office.troubles.report(LATE)
    office.later(days=9)
    if held:
        assert await Leases(file_store, now=lambda: office.now).acquire(LEASE, "other", 600.0)
    await upkeep(office).round()
    assert (await office.desk.by_ids([name]))[name].overdue is not held


async def test_a_mistake_or_a_store_that_is_away_ends_nothing(file_store: Store) -> None:
    office, pauses = Office(file_store), list[float]()
    name = await office.troubles.report(LATE)
    await office.desk.resolve(name, "by phone", actor="ann")
    keeper = upkeep(office, Broken())

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    keeper._pause = pause
    with pytest.raises(asyncio.CancelledError):
        await keeper.run()
    assert pauses == [60.0] * 3
