"""Files of rows: exact, once, and from where they stopped."""

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.dead_letters import DeadLetter
from canonical.errors import ConflictError, InvalidInputError
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from runtime.events.writing import Writing
from sandbox.frepple.nightly import parser, write_file
from tests.ingestion.declared import FORECAST, HEAD, NOW, line, run_of, written
from workflows.ingestion.bulk import Bulk, Counts, Progress, RunBusyError
from workflows.ingestion.intake import Delivery, Intake, Taken
from workflows.ingestion.rows import LONGEST_LINE


def leases(ledger: Ledger) -> Leases:
    return Leases(ledger.store, now=lambda: NOW)


def bulk(ledger: Ledger, holder: str = "a", chunk: int = 10) -> Bulk:
    return Bulk(Intake(ledger), leases(ledger), holder=holder, clock=time.monotonic, chunk=chunk)


async def letters_of(ledger: Ledger) -> list[DeadLetter]:
    letters = Letters(ledger.store)
    listed = await letters.newest()
    found = [await letters.get(one.letter_id) for one in listed]
    return sorted((x for x in found if x), key=lambda x: x.message)


def night(folder: Path, name: str, *options: str) -> Path:
    file = folder / name
    arguments = parser().parse_args(["--out", str(file), "--rows", "5000", *options])
    write_file(file, arguments)
    return file


async def test_bad_rows_are_buried_as_they_came_and_say_why(ledger: Ledger, tmp_path: Path) -> None:
    bad = [
        line("A", "abc").encode(),
        line("A", "NaN").encode(),
        line("", "5").encode(),
        b"A,DC\n",
        line("B", "5").replace("2026-11-23T00:00:00", "2026-11-23T10:00:00").encode(),
        line("C", "5", at="yesterday").encode(),
        b"\xff" + line("D", "5").encode(),
        b'"E"x' + line("", "5").encode(),
    ]
    content = HEAD.encode() + line("G", "1").encode() + b"".join(bad) + line("H", "2").encode()
    done = await bulk(ledger, chunk=3).ingest(run_of(written(tmp_path, content)))
    assert done.counts == Counts(rows=10, new=2, bad=8)
    letters = await letters_of(ledger)
    assert [x.message for x in letters] == [
        "row 2, column forecasttotal: 'abc' is no number",
        "row 3, column forecasttotal: 'NaN' is no number",
        "row 4, column item: nothing stands there",
        "row 5 has 2 cells where the header has 7",
        "row 6, column startdate: '2026-11-23T10:00:00' has a time of day where a date is meant",
        "row 7, column lastmodified: 'yesterday' is no time",
        "row 8 is not UTF-8 text: save the file in UTF-8",
        "row 9 is no valid CSV: ',' expected after '\"'",
    ]
    assert [x.body for x in letters] == bad
    assert {(x.way, x.system, x.headers["entity"]) for x in letters} == {
        ("bulk", "planning", "forecast")
    }


async def test_too_many_bad_rows_stop_the_run_where_it_can_go_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    text = HEAD + "".join(line(f"I{n}", "x" if n in (1, 12, 13) else "5") for n in range(30))
    file = written(tmp_path, text)
    with pytest.raises(InvalidInputError, match=r"behind row 10: more than 2 rows are bad, lastly"):
        await bulk(ledger).ingest(run_of(file, max_bad=2))
    assert len(await letters_of(ledger)) == 1
    done = await bulk(ledger).ingest(run_of(file, max_bad=3))
    assert done.counts == Counts(rows=30, new=27, bad=3)
    assert len(await letters_of(ledger)) == 3


