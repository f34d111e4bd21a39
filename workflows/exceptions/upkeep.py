"""What becomes of exceptions by themselves: who is late is told, what was decided is carried out.

overdue   open when it was to be over: noted once, told of once
untold    settled or given up, and its process waits still, for the server that should have told
it died: it is told now
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from canonical.errors import SupplygraphError
from canonical.exceptions import ExceptionAction, ExceptionEntry, ExceptionState, SupplyException
from canonical.processes import Processes, ProcessState, ProcessView
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.exceptions.changing import ExceptionRows
from runtime.exceptions.reading import ExceptionList
from workflows.exceptions.telling import STREAM, event_of, notice_of
from workflows.notifications.ports import NoticeKind, Notices
from workflows.process import Engine

LEASE: Final = "exceptions"
_LEASE_S: Final = 120.0
_EVERY_S: Final = 60.0
_TELLING: Final = timedelta(seconds=60)
"""Within this time whoever decides has told the process, or never will."""
_LATELY: Final = timedelta(days=1)
"""What was decided before was told, or its process has asked again."""
_MOST: Final = 100
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Upkeep:
    """Looks after the exceptions of a store; of several processes one does at a time.

    Args:
        ledger: Where exceptions are, and the log that tells of them.
        leases: Who does it.
        holder: Name of this process.
        notices: Tells people.
        engine: Speaks to the processes that wait.
        processes: Tells how processes stand.
        pause: Waits for some seconds.
    """

    def __init__(  # noqa: PLR0913  # each is another port
        self,
        ledger: Ledger,
        leases: Leases,
        *,
        holder: str,
        notices: Notices,
        engine: Engine,
        processes: Processes,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._holder = holder
        self._notices = notices
        self._engine = engine
        self._processes = processes
        self._pause = pause
        self._list = ExceptionList(ledger.store)

    async def run(self) -> None:
        """Look after them until cancelled."""
        while True:
            await self._pause(_EVERY_S)
            try:
                await self.round()
            except SupplygraphError as error:
                _log.warning("exceptions.not_looked_after", error=error.message)
            except Exception as exc:  # noqa: BLE001  # it is done again in a minute
                _log.error("exceptions.upkeep_broken", exc_info=exc)

    async def round(self) -> None:
        """Look after them once; nothing if another process is at it.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        lease = await self._leases.acquire(LEASE, self._holder, _LEASE_S)
        if lease is None:
            return
        try:
            while await self._ledger.write(self._late, streams=[STREAM]) == _MOST:
                pass
            await self._carry_out()
        finally:
            await self._leases.release(lease)

    async def _late(self, writing: Writing) -> int:
        rows, at = ExceptionRows(writing, self._ledger.random), writing.moment
        late = await rows.overdue(at, _MOST)
        for standing in late:
            await rows.change(replace(standing, overdue=True, updated_at=at))
            text = f"not over by {standing.due_at:%Y-%m-%d %H:%M} UTC"
            entry = ExceptionEntry(at=at, action=ExceptionAction.ESCALATED, text=text)
            noted = await rows.enter(standing, entry)
            await writing.append([event_of(noted)])
            await self._notices.tell_with(writing, [notice_of(NoticeKind.EXCEPTION_OVERDUE, noted)])
        return len(late)

    async def _carry_out(self) -> None:
        decided = await self._list.undone(self._ledger.now() - _LATELY, _MOST)
        for exception in await self._waited_for(decided):
            process_id, last = exception.process_id or "", exception.history[-1]
            actor, text = last.actor or "", last.text or ""
            _log.info("exception.told_again", exception=exception.exception_id)
            if exception.state is ExceptionState.CANCELLED:
                await self._engine.cancel(process_id, text, actor=actor)
            else:
                await self._engine.settle(process_id, text, actor=actor)

    async def _waited_for(self, decided: Sequence[SupplyException]) -> Sequence[SupplyException]:
        """Those whose process has been stuck since before; of several about one the last."""
        by_process: dict[str, SupplyException] = {}
        for exception in decided:
            by_process.setdefault(exception.process_id or "", exception)
        found = await self._processes.by_ids(list(by_process))
        return [
            exception
            for name, exception in by_process.items()
            if name in found and _untold(exception, found[name], self._ledger.now())
        ]


def _untold(exception: SupplyException, process: ProcessView, now: datetime) -> bool:
    """Whether a process has heard nothing of what was decided, and whoever decided is gone."""
    at = exception.closed_at
    if at is None or now - at < _TELLING or process.state is not ProcessState.STUCK:
        return False
    return process.updated_at <= at
