"""A process that counts: `python -m tests.governance.counter REDIS STORE CLIENT COUNT`.

Each process counts, flushes and drains in its own time, as those that serve do.
"""

import asyncio
import sys
from datetime import UTC, datetime

from graphql import build_schema

from app.demand.bounds import Bounds
from app.governance.counting import UsageFlow
from app.server.documents import Documents
from runtime.cache.connection import RedisHandle
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.usage.counting import Client, UsageCounter
from runtime.usage.shared import SharedUsage
from runtime.usage.stored import UsageKeeper

SCHEMA = build_schema(
    """
    type Query { items(first: Int): Items!  item(sku: String!): Item }
    type Items { nodes: [Item!]! }
    type Item { sku: String!  name: String! }
    """
)
ITEMS = "query Items($n: Int) { items(first: $n) { nodes { sku } } }"
NAMES = '{ item(sku: "%d") { name } }'


def flow_of(
    counter: UsageCounter, redis: RedisHandle, store: Store, member: str
) -> tuple[UsageFlow, UsageKeeper]:
    """What takes counts to a store."""
    leases = Leases(store, now=lambda: datetime.now(UTC))
    keeper = UsageKeeper(Ledger(store), leases, member)
    documents = Documents(SCHEMA, Bounds())
    flow = UsageFlow(counter, (documents, SCHEMA), SharedUsage(redis, "test"), keeper)
    return flow, keeper


async def main(redis_url: str, store_url: str, name: str, count: int) -> None:
    """Count, some at a time."""
    redis, store = RedisHandle(redis_url), Store(StoreSettings(url=store_url))
    counter, client = UsageCounter(), Client(name, "1")
    flow, keeper = flow_of(counter, redis, store, name)
    for number in range(count):
        counter.count(ITEMS, None, client)
        counter.count(NAMES % number, None, client)
        if number % 10 == 0:
            await flow.flush()
            await keeper.drain(SharedUsage(redis, "test"))
    await flow.finish()
    await redis.aclose()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
