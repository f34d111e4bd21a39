"""Makes events, as another process over the log would: `N FIRST` on stdin, N moments on stdout.

    python -m bench.streams.appender log            into the log of SUPPLYGRAPH_MANIFEST
    python -m bench.streams.appender post URL       by requests to a server that has no log

Each answer is a line of JSON: for each event when it was committed, in nanoseconds of the clock
that never goes back. Events are about the first BENCH_ORDERS orders, and about supplier C-n where
n is their number modulo BENCH_SUPPLIERS.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import uvloop

from app.event_log import open_event_log
from app.manifest.loading import load_manifest
from canonical.entities import EntityName
from canonical.events import STATUS_CHANGED, Event, PurchaseOrderStatusChanged, subject
from canonical.purchase_orders import PurchaseOrderStatus
from runtime.cache.connection import RedisHandle
from runtime.events.writing import Writing

Append = Callable[[Sequence[int]], Awaitable[int]]
_STREAM = EntityName.PURCHASE_ORDER


def event_of(number: int, orders: int, suppliers: int) -> Event:
    """The event with a number."""
    order, supplier = f"PO-{number % orders + 1:05d}", f"C-{number % suppliers}"
    return Event(
        type=STATUS_CHANGED.type,
        system="procurement",
        source_event_id=f"bench-{number}",
        key=order,
        subjects=(subject(_STREAM, order), subject(EntityName.SUPPLIER, supplier)),
        occurred_at=datetime.now(UTC),
        data=PurchaseOrderStatusChanged(
            number=order,
            supplier=supplier,
            status=PurchaseOrderStatus.ACKNOWLEDGED,
            previous_status=PurchaseOrderStatus.SENT,
        ),
        correlation_id=f"bench-{number}",
    )


@asynccontextmanager
async def to_log() -> AsyncIterator[Append]:
    """Append to the log, and tell other processes of it."""
    declared = load_manifest(Path(os.environ["SUPPLYGRAPH_MANIFEST"]), os.environ)
    orders, suppliers = int(os.environ["BENCH_ORDERS"]), int(os.environ["BENCH_SUPPLIERS"])
    assert declared.redis_url is not None
    redis = RedisHandle(declared.redis_url)
    committed = [0]

    async with open_event_log(declared, redis) as log:

        async def publish(events: Sequence[Event]) -> None:
            committed[0] = time.monotonic_ns()
            await log.channel.publish(events)

        async def append(numbers: Sequence[int]) -> int:
            made = [event_of(n, orders, suppliers) for n in numbers]

            async def work(writing: Writing) -> None:
                await writing.append(made)

            await log.ledger.write(work, streams=[_STREAM])
            return committed[0]

        log.ledger.on_commit(publish)
        yield append
    await redis.aclose()


@asynccontextmanager
async def to_server(url: str) -> AsyncIterator[Append]:
    """Hand events to a server; a moment is when it was asked."""

    async def append(numbers: Sequence[int]) -> int:
        at = time.monotonic_ns()
        body = json.dumps(list(numbers)).encode()
        request = Request(url, body, {"content-type": "application/json"})  # noqa: S310
        await asyncio.to_thread(lambda: urlopen(request).close())  # noqa: S310
        return at

    yield append


async def main() -> None:
    """Append until stdin ends."""
    opening = to_log() if sys.argv[1] == "log" else to_server(sys.argv[2])
    async with opening as append:
        print("[]", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, first = map(int, line.split())
            at = await append(range(first, first + count))
            print(json.dumps([at] * count), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
