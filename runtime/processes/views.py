"""Writes processes as people see them: many changes of many processes in one transaction.

Nothing here is needed for a process to go on: whatever a crash takes away is written again when the
process is gone through again. Only its end is waited for, for others wait for that.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.errors import UnavailableError
from runtime.processes.attempts import AttemptState
from runtime.processes.rows import Kept, ProcessRow, StepRow, process_values, step_values
from runtime.store.process_tables import (
    PROCESS_MESSAGES,
    PROCESS_STEPS,
    PROCESS_SUBJECTS,
    PROCESS_WRITES,
    PROCESSES,
)
from runtime.store.questions import adding, among, columns, many, upsert
from runtime.store.store import Store

_PAUSE_S: Final = 0.5
_CHANGING: Final = ("version", "state", "updated_at", "ended_at", "waits_for", "outcome")
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Subjects = Sequence[tuple[str, str]]
"""Processes, and what each is about."""


class Views:
    """Writes views into a store; `run` is to be running.

    Args:
        store: Where they are.
        on_ended: Is told of the processes whose end is written.
    """

    def __init__(self, store: Store, on_ended: Callable[[str], None]) -> None:
        self._store = store
        self._on_ended = on_ended
        self._processes: dict[str, ProcessRow] = {}
        self._steps: dict[tuple[str, int], StepRow] = {}
        self._subjects: dict[tuple[str, str], None] = {}
        self._told: dict[tuple[str, str], Kept] = {}
        self._wanted = asyncio.Event()
        self._put = self._done = 0
        self._written = asyncio.Condition()

    async def begin(self, rows: Sequence[ProcessRow], subjects: Subjects) -> None:
        """Write processes that begin, before anybody is told that they have; others stay."""

        async def work(connection: AsyncConnection) -> None:
            dialect = self._store.dialect
            values = columns([process_values(row) for row in rows], dialect)
            await connection.execute(upsert(PROCESSES, dialect), values)
            await self._add_subjects(connection, subjects)

        if rows:
            await self._store.write(work)

    def process(self, row: ProcessRow) -> None:
        """How a process stands now."""
        self._processes[row.id] = row
        self._more()

    def step(self, row: StepRow) -> None:
        """How a step stands now."""
        self._steps[row.process_id, row.number] = row
        self._more()

    def subjects(self, process_id: str, subjects: Sequence[str]) -> None:
        """What a process is about, besides what was said before."""
        self._subjects |= dict.fromkeys((subject, process_id) for subject in subjects)
        self._more()

    def told(self, process_id: str, name: str, kept: Kept) -> None:
        """What came of telling a system something."""
        self._told[process_id, name] = kept
        self._more()

    async def flushed(self) -> None:
        """Wait until everything that was said before is written."""
        wanted = self._put
        async with self._written:
            await self._written.wait_for(lambda: self._done >= wanted)

    async def run(self) -> None:
        """Write what is said, for ever; what cannot be written now, later."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.flush()
            except UnavailableError as error:
                _log.warning("processes.views_wait", reason=error.message)
                await self._later()
            except Exception:  # noqa: BLE001  # else nobody would see anything any more
                _log.exception("processes.views_broken")
                await self._later()

    async def flush(self) -> None:
        """Write what was said by now.

        Raises:
            UnavailableError: it is kept, to be written later.
        """
        upto = self._put
        processes, self._processes = self._processes, {}
        steps, self._steps = self._steps, {}
        subjects, self._subjects = self._subjects, {}
        told, self._told = self._told, {}

        async def work(connection: AsyncConnection) -> None:
            await self._write_processes(connection, list(processes.values()))
            await self._write_steps(connection, list(steps.values()))
            await self._add_subjects(connection, list(subjects))
            await _write_told(connection, told)

        try:
            await self._store.write(work)
        except Exception:
            self._processes = processes | self._processes
            self._steps = steps | self._steps
            self._subjects = subjects | self._subjects
            self._told = told | self._told
            raise
        for row in processes.values():
            if row.ended_at is not None:
                self._on_ended(row.id)
        async with self._written:
            self._done = upto
            self._written.notify_all()

    async def _later(self) -> None:
        await asyncio.sleep(_PAUSE_S)
        self._wanted.set()

    def _more(self) -> None:
        self._put += 1
        self._wanted.set()

    async def _write_processes(
        self, connection: AsyncConnection, rows: Sequence[ProcessRow]
    ) -> None:
        if not rows:
            return
        dialect = self._store.dialect
        insert = adding(PROCESSES, dialect)
        statement = insert.on_conflict_do_update(
            index_elements=[PROCESSES.c.id],
            set_={name: insert.excluded[name] for name in _CHANGING},
            where=PROCESSES.c.ended_at.is_(None),  # what has ended does not change any more
        )
        values = columns([process_values(row) for row in rows], dialect)
        await connection.execute(statement, values)
        ended = [row.id for row in rows if row.ended_at is not None]
        if ended:
            heard = sa.delete(PROCESS_MESSAGES).where(
                among(PROCESS_MESSAGES.c.process_id, "ids", dialect)
            )
            await connection.execute(heard, {"ids": many(ended, dialect)})

    async def _write_steps(self, connection: AsyncConnection, rows: Sequence[StepRow]) -> None:
        if rows:
            dialect = self._store.dialect
            changing = ("name", "state", "attempts", "started_at", "ended_at", "detail")
            values: Any = columns([step_values(row) for row in rows], dialect)
            await connection.execute(upsert(PROCESS_STEPS, dialect, changing), values)

    async def _add_subjects(self, connection: AsyncConnection, subjects: Subjects) -> None:
        """Add pairs of subject and process."""
        if subjects:
            dialect = self._store.dialect
            rows = [{"subject": subject, "process_id": each} for subject, each in subjects]
            await connection.execute(upsert(PROCESS_SUBJECTS, dialect), columns(rows, dialect))


async def _write_told(connection: AsyncConnection, told: Mapping[tuple[str, str], Kept]) -> None:
    writes = PROCESS_WRITES.c
    statement = (
        sa.update(PROCESS_WRITES)
        .where(writes.process_id == sa.bindparam("of"), writes.name == sa.bindparam("named"))
        .values(state=AttemptState.DONE.value, result=sa.bindparam("kept"))
    )
    rows = [
        {"of": process_id, "named": name, "kept": msgspec.json.encode(kept).decode()}
        for (process_id, name), kept in told.items()
    ]
    if rows:
        await connection.execute(statement, rows)
