"""One timer for thousands of connections: each is looked at when it is due."""

import asyncio
from heapq import heappop, heappush
from itertools import count
from typing import Final, Protocol

_TOGETHER_S: Final = 0.05
# What is due within so short a time is looked at together.


class Due(Protocol):
    """Something that is looked at from time to time.

    Attributes:
        due: When it is to be looked at next, in the event loop's time; set by `Rounds`.
    """

    due: float

    def look(self, now: float) -> float | None:
        """See to what is due.

        Returns:
            When to look again; None never.
        """


class Rounds:
    """Looks at each thing once it is due; nothing is held for what is not waiting."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Due]] = []
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, thing: Due, due: float) -> None:
        """Look at a thing at a time, whatever was said about it before."""
        thing.due = due
        heappush(self._waiting, (due, next(self._number), thing))
        if self._timer is None or due < self._timer.when():
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] < now + _TOGETHER_S:
            due, _, thing = heappop(self._waiting)
            if thing.due == due and (again := thing.look(max(now, due))) is not None:
                thing.due = max(again, now + _TOGETHER_S)
                heappush(self._waiting, (thing.due, next(self._number), thing))
        if self._timer is None:
            self._arm()
