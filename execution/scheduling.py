"""When to send a batch: once nothing else of the operation can add to it.

An executor that walks objects one by one reaches the same level of many objects within a few turns
of the event loop. The scheduler waits until several turns have passed in which nobody asked for
anything, then starts all waiting batches together. A turn that does nothing costs about a
microsecond.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

_QUIET_TURNS: Final = 12
# Measured on graphql-core 3.3: up to 2 turns for each list or object between two links; the
# contract's deepest way (connection, nodes, lines) needs 6.
_PLANNED_TURNS: Final = 4
# A plan asks for a whole level in one turn, and goes on within two of having its answers.


class LevelScheduler:
    """Starts batches level by level. One for each operation; belongs to one event loop."""

    def __init__(self, *, quiet_turns: int = _QUIET_TURNS) -> None:
        self._quiet_turns = quiet_turns
        self._waiting: list[Callable[[], None]] = []
        self._quiet = 0
        self._armed = False
        self._running: set[asyncio.Task[None]] = set()
        self._ended = False
        self.levels = 0

    def expect_whole_levels(self) -> None:
        """Be quicker to start: whoever asks comes with a whole level at once."""
        self._quiet_turns = min(self._quiet_turns, _PLANNED_TURNS)

    def submit(self, start: Callable[[], None]) -> None:
        """Have a batch started when the level is complete."""
        self._waiting.append(start)
        self.touch()

    def touch(self) -> None:
        """Say that a waiting batch has grown."""
        self._quiet = 0
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._turn)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a batch for as long as the operation lasts."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def end(self) -> None:
        """The operation is over: what still runs is cancelled, what waits is never started."""
        self._ended = True
        self._waiting.clear()
        for task in self._running:
            task.cancel()

    def _turn(self) -> None:
        if self._ended:
            return
        self._quiet += 1
        if self._quiet < self._quiet_turns:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._armed = False
        waiting, self._waiting = self._waiting, []
        self.levels += 1
        for start in waiting:
            start()
