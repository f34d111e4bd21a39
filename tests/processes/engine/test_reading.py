"""Processes as people see them: by page, by what they are about, with their times."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Raw

from canonical.processes import (
    ProcessFilter,
    ProcessState,
    ProcessTime,
    ProcessTimesAsked,
    StepState,
    TimesBy,
)
from runtime.processes.reading import StoredProcesses
from runtime.processes.rows import Kept, ProcessRow, StepRow
from runtime.processes.views import Views
from runtime.store.store import Store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def _row(number: int, kind: str = "ordering", minutes: int | None = None) -> ProcessRow:
    began = NOW + timedelta(hours=number)
    ended = None if minutes is None else began + timedelta(minutes=minutes)
    return ProcessRow(
        id=f"p{number}",
        kind=kind,
        version=1,
        state=ProcessState.RUNNING if ended is None else ProcessState.SUCCEEDED,
        correlation_id=f"c{number % 2}",
        started_by=None,
        started_at=began,
        updated_at=ended or began,
        ended_at=ended,
        outcome=None if ended is None else Kept(began, ended, ok=Raw(b'{"order":"4711","n":""}')),
    )


def _step(number: int, minutes: int) -> StepRow:
    began = NOW + timedelta(hours=number)
    return StepRow(
        process_id=f"p{number}",
        number=1,
        name="wait decision",
        state=StepState.DONE,
        attempts=1,
        started_at=began,
        ended_at=began + timedelta(minutes=minutes),
    )


@pytest.fixture
async def processes(store: Store) -> StoredProcesses:
    """Five processes: of two suppliers, two regions and two kinds; the last one goes on."""
    ended: list[str] = []
    views = Views(store, ended.append)
    about = {
        "p1": ("supplier:S-1", "item:SKU-1", "region:EU"),
        "p2": ("supplier:S-1", "item:SKU-2", "region:EU", "region:US"),
        "p3": ("supplier:S-2", "item:SKU-1", "region:US"),
        "p4": ("supplier:S-1",),
        "p5": ("supplier:S-1", "region:EU"),
    }
    rows = [_row(1), _row(2), _row(3, "approval"), _row(4), _row(5)]
    await views.begin(rows, [(s, name) for name, subjects in about.items() for s in subjects])
    await views.begin([_row(1, "other")], [])  # the same id begins once
    for row in (
        _row(1, minutes=10),
        _row(2, minutes=30),
        _row(3, "approval", 5),
        _row(4, minutes=20),
    ):
        views.process(row)
    for number, minutes in ((1, 1), (2, 3), (3, 5)):
        views.step(_step(number, minutes))
    await views.flush()
    views.process(_row(1))  # what comes late does not revive it
    await views.flush()
    assert sorted(set(ended)) == ["p1", "p2", "p3", "p4"]
    return StoredProcesses(store)


async def _ids(processes: StoredProcesses, wanted: ProcessFilter) -> Sequence[str]:
    page = await processes.page(wanted, first=10, after=None)
    assert page.total == len(page.processes)
    return [each.process_id for each in page.processes]


async def test_pages_have_the_latest_first_and_go_on_behind_one(processes: StoredProcesses) -> None:
    first = await processes.page(ProcessFilter(), first=2, after=None)
    assert ([p.process_id for p in first.processes], first.more, first.total) == (
        ["p5", "p4"],
        True,
        5,
    )
    rest = await processes.page(ProcessFilter(), first=3, after="p4")
    assert ([p.process_id for p in rest.processes], rest.more, rest.total) == (
        ["p3", "p2", "p1"],
        False,
        5,
    )


ASKED: Sequence[tuple[ProcessFilter, Sequence[str]]] = [
    (ProcessFilter(kinds=("approval",)), ["p3"]),
    (ProcessFilter(states=(ProcessState.RUNNING,)), ["p5"]),
    (ProcessFilter(subjects=("item:SKU-2", "supplier:S-2")), ["p3", "p2"]),
    (ProcessFilter(suppliers=("S-1",), items=("SKU-1",)), ["p1"]),
    (ProcessFilter(regions=("EU",)), ["p5", "p1"]),
    (ProcessFilter(regions=("EU", "US")), ["p5", "p3", "p2", "p1"]),
    (ProcessFilter(companies=("C-1",)), []),
    (ProcessFilter(correlation_id="c0"), ["p4", "p2"]),
    (ProcessFilter(since=NOW + timedelta(hours=2), until=NOW + timedelta(hours=4)), ["p3", "p2"]),
]


async def test_only_what_is_asked_for_is_there(processes: StoredProcesses) -> None:
    found = [await _ids(processes, wanted) for wanted, _ in ASKED]
    assert found == [ids for _, ids in ASKED]


async def test_a_process_is_shown_with_its_steps_and_what_came_of_it(
    processes: StoredProcesses,
) -> None:
    found = await processes.by_ids(["p1", "nobody"])
    assert list(found) == ["p1"]
    view = found["p1"]
    assert (view.kind, view.state, view.outcome) == (
        "ordering",
        ProcessState.SUCCEEDED,
        "order: 4711",
    )
    assert view.subjects == ("item:SKU-1", "region:EU", "supplier:S-1")
    assert [(s.name, s.state) for s in view.steps] == [("wait decision", StepState.DONE)]
    assert view.ended_at == NOW + timedelta(hours=1, minutes=10)


def _asked(by: TimesBy, step: str | None = None, **more: tuple[str, ...]) -> ProcessTimesAsked:
    return ProcessTimesAsked(
        kind="ordering", step=step, since=NOW, until=NOW + timedelta(days=1), by=by, **more
    )


async def test_times_are_counted_averaged_and_ranked_by_what_processes_are_about(
    processes: StoredProcesses,
) -> None:
    assert await processes.times(_asked(TimesBy.SUPPLIER)) == [
        ProcessTime(of="S-1", count=3, average_seconds=1200, p90_seconds=1800)
    ]
    assert await processes.times(_asked(TimesBy.REGION)) == [
        ProcessTime(of="EU", count=2, average_seconds=1200, p90_seconds=1800),
        ProcessTime(of="US", count=1, average_seconds=1800, p90_seconds=1800),
    ]
    assert await processes.times(_asked(TimesBy.REGION, regions=("EU",))) == [
        ProcessTime(of="EU", count=1, average_seconds=600, p90_seconds=600)
    ]
    assert await processes.times(_asked(TimesBy.SUPPLIER, "wait decision")) == [
        ProcessTime(of="S-1", count=2, average_seconds=120, p90_seconds=180)
    ]
    assert await processes.times(_asked(TimesBy.CATEGORY)) == []
