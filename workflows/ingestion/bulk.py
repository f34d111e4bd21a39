"""Bulk: a file of rows is taken in, some thousand rows a transaction, and goes on where it stopped.

    file -> rows (in a thread) -> reports -> Intake: what is new becomes events, and with it, in the
      same transaction, how far the run has come and what it has counted

A run is named by what its file holds, if it is not given a name. The same file sent again goes on
where it stopped, or is told what came of it. One process at a time works at a run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError
from canonical.observations import Observation
from runtime.events.leases import Lease, Leases
from runtime.events.writing import Writing
from workflows.ingestion.intake import Delivery, Intake, Taken, Verdict, Way
from workflows.ingestion.row_records import Reports, RowError
from workflows.ingestion.rows import Row, RowFile

CHUNK: Final = 1_000
MOST_BAD: Final = 1_000
LEASE_S: Final = 10.0
_REASON: Final = "row"


class Counts(Struct, frozen=True, kw_only=True):
    """What rows came to.

    Attributes:
        rows: All.
        new: Of records that were not known before.
        revised: That say something new of what was known.
        unchanged: That say nothing new.
        late: That are older than what is known, and were not heard of then.
        bad: That cannot be read; they lie among the dead letters.
    """

    rows: int = 0
    new: int = 0
    revised: int = 0
    unchanged: int = 0
    late: int = 0
    bad: int = 0


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run has come.

    Attributes:
        run: Its name.
        digest: Tells what its file holds.
        counts: Of the rows so far.
        seconds: How long it has been worked at.
        is_done: Whether that is all.
        offset: How many bytes of the file have been read.
    """

    run: str
    digest: str
    counts: Counts = Counts()
    seconds: float = 0.0
    is_done: bool = False
    offset: int = 0


class BulkRun(Struct, frozen=True, kw_only=True):
    """What is to be taken in.

    Attributes:
        file: The rows.
        reports: Makes reports of them.
        digest: Tells what the file holds.
        max_bad: How many bad rows are too many.
    """

    file: RowFile
    reports: Reports
    digest: str
    max_bad: int = MOST_BAD

    @property
    def name(self) -> str:
        """The run among all runs."""
        reading = self.reports.reading
        return run_name(reading.system, reading.entity, self.reports.run)


class BadRow(Struct, frozen=True):
    """A row that cannot be taken."""

    number: int
    raw: bytes
    message: str


class Chunk(Struct, frozen=True):
    """Rows that are taken in together."""

    reports: Sequence[tuple[Row, Observation]]
    bad: Sequence[BadRow]
    offset: int


def run_name(system: str, entity: EntityName, run: str) -> str:
    """A run's name among those of all systems."""
    return f"bulk:{system}:{entity.value}:{run}"


class RunBusyError(ConflictError):
    """Another is at the run: it is worth repeating."""


class Bulk:
    """Takes files of rows in.

    Args:
        intake: Where to.
        leases: Whose turn it is, and how far runs have come.
        holder: Names whoever works here; another each time.
        clock: Seconds, ever rising.
        chunk: How many rows a transaction takes.
        lease_s: How long a process that died is waited for, before another goes on with its run.
    """

    def __init__(
        self,
        intake: Intake,
        leases: Leases,
        *,
        holder: str,
        clock: Callable[[], float],
        chunk: int = CHUNK,
        lease_s: float = LEASE_S,
    ) -> None:
        self._intake = intake
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._chunk = chunk
        self._lease_s = lease_s

    async def progress(self, name: str) -> Progress | None:
        """How far a run has come; None if there is none of that name."""
        placed = await self._leases.position(name)
        return None if placed is None else msgspec.convert(placed, Progress)

    async def is_busy(self, name: str) -> bool:
        """Whether a run of that name is being taken in, by any process."""
        return await self._leases.is_held(name)

    async def ingest(
        self, run: BulkRun, told: Callable[[Progress], None] = lambda _: None
    ) -> Progress:
        """Take a file in, from where it stopped.

        Args:
            run: What.
            told: Told how far it has come, after each commit.

        Returns:
            What came of it; the same again for a run that was done before.

        Raises:
            RunBusyError: if another is at it.
            ConflictError: if the run's name stands for another file.
            InvalidInputError: if the file cannot be read on, or too many of its rows are bad. What
                was taken in stays.
            UnavailableError: if the store cannot be reached; repeat it.
        """
        async with self._alone(run) as turn:
            progress = await self.progress(run.name) or Progress(
                run=run.reports.run, digest=run.digest
            )
            if progress.digest != run.digest:
                raise ConflictError(
                    f"run {run.reports.run} was of another file: give this one another name, or "
                    f"none"
                )
            if progress.is_done:
                return progress
            async with _chunks(run, progress.counts.rows, self._chunk) as chunks:
                async for chunk in chunks:
                    progress = await self._take(run, turn, progress, chunk)
                    told(progress)
            done = replace(progress, is_done=True)
            lease = await turn.lease()
            await self._intake.take((), also=lambda w: w.place(lease, run.name, done))
            return done

    async def _take(self, run: BulkRun, turn: "_Turn", before: Progress, chunk: Chunk) -> Progress:
        began = turn.since
        if before.counts.bad + len(chunk.bad) > run.max_bad:
            raise _too_many(run, before, chunk.bad[-1])
        lease = await turn.lease()
        after = before

        async def place(writing: Writing, taken: Sequence[Taken]) -> None:
            nonlocal after
            refused = [
                BadRow(row.number, row.raw, f"row {row.number}: {one.problem}")
                for (row, _), one in zip(chunk.reports, taken, strict=True)
                if one.verdict is Verdict.REFUSED
            ]
            counts = _counted(before.counts, taken, len(chunk.bad))
            if counts.bad > run.max_bad:
                raise _too_many(run, before, refused[-1])
            await writing.bury([_letter(run, bad) for bad in refused])
            seconds = round(before.seconds + self._clock() - began, 3)
            after = replace(before, counts=counts, seconds=seconds, offset=chunk.offset)
            await writing.place(lease, run.name, after)

        system = run.reports.reading.system
        deliveries = [Delivery(system=system, observations=(o,)) for _, o in chunk.reports]
        letters = [_letter(run, bad) for bad in chunk.bad]
        await self._intake.take(deliveries, letters=letters, then=place)
        turn.since = self._clock()
        return after

    @asynccontextmanager
    async def _alone(self, run: BulkRun) -> AsyncIterator["_Turn"]:
        lease = await self._leases.acquire(run.name, self._holder, self._lease_s)
        if lease is None:
            raise RunBusyError(
                f"run {run.reports.run} is being taken in already: wait for it. If whoever began "
                f"it is gone, repeat this in {self._lease_s:g} s, and it goes on from there"
            )
        turn = _Turn(self._leases, lease, self._lease_s, self._clock)
        try:
            yield turn
        finally:
            with suppress(Exception):  # it ends by itself
                await asyncio.shield(self._leases.release(turn.held))


