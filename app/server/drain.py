"""Stopping without breaking off: what has begun is finished, what comes later is put off.

At SIGTERM or SIGINT new operations get 503 with Retry-After while those under way end, or are given
up at a bound. Only then does the server hear the signal, and close its connections. A second SIGINT
is handed on at once; a SIGTERM after a SIGINT is what a terminal and a supervisor send together.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Drain:
    """Operations under way in one process, and whether further ones are taken."""

    def __init__(self) -> None:
        self.stopping = False
        self._under_way = 0
        self._empty = asyncio.Event()
        self._over = False
        self._waiting: set[Callable[[], None]] = set()
        self._leaving: list[Callable[[float], None]] = []

    @property
    def under_way(self) -> int:
        """Operations that have begun and not ended."""
        return self._under_way

    def begin(self) -> None:
        """An operation has begun; whoever says so says when it has ended."""
        self._under_way += 1

    def end(self) -> None:
        """An operation has ended."""
        self._under_way -= 1
        if not self._under_way and self.stopping:
            self._empty.set()

    async def stop(self, within_s: float) -> None:
        """Take no further operations, and wait until there are none; at the bound give them up."""
        self.stopping = True
        for callback in self._leaving:
            callback(within_s)
        if self._under_way:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._empty.wait()
        self.give_up()

    def give_up(self) -> None:
        """End what is still under way."""
        self._over = True
        for callback in tuple(self._waiting):
            callback()

    def when_stopping(self, callback: Callable[[float], None]) -> None:
        """Have a callback called when stopping begins, with the seconds that it may take."""
        self._leaving.append(callback)

    @contextmanager
    def told_to_give_up(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have a callback called if operations are to end at once while the block lasts."""
        self._waiting.add(callback)
        try:
            if self._over:
                callback()
            yield
        finally:
            self._waiting.discard(callback)


@contextmanager
def drained_before_signals(drain: Drain, within_s: float) -> Iterator[None]:
    """Let the process's handlers hear of a signal only when operations have ended.

    To be entered in the server's event loop, once it has set its handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ears = _Ears(drain, within_s)
    for number in ears.handlers:
        signal.signal(number, ears.hear)
    try:
        yield
    finally:
        for number, handler in ears.handlers.items():
            signal.signal(number, handler)


class _Ears:
    """Hears signals in place of the handlers that are set now."""

    def __init__(self, drain: Drain, within_s: float) -> None:
        self._drain = drain
        self._within_s = within_s
        self._loop = asyncio.get_running_loop()
        self._stopping: asyncio.Task[None] | None = None
        known = {number: signal.getsignal(number) for number in SIGNALS}
        self.handlers = {number: h for number, h in known.items() if callable(h)}

    def hear(self, number: int, frame: FrameType | None) -> None:
        if not self._drain.stopping:
            self._drain.stopping = True
            self._loop.call_soon_threadsafe(self._begin, signal.Signals(number))
        elif number == signal.SIGINT:
            self._loop.call_soon_threadsafe(self._drain.give_up)
            self.handlers[signal.SIGINT](number, frame)

    def _begin(self, number: signal.Signals) -> None:
        self._stopping = self._loop.create_task(self._stop(number))

    async def _stop(self, number: signal.Signals) -> None:
        await self._drain.stop(self._within_s)
        self.handlers[number](number, None)
