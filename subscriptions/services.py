"""What all subscriptions of a process share: the answerer, the limits, the turns, the timer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from subscriptions.answering import Answering
from subscriptions.limits import StreamLimits
from subscriptions.wheel import Wheel

Pause = Callable[[float], Awaitable[None]]


class Watched(Protocol):
    """What is looked at when its time has come."""

    def check(self, now: float) -> None:
        """Its time has come; `now` is in seconds since the epoch."""


class Turns:
    """Lets a limited number of executions run; who waits for a slow system keeps nobody waiting.

    Args:
        limits: How many, and what counts as slow.
    """

    def __init__(self, limits: StreamLimits) -> None:
        self._quick: Final = asyncio.Semaphore(limits.executions)
        self._all: Final = asyncio.Semaphore(limits.in_flight)
        self._quick_s: Final = limits.quick_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it for the block."""
        async with self._all:
            await self._quick.acquire()
            turn = _Turn(self._quick)
            timer = asyncio.get_running_loop().call_later(self._quick_s, turn.give_back)
            try:
                yield
            finally:
                timer.cancel()
                turn.give_back()


class _Turn:
    """Is given back once."""

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self._semaphore: asyncio.Semaphore | None = semaphore

    def give_back(self) -> None:
        if self._semaphore is not None:
            self._semaphore.release()
            self._semaphore = None


class Services:
    """What all subscriptions of a process share.

    Args:
        answering: What answers.
        limits: What they may take.
        clock: Seconds since the epoch.
        pause: Waits for some seconds.
    """

    def __init__(
        self,
        answering: Answering,
        limits: StreamLimits,
        clock: Callable[[], float],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.answering = answering
        self.generation = 0
        self.limits: Final = limits
        self.clock: Final = clock
        self.pause: Final = pause
        self.turns: Final = Turns(limits)
        self.readers: Final = asyncio.Semaphore(limits.readers)
        self.wheel: Final[Wheel[Any]] = Wheel(clock())
        self._tasks: Final[set[asyncio.Task[None]]] = set()

    def replace(self, answering: Answering) -> None:
        """Answer by another one from the next event on."""
        self.answering = answering
        self.generation += 1

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside; `stop` ends it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End everything that was started."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
