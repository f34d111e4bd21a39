"""Circuit breaker: a system that keeps failing is left alone, then probed with one call.

    closed --(failures in a row, or their share in a window)--> open --(open_s)--> half-open
    half-open --(the probe succeeds)--> closed
    half-open --(the probe fails)--> open, twice as long as before (at most 8 times open_s)

What counts as a failure is for the caller to say: our own mistakes (4xx) and throttling do not.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final

from connectors.kit.policy import BreakerPolicy

_LONGEST: Final = 8


class Circuit(StrEnum):
    """States of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Permit:
    """Leave to make one call; its end must be told exactly once."""

    __slots__ = ("_end",)

    def __init__(self, end: Callable[[bool | None], None]) -> None:
        self._end = end

    def succeeded(self) -> None:
        """The system answered."""
        self._end(False)

    def failed(self) -> None:
        """The system did not answer, or could not."""
        self._end(True)

    def abandoned(self) -> None:
        """The call was given up before its outcome was known."""
        self._end(None)


class Breaker:
    """The breaker of one backend."""

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._in_a_row = 0
        self._window: deque[tuple[float, bool]] = deque()
        self._failed_in_window = 0
        self._open_until: float | None = None
        self._times_opened = 0
        self._probing = False
        self._turn = 0  # grows with every change of state: outcomes of older calls are ignored

    @property
    def state(self) -> Circuit:
        """The state just now."""
        if self._open_until is None:
            return Circuit.CLOSED
        waits = self._clock() < self._open_until
        return Circuit.OPEN if waits else Circuit.HALF_OPEN

    def retry_after_s(self) -> float | None:
        """Seconds until a call may be tried, or None if one may be now."""
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        if left > 0:
            return left
        return self._policy.open_s if self._probing else None

    def enter(self) -> Permit | None:
        """Leave to make a call, or None while the circuit is open or another call is probing."""
        if self.retry_after_s() is not None:
            return None
        if self._open_until is None:
            return Permit(partial(self._ended, self._turn))
        self._probing = True
        return Permit(partial(self._probed, self._turn))

    def _ended(self, turn: int, failed: bool | None) -> None:  # noqa: FBT001 three outcomes
        if turn != self._turn or failed is None:
            return
        self._count(failed=failed)
        if self._fails_too_often():
            self._open()

    def _probed(self, turn: int, failed: bool | None) -> None:  # noqa: FBT001 three outcomes
        if turn != self._turn:
            return
        self._probing = False
        if failed is not None:
            (self._open if failed else self._close)()

    def _count(self, *, failed: bool) -> None:
        self._in_a_row = self._in_a_row + 1 if failed else 0
        now = self._clock()
        self._window.append((now, failed))
        self._failed_in_window += failed
        while self._window and self._window[0][0] <= now - self._policy.window_s:
            self._failed_in_window -= self._window.popleft()[1]

    def _fails_too_often(self) -> bool:
        calls = len(self._window)
        return self._in_a_row >= self._policy.failures or (
            calls >= self._policy.min_calls
            and self._failed_in_window / calls >= self._policy.failure_rate
        )

    def _open(self) -> None:
        longer = min(2**self._times_opened, _LONGEST)
        self._times_opened += 1
        self._open_until = self._clock() + self._policy.open_s * longer
        self._reset()

    def _close(self) -> None:
        self._open_until = None
        self._times_opened = 0
        self._reset()

    def _reset(self) -> None:
        self._turn += 1
        self._in_a_row = 0
        self._window.clear()
        self._failed_in_window = 0
