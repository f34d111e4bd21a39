"""Working under a lease: what one process at a time does, for as long as it holds it.

The others stand by. Whoever has lost the lease is stopped, and what it would still write under it
is refused (`runtime.events.writing.Writing.hold`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Final

import structlog
from msgspec import Struct

from canonical.errors import SupplygraphError
from runtime.events.leases import Lease, Leases

LEASE_S: Final = 10.0
Pause = Callable[[float], Awaitable[None]]
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Turn(Struct, frozen=True, kw_only=True):
    """How one process of several takes its turn.

    Attributes:
        leases: Who holds what.
        holder: Name of this process.
        random: For jitter.
        lease_s: How long a process that died is waited for.
        pause: Waits for so many seconds.
    """

    leases: Leases
    holder: str
    random: Random
    lease_s: float = LEASE_S
    pause: Pause = asyncio.sleep


async def by_turns(turn: Turn, name: str, work: Callable[[Lease], Awaitable[None]]) -> None:
    """Do work under a lease until cancelled: whenever nobody else does.

    Args:
        turn: How.
        name: Of the lease.
        work: What to do; returns when it finds that the lease is lost.
    """
    while True:
        try:
            lease = await turn.leases.acquire(name, turn.holder, turn.lease_s)
        except SupplygraphError as exc:
            _log.warning("no lease could be taken", lease=name, error=exc.message)
            lease = None
        if lease is not None:
            await _hold(turn, lease, work)
        await turn.pause(turn.lease_s / 3 * turn.random.uniform(0.8, 1.2))


async def _hold(turn: Turn, lease: Lease, work: Callable[[Lease], Awaitable[None]]) -> None:
    """Work under a lease until it is lost."""
    tasks = [asyncio.ensure_future(work(lease)), asyncio.ensure_future(_renew(turn, lease))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(SupplygraphError):
            await turn.leases.release(lease)
    for end in ends:
        if isinstance(end, Exception):
            _log.error("what is done under a lease has failed", lease=lease.name, exc_info=end)
    _log.info("a lease was given up, or taken over by another process", lease=lease.name)


async def _renew(turn: Turn, lease: Lease) -> None:
    """Hold a lease for longer again and again; returns when it is lost."""
    while True:
        await turn.pause(turn.lease_s / 3)
        try:
            if await turn.leases.renew(lease, turn.lease_s) is None:
                return
        except SupplygraphError as exc:
            # If it ends meanwhile and another takes it, what is written here is refused.
            _log.warning("a lease was not renewed", lease=lease.name, error=exc.message)
