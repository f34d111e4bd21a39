"""Kills servers again and again, and counts what became of their processes and orders."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import msgspec
from msgspec import Struct

from bench.crashes.order import POINTS, UNDECIDED
from bench.crashes.server import Death, Life
from bench.crashes.shop import Shop, opened_shop
from bench.processes import ROOT
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store

_PROCESSES: Final = 150
_DEATHS: Final = 4


class Crashes(Struct):
    """What became of everything.

    Attributes:
        processes: How many processes there were.
        killed: How often a process was killed, by the point at which it stood.
        orders: How many keys have how many orders.
        ends: How many processes ended how.
        troubles: What was reported.
        seconds: How long it took.
    """

    processes: int
    killed: Mapping[str, int]
    orders: Mapping[int, int]
    ends: Mapping[str, int]
    troubles: Sequence[str]
    seconds: float


class Zygote:
    """Where servers are forked from.

    Args:
        process: The process.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def live(self, life: Life) -> Death:
        """Have a server live, until it ends.

        Raises:
            RuntimeError: it did not do what it was to do; its own words are on standard error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(life) + b"\n")
        line = await self._process.stdout.readline()
        death = msgspec.json.decode(line, type=Death | None)
        if death is None:
            msg = "a server failed"
            raise RuntimeError(msg)
        return death


@asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    """A process from which servers are forked."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.crashes.server",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Zygote(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # and a server that is left over
        await process.wait()


async def crash(
    where: StoreSettings,
    servers: Zygote,
    shop: Shop,
    *,
    processes: int,
    deaths: int,
    random: Random,
) -> Crashes:
    """Begin processes, kill each some times, and let them end.

    Args:
        where: The store; its tables are there.
        servers: Where servers come from.
        shop: Where orders are placed.
        processes: How many processes.
        deaths: How often each is killed.
        random: Chooses where.
    """
    began = perf_counter()
    ids = [f"order-{number}" for number in range(processes)]
    fates = {
        each: _fate(POINTS[number % len(POINTS)], deaths, random) for number, each in enumerate(ids)
    }
    killed: Counter[str] = Counter()
    undecided = set(ids)
    death = Death(False)
    for life in range(deaths + 1):
        points = {each: fate[life] if life < deaths else "" for each, fate in fates.items()}
        decide = [each for each in undecided if points[each] not in UNDECIDED]
        undecided.difference_update(decide)
        death = await servers.live(
            Life(
                url=where.url,
                file=str(where.file),
                shop=shop.url,
                points=points,
                begin={each: each for each in ids} if life == 0 else {},
                decide=decide,
            )
        )
        if death.killed:
            killed.update(points[each] for each in death.reached)
    return Crashes(
        processes=processes,
        killed=killed,
        orders=Counter(shop.orders.values()),
        ends=Counter(death.ends.values()),
        troubles=death.troubles,
        seconds=perf_counter() - began,
    )


def _fate(first: str, deaths: int, random: Random) -> Sequence[str]:
    """Where a process is to die: further and further on its way, or at the same point again."""
    fate = [first]
    while len(fate) < deaths:
        fate.append(random.choice(_beyond(fate[-1])[:6]))
    return fate


def _beyond(point: str) -> Sequence[str]:
    """Where a process may come that has died at a point: what was placed is not placed again."""
    name, _, at = point.partition(":")
    if at in ("slow", "silent", "told"):
        return POINTS[POINTS.index(f"{name}:told") + 1 :]
    return POINTS[POINTS.index(point) :]


async def crash_here(processes: int, deaths: int, seed: int, folder: Path | None = None) -> Crashes:
    """Do it with a SQLite file of its own, in a folder."""
    with TemporaryDirectory(dir=folder) as own:
        where = StoreSettings(file=Path(own) / "store.db")
        store = Store(where)
        await migrate(store)
        await store.aclose()
        async with opened_shop() as shop, zygote() as servers:
            return await crash(
                where, servers, shop, processes=processes, deaths=deaths, random=Random(seed)
            )


def crash_many(times: int) -> Sequence[Crashes]:
    """Do it until processes were killed so many times."""
    found: list[Crashes] = []
    while sum(sum(each.killed.values()) for each in found) < times:
        found.append(asyncio.run(crash_here(_PROCESSES, _DEATHS, len(found))))
    return found
