"""Work that comes while other is under way is done together with what else came, in one go.

A commit waits for the disk, and whoever appends to a stream holds it until then: one by one, the
disk's milliseconds are the bound of all writes. Together they wait once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from canonical.errors import UnavailableError
from runtime.events.writing import Writing
from runtime.store.engines import SYSTEM

A = TypeVar("A")
_MOST: Final = 64
"""Writes done together at most: the first of them waits for the last."""


class Asked(Struct, frozen=True):
    """One write that somebody waits for.

    Attributes:
        work: What to do.
        streams: Streams that it locks.
        context: Whose log lines and spans it makes.
    """

    work: Callable[[Writing], Awaitable[Any]]
    streams: frozenset[str]
    context: Context

    async def run(self, writing: Writing) -> Any:
        """Do the work, as whoever asked for it."""

        async def run() -> Any:
            return await self.work(writing)

        return await asyncio.create_task(run(), context=self.context)


def asked(work: Callable[[Writing], Awaitable[Any]], streams: Sequence[str]) -> Asked:
    """A write asked for by the task that is running."""
    return Asked(work, frozenset(streams), copy_context())


class Joining(Generic[A]):
    """Work of one process, done together.

    Args:
        do_all: Does what several ask for, all of it or nothing, and returns what came of each, in
            order.
        weight: How much of what is done together one that asks is; 1 where it is not given.
        most: How much is done together at most, if more than one asks.
    """

    def __init__(
        self,
        do_all: Callable[[Sequence[A]], Awaitable[Sequence[Any]]],
        *,
        weight: Callable[[A], int] = lambda _: 1,
        most: int = _MOST,
    ) -> None:
        self._do_all = do_all
        self._weight = weight
        self._most = most
        self._waiting: list[tuple[A, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, ask: A) -> Any:
        """What came of it, once all is done; what it raises, with nothing kept."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), context=Context())
        return await future

    async def aclose(self) -> None:
        """Wait for what is under way."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            batch = self._next()
            await self._together([each for each in batch if not each[1].done()])

    def _next(self) -> Sequence[tuple[A, asyncio.Future[Any]]]:
        count = weight = 0
        for ask, _ in self._waiting:
            weight += self._weight(ask)
            if count and weight > self._most:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _together(self, batch: Sequence[tuple[A, asyncio.Future[Any]]]) -> None:
        if not batch:
            return
        try:
            results = await self._do_all([ask for ask, _ in batch])
        except Exception as error:  # noqa: BLE001  # whoever asked is told
            away = isinstance(error, UnavailableError) and error.system == SYSTEM
            if len(batch) > 1 and not away:
                for each in batch:  # one of them failed, and takes nothing of the others with it
                    await self._together([each])
                return
            cause = error
            _tell(batch, lambda future, _: future.set_exception(cause))
        else:
            _tell(batch, lambda future, number: future.set_result(results[number]))


def _tell(
    batch: Sequence[tuple[Any, asyncio.Future[Any]]],
    tell: Callable[[asyncio.Future[Any], int], None],
) -> None:
    for number, (_, future) in enumerate(batch):
        if not future.done():
            tell(future, number)
