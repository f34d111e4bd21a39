"""Waking processes: by what is said in this server at once, by what others say at the next look."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import structlog

from canonical.errors import NotFoundError, UnavailableError
from canonical.processes import ProcessState
from runtime.processes.messages import Message, Messages, Outcome
from runtime.processes.rows import Kept

OPERATOR: Final = "operator"
"""The topic of what operators say to a step that is stuck."""
CANCEL: Final = "operator/cancel"
"""The topic of operators who give a process up."""
_AWAY_S: Final = 1.0
_LONGEST_S: Final = 3600.0
"""No timer runs longer, so that a clock that is set is noticed."""
_Key = tuple[str, str]
_TO: Final = "to"
_END: Final = "end"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Mail:
    """The messages of a store, and who in this server waits for them; `run` is to be running.

    Args:
        messages: Where they are.
        poll_s: How often it is looked for those of other servers.
    """

    def __init__(self, messages: Messages, poll_s: float) -> None:
        self.messages = messages
        self._poll_s = poll_s
        self._untaken: Collection[tuple[str, str]] = frozenset()
        self._listeners: dict[_Key, set[asyncio.Event]] = {}

    async def send(self, message: Message, *, only_in: ProcessState | None = None) -> bool:
        """Send a message; its process wakes at once if it is here. Whether it was not sent before.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        new = await self.messages.send(message, only_in=only_in)
        self._untaken = {*self._untaken, (message.process_id, message.topic)}
        self._wake((_TO, message.process_id))
        return new

    def has(self, process_id: str, topic: str) -> bool:
        """Whether a message may be there."""
        return (process_id, topic) in self._untaken

    async def take(self, process_id: str, topic: str, taker: str) -> str | None:
        """The oldest message of a topic that none has taken, or that `taker` took before.

        It waits for a store that is away: who listens has nothing else to do.
        """
        while True:
            self._untaken = {each for each in self._untaken if each != (process_id, topic)}
            try:
                return await self.messages.take(process_id, topic, taker)
            except UnavailableError as error:
                _log.warning("processes.mail_waits", reason=error.message)
                await asyncio.sleep(_AWAY_S)

    async def wait(self, process_id: str, topics: Collection[str], timeout_s: float | None) -> None:
        """Wait until a process may have messages, or some time has passed."""
        with self._listening((_TO, process_id)) as event:
            if not any(self.has(process_id, topic) for topic in topics):
                await _set_within(event, timeout_s)

    async def wait_for_end(self, other_id: str, process_id: str) -> Kept | None:
        """What came of a process; None if it went on, and another may have messages.

        Args:
            other_id: The process whose end is waited for.
            process_id: The process that waits.

        Raises:
            NotFoundError: there is no such process.
        """
        with self._listening((_END, other_id), (_TO, process_id)) as event:
            found = (await self._outcome(other_id)).kept
            if found is None and not self.has(process_id, CANCEL):
                await _set_within(event, None)
        return found

    async def outcome(self, process_id: str, within_s: float) -> Outcome:
        """What came of a process, if it has ended in time.

        Raises:
            NotFoundError: there is no such process.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        with self._listening((_END, process_id)) as event:
            while True:
                event.clear()
                found = await self._outcome(process_id)
                left_s = deadline_s - loop.time()
                if found.kept is not None or left_s <= 0:
                    return found
                await _set_within(event, left_s)

    def ended(self, process_id: str) -> None:
        """A process has ended."""
        self._wake((_END, process_id))

    async def look(self) -> None:
        """Look for what was said in other servers.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        self._untaken = await self.messages.untaken()
        for process_id, _ in self._untaken:
            self._wake((_TO, process_id))
        awaited = [name for kind, name in self._listeners if kind == _END]
        if awaited:
            found = await self.messages.outcomes(awaited)
            for process_id, outcome in found.items():
                if outcome.kept is not None:
                    self.ended(process_id)

    async def run(self) -> None:
        """Look for what was said in other servers, for ever."""
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self.look()
            except UnavailableError as error:
                _log.warning("processes.mail_waits", reason=error.message)
            except Exception:  # noqa: BLE001  # else nobody would hear anything any more
                _log.exception("processes.mail_broken")

    async def _outcome(self, process_id: str) -> Outcome:
        found = await self.messages.outcomes([process_id])
        if process_id not in found:
            raise NotFoundError(f"there is no process {process_id!r}")
        return found[process_id]

    @contextmanager
    def _listening(self, *keys: _Key) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        for key in keys:
            self._listeners.setdefault(key, set()).add(event)
        try:
            yield event
        finally:
            for key in keys:
                mine = self._listeners[key]
                mine.discard(event)
                if not mine:
                    del self._listeners[key]

    def _wake(self, key: _Key) -> None:
        for event in self._listeners.get(key, ()):
            event.set()


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    """Seconds until a moment, not below none; None for never."""
    return None if moment is None else max((moment - now).total_seconds(), 0.0)


async def _set_within(event: asyncio.Event, seconds: float | None) -> None:
    longest_s = _LONGEST_S if seconds is None else min(seconds, _LONGEST_S)
    timer = asyncio.get_running_loop().call_later(longest_s, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
