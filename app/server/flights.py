"""Executions under way: who asks the same at the same time waits for the same one.

It goes on for as long as anybody waits for it, whoever began it.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Hashable
from contextlib import asynccontextmanager
from typing import Any

from app.server.execution import Execution, Made


class Flight:
    """One execution under way, and for how many."""

    def __init__(self, execution: Execution, work: "asyncio.Task[Made]") -> None:
        self.execution = execution
        self.work = work
        self._waiting = 0
        self._abandoned = False

    @property
    def may_be_joined(self) -> bool:
        """Whether who asks the same now may wait for it."""
        return not self._abandoned and self.execution.may_be_joined

    @asynccontextmanager
    async def wanted(self) -> AsyncIterator["asyncio.Task[Made]"]:
        """Want its end for as long as the block lasts; what nobody wants any more is ended."""
        self._waiting += 1
        try:
            yield self.work
        finally:
            self._waiting -= 1
            if not self._waiting and not self.work.done():
                self._abandoned = True
                self.work.cancel()
                await asyncio.gather(self.work, return_exceptions=True)


class Flights:
    """Flights that others may join, by what was asked and by whom."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Flight] = {}

    def find(self, key: Hashable) -> Flight | None:
        """The flight that a caller may join, if there is one."""
        flight = self._open.get(key)
        return flight if flight is not None and flight.may_be_joined else None

    def begin(
        self, key: Hashable | None, execution: Execution, work: Coroutine[Any, Any, Made]
    ) -> Flight:
        """Begin one. Without a key nobody joins it."""
        task = asyncio.get_running_loop().create_task(work)
        flight = Flight(execution, task)
        if key is not None:
            self._open[key] = flight
        task.add_done_callback(lambda _: self._ended(key, flight))
        return flight

    def _ended(self, key: Hashable | None, flight: Flight) -> None:
        flight.execution.close()
        if key is not None and self._open.get(key) is flight:
            del self._open[key]
        if not flight.work.cancelled():
            flight.work.exception()  # whoever waits has it; if nobody does, nobody need know
