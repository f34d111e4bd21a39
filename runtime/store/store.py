"""The store as the rest of the process sees it: work in a transaction, done again where it may be.

    write(work)   one transaction; from the start again when the connection was cut, on a deadlock,
                  a lock or a unique key that another was first with; within the deadline
    read(work)    questions, each seeing at least what was committed when the first was asked

Work that is done again must not mind that it was done before: also a commit whose answer was lost
may have been one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from random import Random
from traceback import clear_frames
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from canonical.errors import UnavailableError
from runtime.store.engines import WRITING, located, opened
from runtime.store.settings import StoreSettings
from runtime.store.troubles import Trouble, judged, told

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.5
_HEALTH_S: Final = 2.0


class Store:
    """One database, for one event loop. Nothing is connected before the first use.

    Args:
        settings: Where it is and how it is used.
        random: For pauses between tries, so that those who collided do not again.

    Attributes:
        connected: Whether it answered when it was last asked; None before the first time.

    Raises:
        MisconfiguredError: if the address makes no sense.
    """

    def __init__(self, settings: StoreSettings, *, random: Random | None = None) -> None:
        self._settings = settings
        self._random = random or Random()  # noqa: S311  # spreads retries, no secret
        self._engine = opened(settings)
        self.dialect: str = self._engine.dialect.name
        self._writing = self._engine.execution_options(**{WRITING: True})
        self._reading = self._engine
        if self.dialect == "postgresql":  # saves a question two round trips
            self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._finishing: set[asyncio.Task[None]] = set()
        # SQLite has one writer: those of this process queue here instead of polling for its lock.
        self._turn: AbstractAsyncContextManager[object] | None = (
            asyncio.Lock() if self.dialect == "sqlite" else None
        )
        self.connected: bool | None = None
        self.shown = located(settings).render_as_string(hide_password=True)

    async def write(self, work: Work[T], *, deadline_s: float | None = None) -> T:
        """Do work in one transaction.

        Args:
            work: What to do. Done again from the start if another was in its way, so it changes
                nothing but the database; what it raises by itself undoes everything, and is raised.
            deadline_s: Longest wait, where it is not the store's own.

        Raises:
            UnavailableError: the store cannot be reached, or not in time. It is not known whether
                the work was committed.
            MisconfiguredError: it refuses our login, or its tables are missing.
        """

        async def once() -> T:
            async with self._connected(self._writing) as connection:
                return await _transaction(connection, work)

        async def in_turn() -> T:
            if self._turn is None:
                return await once()
            async with self._turn:
                return await once()

        return await self._until_done(in_turn, deadline_s or self._settings.deadline_s)

    async def read(self, work: Work[T], *, deadline_s: float | None = None) -> T:
        """Do work that only reads.

        Raises:
            UnavailableError, MisconfiguredError: as `write` does.
        """

        async def once() -> T:
            async with self._connected(self._reading) as connection:
                return await _undisturbed(connection, work)

        return await self._until_done(once, deadline_s or self._settings.deadline_s)

    async def health(self) -> Mapping[str, object]:
        """Whether it answers: `{"database", "connected"}` and, if not, `error`."""
        found: dict[str, object] = {"database": self.dialect, "connected": True}
        deadline_s = min(_HEALTH_S, self._settings.deadline_s)
        ask = sa.select(1)
        try:
            await self.read(lambda connection: connection.scalar(ask), deadline_s=deadline_s)
        except UnavailableError as error:
            found |= {"connected": False, "error": error.message}
        return found

    async def aclose(self) -> None:
        """Close all connections, those too that are just being made or given back."""
        while self._finishing:
            await asyncio.wait(self._finishing)
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection. Who is cancelled while it is made or given back does not wait for that."""
        opening = asyncio.create_task(_opened(engine))
        try:
            connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._finish(_closed(opening))
            raise
        try:
            yield connection
        finally:
            await asyncio.shield(self._finish(connection.close()))

    def _finish(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        return task

    async def _until_done(self, once: Callable[[], Awaitable[T]], deadline_s: float) -> T:
        last: BaseException | None = None
        pauses = _pauses()
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    try:
                        found = await once()
                    except (SQLAlchemyError, OSError) as error:
                        if judged(error) is Trouble.OURS or _same_key(last, error):
                            raise
                        last = error
                    else:
                        self.connected = True
                        return found
                    await asyncio.sleep(next(pauses) * (0.5 + self._random.random()))
        except (SQLAlchemyError, OSError) as error:
            # What hung says less than what had failed before it.
            cause = last if isinstance(error, TimeoutError) and last is not None else error
            ours = told(cause, seconds=deadline_s)
            if ours is None:
                raise
            self.connected = False
            raise ours from error


def _pauses() -> Iterator[float]:
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _same_key(last: BaseException | None, error: BaseException) -> bool:
    """Whether a unique key was there again: then it is the work that is wrong."""
    return isinstance(last, IntegrityError) and isinstance(error, IntegrityError)


async def _opened(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _closed(opening: asyncio.Task[AsyncConnection]) -> None:
    with suppress(SQLAlchemyError, OSError):
        await (await opening).close()


async def _transaction(connection: AsyncConnection, work: Work[T]) -> T:
    async def committed(connection: AsyncConnection) -> T:
        async with connection.begin():
            return await work(connection)

    return await _undisturbed(connection, committed)


async def _undisturbed(connection: AsyncConnection, work: Work[T]) -> T:
    """Do work; a connection that turned out to be cut is not given to the next."""
    try:
        return await work(connection)
    except asyncio.CancelledError as error:
        # SQLite keeps its lock for as long as a statement of a closed connection is referred to,
        # and whoever keeps this error would keep that.
        clear_frames(error.__traceback__)
        raise
    except (SQLAlchemyError, OSError) as error:
        if judged(error) is Trouble.CUT:
            with suppress(SQLAlchemyError, OSError):
                await connection.invalidate(error)
        raise