@pytest.mark.parametrize(
    "content, message",
    [
        (b"item,startdate\nA,2026-11-23\n", "no column location, customer"),
        (b"item,item\nA,B\n", "names item more than once"),
        (b"x" * (LONGEST_LINE + 1), "line 1 is longer than"),
        (gzip.compress((HEAD + line("A", "5") * 99).encode())[:-20], "cut off within its gzip"),
        (b"\x1f\x8bnonsense, not gzip", "gzip is damaged"),
    ],
)
async def test_what_is_no_file_of_rows_is_told_so(
    ledger: Ledger, tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        await bulk(ledger).ingest(run_of(written(tmp_path, content)))


async def test_a_quotation_mark_that_is_missing_costs_no_memory(
    ledger: Ledger, tmp_path: Path
) -> None:
    text = HEAD + line("A", "1") + '"' + line("B", "2") * 3_000
    done = await bulk(ledger, chunk=1_000).ingest(run_of(written(tmp_path, text), max_bad=10))
    assert done.counts.new + done.counts.bad + done.counts.unchanged == done.counts.rows
    assert done.counts.bad == 1
    [letter] = await letters_of(ledger)
    assert 130_000 < len(letter.body) < 133_000


class _Broken(Exception):
    pass


def _breaking(monkeypatch: pytest.MonkeyPatch, chunk: int, *, after_commit: bool) -> None:
    """Let the process die in a chunk: before its commit, or just after it."""
    real, taken = Intake.take, 0

    async def take(
        self: Intake,
        deliveries: Sequence[Delivery],
        *,
        then: Callable[[Writing, Sequence[Taken]], Awaitable[None]],
        **more: Any,
    ) -> list[Taken]:
        nonlocal taken
        taken += 1
        breaks = taken == chunk

        async def place(writing: Writing, done: Sequence[Taken]) -> None:
            await then(writing, done)
            if breaks and not after_commit:
                raise _Broken

        found = await real(self, deliveries, then=place, **more)
        if breaks:
            raise _Broken
        return found

    monkeypatch.setattr(Intake, "take", take)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("chunk", [1, 2, 3])
async def test_a_run_that_broke_off_goes_on_and_counts_nothing_twice(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, after_commit: bool
) -> None:
    text = HEAD + "".join(line(f"I{n}", "x" if n % 7 == 3 else str(n)) for n in range(25))
    run = run_of(written(tmp_path, text))
    with monkeypatch.context() as patched:
        _breaking(patched, chunk, after_commit=after_commit)
        with pytest.raises(_Broken):
            await bulk(ledger).ingest(run)
    before = await bulk(ledger).progress(run.name)
    rows = 0 if before is None else before.counts.rows
    assert rows == min(25, 10 * (chunk - 1 + after_commit))
    done = await bulk(ledger, "b").ingest(run)
    assert done.counts == Counts(rows=25, new=21, bad=4)
    events = await ledger.read(FORECAST, 0, 100)
    assert [e.data.item for e in events] == [f"I{n}" for n in range(25) if n % 7 != 3]
    assert len(await letters_of(ledger)) == 4
    assert await bulk(ledger).ingest(run) == done


async def test_one_that_is_cancelled_leaves_the_run_to_others(
    ledger: Ledger, tmp_path: Path
) -> None:
    run = run_of(written(tmp_path, HEAD + "".join(line(f"I{n}", "1") for n in range(50))))
    begun = asyncio.Event()
    task = asyncio.create_task(bulk(ledger).ingest(run, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await bulk(ledger, "b").ingest(run)).counts == Counts(rows=50, new=50)
    assert len(await ledger.read(FORECAST, 0, 100)) == 50


async def test_two_at_once_are_one(ledger: Ledger, tmp_path: Path) -> None:
    run = run_of(written(tmp_path, HEAD + "".join(line(f"I{n}", "1") for n in range(30))))
    begun = asyncio.Event()
    first = asyncio.create_task(bulk(ledger).ingest(run, lambda _: begun.set()))
    await begun.wait()
    with pytest.raises(RunBusyError, match=r"being taken in already: .* in 10 s, and it goes on"):
        await bulk(ledger, "b").ingest(run)
    assert (await first).counts.new == 30


async def test_whoever_lost_its_turn_writes_nothing_more(ledger: Ledger, tmp_path: Path) -> None:
    run = run_of(written(tmp_path, HEAD + "".join(line(f"I{n}", "1") for n in range(30))))
    later = Leases(ledger.store, now=lambda: datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    loop = asyncio.get_running_loop()
    overtaken: list[asyncio.Task[Any]] = []

    def overtake(_: Progress) -> None:
        if not overtaken:
            overtaken.append(loop.create_task(later.acquire(run.name, "b", 60)))

    with pytest.raises(ConflictError, match="another process has taken this over"):
        await bulk(ledger, chunk=1).ingest(run, overtake)
    assert 0 < len(await ledger.read(FORECAST, 0, 100)) < 30


async def test_a_name_stands_for_one_file(ledger: Ledger, tmp_path: Path) -> None:
    first = run_of(written(tmp_path, HEAD + line("A", "1"), "a"), run="night")
    other = run_of(written(tmp_path, HEAD + line("A", "2"), "b"), run="night")
    await bulk(ledger).ingest(first)
    with pytest.raises(ConflictError, match="run night was of another file"):
        await bulk(ledger).ingest(other)


async def test_what_is_older_than_what_is_known_moves_nothing_back(
    ledger: Ledger, tmp_path: Path
) -> None:
    newer = written(tmp_path, HEAD + line("A", "7", "2026-11-22T00:00:00"), "newer")
    older = written(tmp_path, HEAD + line("A", "5"), "older")
    await bulk(ledger).ingest(run_of(newer))
    done = await bulk(ledger).ingest(run_of(older))
    assert done.counts == Counts(rows=1, late=1)
    events = await ledger.read(FORECAST, 0, 10)
    assert [(e.data.quantity, e.applied) for e in events] == [
        (Decimal(7), True),
        (Decimal(5), False),
    ]


async def test_only_what_is_revised_is_told_night_by_night(ledger: Ledger, tmp_path: Path) -> None:
    first = night(tmp_path, "1.csv", "--revised", "0")
    second = night(tmp_path, "2.csv", "--night", "2")
    again = night(tmp_path, "2.ndjson", "--night", "2")
    taking = bulk(ledger, chunk=1_000)
    baseline = await taking.ingest(run_of(first, baseline=True))
    assert baseline.counts == Counts(rows=5_000, new=5_000)
    assert await ledger.read(FORECAST, 0, 1) == []
    revised = await taking.ingest(run_of(second))
    assert revised.counts == Counts(rows=5_000, revised=50, unchanged=4_950)
    events = await ledger.read(FORECAST, 0, 100)
    assert len(events) == 50
    assert all(e.data.quantity != e.data.previous_quantity for e in events)
    same = await taking.ingest(run_of(again))
    assert same.counts == Counts(rows=5_000, unchanged=5_000)
    assert len(await ledger.read(FORECAST, 0, 100)) == 50
