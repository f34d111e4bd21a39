"""The queue before one backend: who may call now, and who goes first.

Interactive questions go before background work, in order of arrival within each. A `Counter`
(`limits_counters`) says whether the first in the queue may go.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask
from connectors.kit.limits_counters import Counter
from runtime.limits.rules import Grant, Limit

_LOOK_AGAIN_S: Final = 0.01
_LONGEST_LOOK_S: Final = 0.2

_TOO_LATE: Final = {
    Limit.CONCURRENCY: "all its places (max_concurrency) are taken until the deadline",
    Limit.RATE: "its limit of calls per second (rate_per_s) leaves no room before the deadline",
    Limit.COST: "its limit of cost per second (cost_per_s) leaves no room before the deadline",
    Limit.PER_DAY: "its quota of calls for the day (per_day) is used up",
    Limit.PAUSE: "it asked to be left alone for longer than the deadline (Retry-After)",
}


class _Waiter:
    """One who stands in the queue."""

    __slots__ = ("deadline", "lease", "limit", "turn")

    def __init__(self, lease: str, deadline: float, turn: asyncio.Future[None]) -> None:
        self.lease = lease
        self.deadline = deadline
        self.turn = turn
        self.limit = Limit.CONCURRENCY


class Slot:
    """A place that is held within an `async with`."""

    __slots__ = ("_ask", "_lease", "_limiter")

    def __init__(self, limiter: "Limiter", ask: Ask) -> None:
        self._limiter = limiter
        self._ask = ask
        self._lease = ""

    async def __aenter__(self) -> None:
        self._lease = await self._limiter.take(self._ask)

    async def __aexit__(self, *_: object) -> None:
        self._limiter.give_back(self._lease)


class Limiter:
    """The queue before one backend. Where nobody waits and nothing holds one back, there is none.

    Args:
        system: The backend's name.
        counter: Says whether one may go.
        max_waiting: Longest queue.
        new_lease: Makes names of leases.
    """

    def __init__(
        self, system: str, counter: Counter, *, max_waiting: int, new_lease: Callable[[], str]
    ) -> None:
        self._system = system
        self._counter = counter
        self._max_waiting = max_waiting
        self._new_lease = new_lease
        self._queue: list[tuple[bool, int, _Waiter]] = []
        self._arrivals = itertools.count()
        self._changed = asyncio.Event()
        self._server: asyncio.Task[None] | None = None
        self._returns: set[asyncio.Task[None]] = set()
        self._charges: set[asyncio.Task[None]] = set()

    def slot(self, ask: Ask) -> Slot:
        """A slot to hold, as `take` and `give_back`."""
        return Slot(self, ask)

    async def take(self, ask: Ask) -> str:
        """Take a slot, waiting for it until the deadline; the lease to give it back with.

        Raises:
            UnavailableError: (throttled) naming the limit, if there is none in time.
        """
        lease = self._new_lease()
        if self._queue or not self._counter.take_now(lease):
            await self._wait(ask, lease)
        return lease

    def charge(self, cost: int) -> None:
        """Charge what a call has cost, of which it took one unit when it went."""
        if cost > 1 and (elsewhere := self._counter.charge(cost - 1)) is not None:
            task = asyncio.create_task(elsewhere)
            self._charges.add(task)
            task.add_done_callback(self._charges.discard)

    async def pause(self, seconds: float) -> None:
        """Let nobody go for a while."""
        await self._counter.pause(seconds)
        self._changed.set()

    def health(self) -> Mapping[str, object]:
        """How it is just now."""
        return {**self._counter.health(), "waiting": len(self._queue)}

    async def aclose(self) -> None:
        """Let nobody go any more, and return what is held."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
            self._dismiss()
        await asyncio.gather(*self._returns, *self._charges, return_exceptions=True)

    async def _wait(self, ask: Ask, lease: str) -> None:
        if len(self._queue) >= self._max_waiting:
            msg = f"{self._max_waiting} requests are waiting for it already (max_waiting)"
            raise UnavailableError(self._system, Reason.THROTTLED, msg)
        waiter = _Waiter(lease, ask.deadline, asyncio.get_running_loop().create_future())
        place = (not ask.interactive, next(self._arrivals), waiter)
        heapq.heappush(self._queue, place)
        self._changed.set()
        if self._server is None:
            self._server = asyncio.create_task(self._serve())
        try:
            async with asyncio.timeout_at(ask.deadline):
                await waiter.turn
        except TimeoutError:
            self._give_up(place)
            raise self._too_late(waiter.limit) from None
        except asyncio.CancelledError:
            self._give_up(place)
            raise

    def _give_up(self, place: tuple[bool, int, _Waiter]) -> None:
        turn = place[2].turn
        if not turn.cancelled() and turn.done() and turn.exception() is None:
            self.give_back(place[2].lease)  # its turn came at the very moment
        self._leave(place)

    def _leave(self, place: tuple[bool, int, _Waiter]) -> None:
        if place in self._queue:
            self._queue.remove(place)
            heapq.heapify(self._queue)

    async def _serve(self) -> None:
        """Call up the first in the queue, again and again, until nobody waits."""
        look_s = _LOOK_AGAIN_S
        try:
            while self._queue:
                self._changed.clear()
                place = self._queue[0]
                if self._charges:  # what our own calls have cost counts before the next one goes
                    await asyncio.wait(self._charges)
                    if not self._queue or self._queue[0] is not place:
                        continue
                grant = await self._counter.take(place[2].lease)
                if self._answered(place, grant):
                    look_s = _LOOK_AGAIN_S
                    continue
                # A slot that another process returns is not announced: look again, ever slower.
                wait_s = grant.wait_s if grant.certain else min(grant.wait_s, look_s)
                look_s = min(2 * look_s, _LONGEST_LOOK_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
        finally:
            self._dismiss()

    def _dismiss(self) -> None:
        """End the service. Somebody still waits only if it was stopped or failed."""
        self._server = None
        for _, _, waiter in self._queue:
            if not waiter.turn.done():
                waiter.turn.set_exception(self._too_late(waiter.limit))

    def _answered(self, place: tuple[bool, int, _Waiter], grant: Grant) -> bool:
        """Tell one what it is waiting for, if that is certain; False if it has to wait on."""
        waiter = place[2]
        if waiter.turn.done():  # gave up meanwhile
            self._leave(place)
            if grant.limit is None:
                self.give_back(waiter.lease)
            return True
        if grant.limit is None:
            self._leave(place)
            waiter.turn.set_result(None)
            return True
        waiter.limit = grant.limit
        ready_at = asyncio.get_running_loop().time() + grant.wait_s
        if grant.certain and ready_at >= waiter.deadline:
            self._leave(place)
            waiter.turn.set_exception(self._too_late(grant.limit, grant.wait_s))
            return True
        return False

    def give_back(self, lease: str) -> None:
        """Return a slot without making its holder wait for a counter elsewhere."""
        elsewhere = self._counter.give_back(lease)
        if elsewhere is None:
            self._changed.set()
            return
        task = asyncio.create_task(elsewhere)
        self._returns.add(task)
        task.add_done_callback(self._returned)

    def _returned(self, task: asyncio.Task[None]) -> None:
        self._returns.discard(task)
        self._changed.set()

    def _too_late(self, limit: Limit, wait_s: float | None = None) -> UnavailableError:
        return UnavailableError(
            self._system, Reason.THROTTLED, _TOO_LATE[limit], retry_after_s=wait_s
        )
