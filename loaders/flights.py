"""Requests under way, shared by all who want the same at the same time.

A flight is work that goes on whoever gives up waiting for it. What it costs is told to every
operation that takes part, and each waits until its own deadline only.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from canonical.ports import Meter

T = TypeVar("T")


class Meters:
    """One request's cost, told to every operation that takes part, however late it joined."""

    def __init__(self) -> None:
        self._meters: dict[int, Meter] = {}
        self._calls: list[tuple[str, float, int, bool]] = []

    def __len__(self) -> int:
        return len(self._meters)

    def join(self, meter: Meter) -> None:
        """Tell a meter too, what has been told already as well."""
        if id(meter) in self._meters:
            return
        self._meters[id(meter)] = meter
        for system, milliseconds, rows, failed in self._calls:
            meter.called(system, milliseconds=milliseconds, rows=rows, failed=failed)

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request has ended."""
        self._calls.append((system, milliseconds, rows, failed))
        for meter in self._meters.values():
            meter.called(system, milliseconds=milliseconds, rows=rows, failed=failed)


class Flight(Generic[T]):
    """Work under way and those who wait for its result."""

    def __init__(self) -> None:
        self.meters = Meters()
        self._waiting: list[asyncio.Future[T]] = []
        self._task: asyncio.Task[T] | None = None

    def start(self, work: Coroutine[Any, Any, T], landed: Callable[[], None]) -> None:
        """Begin, and call back once nobody can join any more."""
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(lambda task: self._end(task, landed))

    async def result(self, until: float) -> T:
        """The result; whoever stops waiting leaves the work and the others alone.

        Args:
            until: `loop.time()` until when to wait.

        Raises:
            TimeoutError: if it has not come by then.
        """
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[T] = loop.create_future()
        self._waiting.append(mine)
        timer = loop.call_at(until, _give_up, mine) if until < float("inf") else None
        try:
            return await mine
        finally:
            if timer is not None:
                timer.cancel()

    def _end(self, task: "asyncio.Task[T]", landed: Callable[[], None]) -> None:
        landed()
        waiting = [w for w in self._waiting if not w.done()]
        if task.cancelled():
            for one in waiting:
                one.cancel()
            return
        error = task.exception()
        for one in waiting:
            if error is None:
                one.set_result(task.result())
            else:
                one.set_exception(error)


def _give_up(waiting: "asyncio.Future[Any]") -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())
