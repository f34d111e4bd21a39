"""Operations of one caller at a time: the others wait a moment, in their order, or are refused."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from msgspec import Struct

from canonical.errors import TooManyOperationsError


class TurnRules(Struct, frozen=True):
    """How many at a time.

    Attributes:
        running: Operations under way.
        waiting: Operations that wait for one of them to end.
        wait_s: How long they wait.
    """

    running: int = 32
    waiting: int = 128
    wait_s: float = 2.0


class _Queue(Struct):
    running: int
    waiting: "deque[asyncio.Future[None]]"


class Turns:
    """Turns of this process. Nothing is kept of callers that have nothing under way."""

    def __init__(self) -> None:
        self._of: dict[Hashable, _Queue] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable, rules: TurnRules) -> AsyncIterator[None]:
        """Have a turn for as long as the block lasts.

        Raises:
            TooManyOperationsError: if there is none to be had.
        """
        await self._begin(key, rules)
        try:
            yield
        finally:
            self._end(key)

    async def _begin(self, key: Hashable, rules: TurnRules) -> None:
        queue = self._of.setdefault(key, _Queue(0, deque()))
        if queue.running < rules.running:
            queue.running += 1
            return
        if len(queue.waiting) >= rules.waiting:
            raise _too_many(rules)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        try:
            async with asyncio.timeout(rules.wait_s):
                await turn
        except TimeoutError as exc:
            if _had(turn):
                return  # in the last moment
            queue.waiting.remove(turn)
            raise _too_many(rules) from exc
        except asyncio.CancelledError:
            if _had(turn):
                self._end(key)
            else:
                queue.waiting.remove(turn)
            raise

    def _end(self, key: Hashable) -> None:
        queue = self._of[key]
        while queue.waiting:
            turn = queue.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        queue.running -= 1
        if not queue.running:
            del self._of[key]


def _had(turn: "asyncio.Future[None]") -> bool:
    return turn.done() and not turn.cancelled()


def _too_many(rules: TurnRules) -> TooManyOperationsError:
    message = (
        f"{rules.running} operations of yours are under way, and that is all there may be; "
        "wait for one to end"
    )
    return TooManyOperationsError(message, rules.wait_s)
