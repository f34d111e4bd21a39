"""Runs statements: read-only unless it is told otherwise, in time, few at a time, each counted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final, TypeVar
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from typing_extensions import override

from canonical.errors import InDoubtError, MisconfiguredError, Reason, UnavailableError
from canonical.ports import Ask
from connectors.kit.breaker import Breaker
from connectors.kit.http import COST_OF_TELLING
from connectors.kit.limits import Limiter
from connectors.kit.limits_counters import LocalCounter
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Row
from connectors.kit.services import Services
from connectors.kit.transport_open import rules_of
from connectors.kit.windows import maintenance_ends_at
from connectors.sql.dialects import Dialect, locate
from connectors.sql.errors import refused, translated
from connectors.sql.settings import Settings

T = TypeVar("T")

_GRACE_S: Final = 1.0
"""How much longer than the database itself we wait before a statement is given up from here."""
_OURS_TO_BLAME: Final = frozenset({Reason.MISCONFIGURED, Reason.CREDENTIALS, Reason.THROTTLED})


class Place(Struct, frozen=True):
    """Where a database is, and as whom it is read.

    Attributes:
        system: The backend's name.
        url: Its address, as SQLAlchemy writes it, with or without credentials.
        username: User name, where the address has none.
        password: Password, where the address has none.
        time_zone: IANA zone of times that it holds without one.
    """

    system: str
    url: str
    username: str | None = None
    password: str | None = None
    time_zone: str = "UTC"

    @override
    def __repr__(self) -> str:
        return f"Place({self.system!r})"


class Database:
    """One database, opened for reading or for writing. Nothing is connected before it is asked.

    Args:
        place: Where it is.
        settings: How it is read.
        policy: How it may be asked.
        services: Time and names for leases.
        writes: Whether it is opened for writing.

    Raises:
        MisconfiguredError: if the address makes no sense, or the driver is not installed.
    """

    def __init__(
        self,
        place: Place,
        settings: Settings,
        policy: CallPolicy,
        services: Services,
        *,
        writes: bool = False,
    ) -> None:
        self.system = place.system
        self.dialect, url = locate(place.system, place.url)
        if place.username is not None:
            url = url.set(username=place.username, password=place.password)
        self._file: Path | None = None
        if self.dialect.name == "sqlite":
            self._file = _file_of(place.system, url, services.base_dir)
            mode = "rw" if writes else "ro"
            url = url.set(database=self._file.as_uri(), query={"mode": mode, "uri": "true"})
        slots = min(settings.pool_size, policy.max_concurrency)
        self._policy = policy
        self._services = services
        self._engine = _engine(place, self.dialect, url, slots, writes=writes)
        self._begin = tuple(b for b in self.dialect.begin if not writes or "READ ONLY" not in b)
        self._breaker = Breaker(policy.breaker, services.clock)
        rules = rules_of(policy.model_copy(update={"max_concurrency": slots}))
        self._limiter = Limiter(
            place.system,
            LocalCounter(rules, clock=services.clock, now=services.now),
            max_waiting=policy.max_waiting,
            new_lease=services.new_lease,
        )

    async def rows(self, statement: sa.Select[Any], ask: Ask, label: str) -> list[Row]:
        """The rows of a statement, numbers exact.

        Raises:
            UnavailableError: the database could not answer now.
            MisconfiguredError: it does not have what the statement names, or refuses our login.
        """

        async def fetch(connection: AsyncConnection) -> list[Row]:
            result = await connection.execute(statement)
            names = list(result.keys())
            return [dict(zip(names, map(_plain, row), strict=True)) for row in result.all()]

        return await self._asked(lambda: self._in_time(fetch, ask, label), ask, len)

    async def look(self, question: Callable[[Connection], T], ask: Ask, label: str) -> T:
        """The answer to a question about the database's own catalogue.

        Raises:
            UnavailableError, MisconfiguredError: as `rows` does.
        """

        async def run(connection: AsyncConnection) -> T:
            return await connection.run_sync(question)

        return await self._asked(lambda: self._in_time(run, ask, label), ask, lambda _: 0)

    async def told(
        self,
        run: Callable[[AsyncConnection], Awaitable[T]],
        ask: Ask,
        label: str,
        *,
        records: int = 1,
    ) -> T:
        """What statements give that change something: all of them are committed, or none.

        Args:
            run: Executes them.
            ask: Who asks.
            label: What is told, for messages.
            records: How many records it tells of.

        Raises:
            InDoubtError: the commit was sent, and no answer came.
            UnavailableError, MisconfiguredError: as `rows` does; nothing was changed.
            RejectedError, ConflictError: the database refuses a value; nothing was changed.
        """
        cost = records * COST_OF_TELLING
        committed = partial(self._committed, run, ask, label)
        return await self._asked(committed, ask, lambda _: 0, cost=cost)

    def health(self) -> Mapping[str, object]:
        """How the way to the database is just now, without asking it."""
        left_s = self._breaker.retry_after_s()
        ends = maintenance_ends_at(self._policy.maintenance, self._services.now())
        return {
            "circuit": self._breaker.state.value,
            **({"retry_after_s": round(left_s, 3)} if left_s is not None else {}),
            **({"maintenance_until": ends.isoformat()} if ends is not None else {}),
            **self._limiter.health(),
        }

    async def aclose(self) -> None:
        """Close all connections."""
        await self._limiter.aclose()
        await self._engine.dispose()

    async def _asked(
        self,
        run: Callable[[], Awaitable[T]],
        ask: Ask,
        count: Callable[[T], int],
        *,
        cost: int = 1,
    ) -> T:
        self._refuse_in_maintenance(self._services.now())
        async with self._limiter.slot(ask):
            permit = self._breaker.enter()
            if permit is None:
                raise UnavailableError(
                    self.system,
                    Reason.CIRCUIT_OPEN,
                    "failed repeatedly and is left alone for a while",
                    retry_after_s=self._breaker.retry_after_s(),
                )
            end, rows, started = permit.abandoned, None, perf_counter()
            try:
                found = await run()
                end, rows = permit.succeeded, count(found)
            except UnavailableError as exc:
                end = permit.succeeded if exc.reason in _OURS_TO_BLAME else permit.failed
                raise
            finally:
                end()
                if rows is not None:
                    self._limiter.charge(max(cost, rows))
                spent_ms = (perf_counter() - started) * 1000
                failed = rows is None
                ask.meter.called(self.system, milliseconds=spent_ms, rows=rows or 0, failed=failed)
            return found

    async def _in_time(
        self, run: Callable[[AsyncConnection], Awaitable[T]], ask: Ask, label: str
    ) -> T:
        left_s = self._left_s(ask, label)
        try:
            async with asyncio.timeout(left_s + _GRACE_S), self._engine.connect() as connection:
                await self._opened(connection, left_s)
                if self.dialect.name == "sqlite":
                    return await _stoppable(connection, run, left_s)
                return await run(connection)
        except TimeoutError as exc:
            msg = f"{label}: took longer than there was time for, and was given up"
            raise UnavailableError(self.system, Reason.TIMEOUT, msg) from exc
        except (SQLAlchemyError, OSError) as exc:
            raise translated(self.system, label, exc, ask.correlation_id) from exc

    async def _committed(
        self, run: Callable[[AsyncConnection], Awaitable[T]], ask: Ask, label: str
    ) -> T:
        left_s, committing = self._left_s(ask, label), False
        try:
            async with asyncio.timeout(left_s + _GRACE_S), self._engine.connect() as connection:
                await self._opened(connection, left_s)
                found = await run(connection)
                committing = True
                await connection.commit()
                return found
        except TimeoutError as exc:
            if committing:
                msg = f"{label} may have been done: no answer came to the commit"
                raise InDoubtError(self.system, msg) from exc
            msg = f"{label}: took longer than there was time for, and was given up"
            raise UnavailableError(self.system, Reason.TIMEOUT, msg) from exc
        except (SQLAlchemyError, OSError) as exc:
            raise refused(
                self.system, label, exc, ask.correlation_id, committing=committing
            ) from exc

    async def _opened(self, connection: AsyncConnection, left_s: float) -> None:
        for statement in self._begin:
            text = statement.format(ms=max(int(left_s * 1000), 1))
            await connection.exec_driver_sql(text)

    def _left_s(self, ask: Ask, label: str) -> float:
        left_s = min(ask.deadline - asyncio.get_running_loop().time(), self._policy.timeout_s)
        if left_s <= 0:
            raise UnavailableError(self.system, Reason.TIMEOUT, f"{label}: no time was left for it")
        if self._file is not None and not self._file.exists():
            msg = f"{label}: the database's file is not there"
            raise UnavailableError(self.system, Reason.CONNECTION, msg)
        return left_s

    def _refuse_in_maintenance(self, now: datetime) -> None:
        ends = maintenance_ends_at(self._policy.maintenance, now)
        if ends is not None:
            message = f"is in its maintenance window until {ends:%Y-%m-%d %H:%M} UTC"
            left_s = (ends - now).total_seconds()
            raise UnavailableError(self.system, Reason.MAINTENANCE, message, retry_after_s=left_s)


async def _stoppable(
    connection: AsyncConnection, run: Callable[[AsyncConnection], Awaitable[T]], left_s: float
) -> T:
    """Run a statement of SQLite, which is stopped when its time is up or nobody waits any more.

    Other databases stop by themselves: they were told the time, or see the connection go.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    interrupt: Callable[[], None] = driver._conn.interrupt  # noqa: SLF001  -- theirs is a coroutine
    timer = asyncio.get_running_loop().call_later(left_s, interrupt)
    work = asyncio.ensure_future(run(connection))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        interrupt()
        await asyncio.gather(work, return_exceptions=True)
        raise
    finally:
        timer.cancel()