class _Turn:
    """The lease of a run, renewed when half of its time has gone."""

    def __init__(
        self, leases: Leases, lease: Lease, lease_s: float, clock: Callable[[], float]
    ) -> None:
        self._leases = leases
        self._lease_s = lease_s
        self._clock = clock
        self._renewed = clock()
        self.held = lease
        self.since = clock()

    async def lease(self) -> Lease:
        if self._clock() - self._renewed > self._lease_s / 2:
            renewed = await self._leases.renew(self.held, self._lease_s)
            if renewed is None:
                raise RunBusyError("another process has taken this run over")
            self.held, self._renewed = renewed, self._clock()
        return self.held


@asynccontextmanager
async def _chunks(run: BulkRun, done: int, size: int) -> AsyncIterator[AsyncIterator[Chunk]]:
    """The chunks behind the rows that are done; the next one is read while one is taken in."""
    read = _read_chunks(run, done, size)
    ahead = asyncio.ensure_future(asyncio.to_thread(next, read, None))

    async def chunks() -> AsyncIterator[Chunk]:
        nonlocal ahead
        while (chunk := await asyncio.shield(ahead)) is not None:
            ahead = asyncio.ensure_future(asyncio.to_thread(next, read, None))
            yield chunk

    try:
        yield chunks()
    finally:
        # The thread reads to the end of its chunk, whoever waits; only then is the file closed.
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()
        read.close()


def _read_chunks(run: BulkRun, done: int, size: int) -> Generator[Chunk]:
    rows = islice(run.file.rows(run.reports.reading.wanted), done, None)
    while some := list(islice(rows, size)):
        reports: list[tuple[Row, Observation]] = []
        bad: list[BadRow] = []
        for row in some:
            try:
                reports.append((row, run.reports.of(row)))
            except RowError as exc:
                bad.append(BadRow(row.number, row.raw, str(exc)))
        yield Chunk(reports, bad, some[-1].offset)


def _counted(before: Counts, taken: Sequence[Taken], bad: int) -> Counts:
    new = revised = unchanged = late = 0
    for one in taken:
        if one.verdict is Verdict.REFUSED:
            bad += 1
        elif one.fresh:
            new += 1
        elif not one.events:
            unchanged += 1
        elif any(event.applied for event in one.events):
            revised += 1
        else:
            late += 1
    return Counts(
        rows=before.rows + new + revised + unchanged + late + bad,
        new=before.new + new,
        revised=before.revised + revised,
        unchanged=before.unchanged + unchanged,
        late=before.late + late,
        bad=before.bad + bad,
    )


def _letter(run: BulkRun, bad: BadRow) -> DeadLetter:
    reading = run.reports.reading
    return DeadLetter(
        system=reading.system,
        way=Way.BULK.value,
        reason=_REASON,
        message=bad.message,
        body=bad.raw,
        headers={
            "entity": reading.entity.value,
            "run": run.reports.run,
            "row": str(bad.number),
            "header": run.file.header.decode("utf-8", "replace"),
        },
    )


def _too_many(run: BulkRun, before: Progress, last: BadRow) -> InvalidInputError:
    return InvalidInputError(
        f"stopped behind row {before.counts.rows}: more than {run.max_bad:,} rows are bad, lastly: "
        f"{last.message}. Mend the file or its mapping; what was taken in before stays"
    )
