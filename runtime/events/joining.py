"""Writes that come while another is under way are done together, in one transaction.

A commit waits for the disk, and whoever appends to a stream holds it until then: one by one, the
disk's milliseconds are the bound of all writes. Together they wait once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Final

from msgspec import Struct

from canonical.errors import UnavailableError
from runtime.events.writing import Writing
from runtime.store.engines import SYSTEM

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


_Waiting = tuple[Asked, asyncio.Future[Any]]


class Joining:
    """Writes of one process, done together.

    Args:
        transaction: Does writes in one transaction, and returns what each returned, in order.
    """

    def __init__(self, transaction: Callable[[Sequence[Asked]], Awaitable[Sequence[Any]]]) -> None:
        self._transaction = transaction
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, ask: Asked) -> Any:
        """What the work returns, after the commit; what it raises, with nothing kept."""
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
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            await self._together([each for each in batch if not each[1].done()])

    async def _together(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            results = await self._transaction([ask for ask, _ in batch])
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


def _tell(batch: Sequence[_Waiting], tell: Callable[[asyncio.Future[Any], int], None]) -> None:
    for number, (_, future) in enumerate(batch):
        if not future.done():
            tell(future, number)