def _engine(
    place: Place, dialect: Dialect, url: URL, pool_size: int, *, writes: bool
) -> AsyncEngine:
    connect_args: dict[str, Any] = {}
    if dialect.name == "postgresql":
        connect_args["server_settings"] = {
            "application_name": "supplygraph",
            "default_transaction_read_only": "off" if writes else "on",
            "timezone": place.time_zone,
        }
    try:
        engine = create_async_engine(
            url,
            connect_args=connect_args,
            execution_options={} if writes else dict(dialect.options),
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=dialect.name != "sqlite",
        )
    except ImportError as exc:
        extra = f"supplygraph[{dialect.extra}]" if dialect.extra else dialect.module
        msg = f"{dialect.name} needs the driver {dialect.module}: pip install '{extra}'"
        raise MisconfiguredError(place.system, msg) from exc
    if dialect.name == "sqlite" and not writes:
        event.listen(engine.sync_engine, "connect", _query_only)
    return engine


def _file_of(system: str, url: URL, base_dir: Path) -> Path:
    name = url.database
    if not name or name == ":memory:":
        msg = "`url` must name a file, as in sqlite:///data/orders.db"
        raise MisconfiguredError(system, msg)
    return (base_dir / name).resolve()


def _query_only(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _plain(value: Any) -> Any:
    """A value as mappings expect it: binary fractions as the decimals that they are shown as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return str(value) if isinstance(value, UUID) else value


def values_of(values: Sequence[Any]) -> list[Any]:
    """Values, each once, in their order."""
    return list(dict.fromkeys(values))
