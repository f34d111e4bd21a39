"""A process that follows the log, as far as one event loop can be several."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from canonical.entities import EntityName
from canonical.events import Event
from runtime.cache.connection import RedisHandle
from runtime.events.channel import Channel
from runtime.events.follower import Follower
from runtime.events.ledger import Ledger
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fixtures.waiting import until


class Process:
    """Its way to the store and to Redis, and what it applied and showed."""

    def __init__(self, address: str, redis_url: str) -> None:
        self.store = Store(StoreSettings(url=address))
        self.redis = RedisHandle(redis_url, operation_timeout_s=1, retry_interval_s=0.05)
        self.ledger = Ledger(self.store)
        self.channel = Channel(self.redis)
        self.follower = Follower(self.ledger, self.channel, apply=self.apply, show=self.show)
        self.applied: list[Event] = []
        self.shown: list[Event] = []
        self.may_apply = asyncio.Event()
        self.may_apply.set()

    async def apply(self, events: Sequence[Event]) -> None:
        await self.may_apply.wait()
        self.applied.extend(events)

    async def show(self, events: Sequence[Event]) -> None:
        self.shown.extend(events)

    async def append(self, *events: Event) -> None:
        streams = {event.stream for event in events}
        await self.ledger.write(lambda writing: writing.append(events), streams=streams)

    def positions(self, stream: EntityName = EntityName.PURCHASE_ORDER) -> list[int]:
        """Positions shown, in the order in which they were."""
        return [event.position for event in self.shown if event.stream is stream]

    async def until_shown(self, count: int) -> None:
        await until(lambda: len(self.shown) == count)

    async def aclose(self) -> None:
        await self.follower.aclose()
        await self.ledger.aclose()
        await self.redis.aclose()
        await self.store.aclose()


@asynccontextmanager
async def process(address: str, redis_url: str) -> AsyncIterator[Process]:
    """A process that follows while the block lasts."""
    running = Process(address, redis_url)
    await running.follower.start()
    try:
        yield running
    finally:
        await running.aclose()
