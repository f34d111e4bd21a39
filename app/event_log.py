"""The event log of one process: the store, what is kept in it, and the way to other processes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import structlog
from msgspec import Struct, field

from app.beside import beside
from app.manifest.loading import Declaration
from canonical.errors import SupplygraphError
from runtime.cache.connection import RedisHandle
from runtime.events.channel import Channel
from runtime.events.follower import Follower
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from runtime.events.retention import Retention
from runtime.store.migrating import migrate, state_of
from runtime.store.settings import StoreSettings
from runtime.store.store import Store

_FORGETTING_S: Final = 3_600.0
_COUNTING_S: Final = 30.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Following:
    """How this process follows the log; it may not do so yet.

    Attributes:
        follower: What does; None before.
    """

    follower: Follower | None = None


class EventLog(Struct, frozen=True):
    """What keeps events, and tells of them.

    Attributes:
        store: The database.
        ledger: The log.
        leases: Who does what only one may do.
        channel: To and from other processes.
        member: Name of this process.
        opened_at: When it began.
        following: How it follows the log.
    """

    store: Store
    ledger: Ledger
    leases: Leases
    channel: Channel
    member: str
    opened_at: datetime
    following: Following = field(default_factory=Following)

    def health(self) -> Mapping[str, object]:
        """State for the health page, without asking.

        Returns:
            {"database", "connected", "follower"}: None where nobody knows yet.
        """
        follower = self.following.follower
        return {
            "database": self.store.dialect,
            "connected": self.store.connected,
            "follower": None if follower is None else follower.health(),
        }


@asynccontextmanager
async def open_event_log(declared: Declaration, redis: RedisHandle) -> AsyncIterator[EventLog]:
    """Open the log that a manifest declares.

    The tables of a store of our own are made and brought up to date; those of a database that
    others run must be already. If that cannot be reached now, the log is opened all the same, and
    does what it is asked for once it is there.

    Raises:
        MisconfiguredError: if the store cannot be used as it is; the message says what to do.
    """
    opened_at = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(declared.store, now=False))
        store = ledger.store
        leases = Leases(store, now=lambda: datetime.now(UTC))
        member = uuid4().hex
        retention = Retention(
            ledger, leases, holder=member, settings=declared.manifest.events.retention()
        )
        await stack.enter_async_context(beside(_forgetting(retention)))
        await stack.enter_async_context(beside(_counting(Letters(store))))
        yield EventLog(store, ledger, leases, channel_of(redis, store), member, opened_at)


@asynccontextmanager
async def open_ledger(settings: StoreSettings, *, now: bool = True) -> AsyncIterator[Ledger]:
    """Open the log alone.

    Args:
        settings: Where it is.
        now: Whether it must be there now.

    Raises:
        MisconfiguredError: as `open_event_log`.
        UnavailableError: if it must be there and is not.
    """
    async with AsyncExitStack() as stack:
        store = Store(settings)
        stack.push_async_callback(store.aclose)
        if settings.url is None:
            await migrate(store)
        elif now or (await store.health())["connected"]:
            await state_of(store)
        else:
            _log.warning("the store cannot be reached: events are taken in once it is there")
        ledger = Ledger(store)
        stack.push_async_callback(ledger.aclose)
        yield ledger


async def migrated(settings: StoreSettings) -> tuple[str | None, str]:
    """Bring a store's tables up to date; the revisions before, None if there were none, and now."""
    store = Store(settings)
    try:
        return await migrate(store), await state_of(store)
    finally:
        await store.aclose()


def channel_of(redis: RedisHandle, store: Store) -> Channel:
    """The way to the processes with the same store: others may use the same Redis."""
    return Channel(redis, prefix=f"sg:{name_of(store)}")


def name_of(store: Store) -> str:
    """What tells a store apart from others with which it shares a Redis."""
    return hashlib.blake2b(store.shown.encode(), digest_size=8).hexdigest()


async def _forgetting(retention: Retention) -> None:
    while True:
        await asyncio.sleep(_FORGETTING_S)
        try:
            await retention.run()
        except SupplygraphError as exc:
            _log.warning("old events could not be removed", error=exc.message)


async def _counting(letters: Letters) -> None:
    """Tell the metrics how many dead letters wait."""
    while True:
        with suppress(SupplygraphError):
            await letters.measure()
        await asyncio.sleep(_COUNTING_S)
