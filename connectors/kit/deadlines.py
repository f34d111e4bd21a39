"""Gives up what takes too long, as `asyncio.timeout` does, with one timer for all calls.

A timer of its own for each call costs as much as all its other policies together.
"""

import asyncio
import heapq
import itertools
from types import TracebackType
from typing import Final

_ROUNDED_S: Final = 0.001
"""Loops round their timers: this much later it is surely time, and nothing is left of it."""


class Watch:
    """A block that is to end in time, within one task. Raises `TimeoutError` if it does not."""

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task", "_when")

    def __init__(self, deadlines: "Deadlines", when: float) -> None:
        self._deadlines = deadlines
        self._when = when
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._expired = False

    @property
    def ended(self) -> bool:
        """Whether nobody is to be stopped any more."""
        return self._task is None

    def expire(self) -> None:
        """Stop the block, if it has not ended."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to stop")
        self._task, self._cancelling = task, task.cancelling()
        self._deadlines.add(self._when, self)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._expired or task is None:
            return
        # Others may have cancelled the task too: then it is theirs.
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from exc


class Deadlines:
    """Deadlines of many blocks in one loop, most of which end in time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Watch]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def at(self, when: float) -> Watch:
        """A block that is to end by a `loop.time()`."""
        return Watch(self, when)

    def add(self, when: float, watch: Watch) -> None:
        """Keep an eye on a block that begins."""
        due = self._due
        while due and due[0][2].ended:
            heapq.heappop(due)
        heapq.heappush(due, (when, next(self._order), watch))
        if self._timer is None or when + _ROUNDED_S < self._timer.when():
            self._wake_for(when)

    def close(self) -> None:
        """Stop nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_for(self, when: float) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_at(when + _ROUNDED_S, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        due = self._due
        while due and (due[0][0] <= now or due[0][2].ended):
            heapq.heappop(due)[2].expire()
        if due:
            self._wake_for(due[0][0])
