"""The engine for each kind of database: what it must promise before anything is called kept."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from canonical.errors import MisconfiguredError
from runtime.store.settings import StoreSettings

SYSTEM: Final = "store"
"""The store's name in errors and on health pages."""
WRITING: Final = "supplygraph_writing"
"""Execution option of connections that will write, so that SQLite locks at once: a transaction
that reads first and then wants to write is refused without waiting if another wrote meanwhile."""
_BUSY_MS: Final = 200
"""SQLite waits so long in its thread, where nobody can call it back; then we try again."""
_WAL_BYTES: Final = 64 * 1024 * 1024
_CACHE_KIB: Final = 16 * 1024


def located(settings: StoreSettings) -> URL:
    """The database's address with its driver.

    Raises:
        MisconfiguredError: if it is neither PostgreSQL nor a file of SQLite.
    """
    if settings.url is None:
        return URL.create("sqlite+aiosqlite", database=str(settings.file.resolve()))
    try:
        url = make_url(settings.url)
    except (ArgumentError, ValueError) as exc:
        msg = "its address cannot be read; write postgresql://user@host/database or sqlite:///file"
        raise MisconfiguredError(SYSTEM, msg) from exc
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    if kind != "sqlite" or url.database in (None, "", ":memory:"):
        msg = f"its address names {kind}; it is kept in PostgreSQL, or in a file by SQLite"
        raise MisconfiguredError(SYSTEM, msg)
    return URL.create("sqlite+aiosqlite", database=str(Path(url.database or "").resolve()))


def opened(settings: StoreSettings) -> AsyncEngine:
    """An engine; nothing is connected yet.

    Raises:
        MisconfiguredError: as `located` does.
    """
    url = located(settings)
    common: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.deadline_s,
    }
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(url, connect_args={"timeout": 0}, **common)
        _as_we_want_it(engine)
        return engine
    server_settings = {
        "application_name": "supplygraph",
        "statement_timeout": _ms(settings.statement_timeout_s),
        "lock_timeout": _ms(settings.lock_timeout_s),
        "idle_in_transaction_session_timeout": _ms(3 * settings.deadline_s),
        "timezone": "UTC",
        "jit": "off",  # it costs tens of milliseconds, and no question here is that long
    }
    return create_async_engine(
        url,
        connect_args={"server_settings": server_settings, "timeout": settings.deadline_s / 2},
        **common,
    )


def _ms(seconds: float) -> str:
    return str(max(int(seconds * 1000), 1))


def _as_we_want_it(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",  # readers and the writer do not wait for each other
            "synchronous = FULL",  # in WAL anything less forgets commits when the power goes
            "foreign_keys = ON",
            f"journal_size_limit = {_WAL_BYTES}",
            f"cache_size = -{_CACHE_KIB}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get(WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
