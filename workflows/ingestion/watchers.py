"""Watchers: changes of systems that tell nothing by themselves, found by asking again and again.

Each watch is done by one process at a time, whoever has its lease; the others stand by. Whoever has
lost it stops, and what it would still write is refused. A system that is down is left alone for
longer each time, and then caught up with page by page.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Final

import structlog
from msgspec import Struct

from canonical.errors import ConflictError, SupplygraphError, UnavailableError
from canonical.ports import Ask
from runtime.events.holding import LEASE_S, Pause, Turn, by_turns
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from workflows.ingestion.intake import Intake
from workflows.ingestion.polling import Poller
from workflows.ingestion.watches import Watch, grouped

_FIRST_DELAY_S: Final = 1.0
_LONGEST_DELAY_S: Final = 60.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Pace(Struct, frozen=True, kw_only=True):
    """How watchers keep time.

    Attributes:
        clock: Seconds that only go forward, as deadlines are told in (`loop.time`).
        pause: Waits for so many seconds.
        random: For jitter.
        lease_s: How long a process that died is waited for.
        deadline_s: How long one request may take.
    """

    clock: Callable[[], float]
    pause: Pause = asyncio.sleep
    random: Random
    lease_s: float = LEASE_S
    deadline_s: float = 30.0


class Watchers:
    """Does all watches of one process.

    Args:
        watches: What is watched.
        intake: Takes reports in.
        ledger: The log.
        leases: Who watches, and how far it has come.
        holder: Name of this process.
        pace: How time is kept.
    """

    def __init__(
        self,
        watches: Sequence[Watch],
        intake: Intake,
        ledger: Ledger,
        leases: Leases,
        *,
        holder: str,
        pace: Pace,
    ) -> None:
        self._groups = grouped(watches)
        self._intake = intake
        self._ledger = ledger
        self._leases = leases
        self._holder = holder
        self._pace = pace

    async def run(self) -> None:
        """Watch until cancelled; what was read and not yet committed is read again by the next."""
        pace = self._pace
        turn = Turn(
            leases=self._leases,
            holder=self._holder,
            random=pace.random,
            lease_s=pace.lease_s,
            pause=pace.pause,
        )
        async with asyncio.TaskGroup() as group:
            for name, watches in self._groups.items():
                group.create_task(by_turns(turn, name, partial(self._work, watches)))

    async def _work(self, watches: Sequence[Watch], lease: Lease) -> None:
        """Do rounds, one at a time, each watch when it is due; returns when the lease is lost."""
        pace = self._pace
        pollers = [self._poller(watch) for watch in watches]
        due, failed = [pace.clock()] * len(pollers), [0] * len(pollers)
        while True:
            i = min(range(len(pollers)), key=lambda n: due[n])
            if (wait_s := due[i] - pace.clock()) > 0:
                await pace.pause(wait_s)
            try:
                await pollers[i].round(lease)
                failed[i], rest_s = 0, watches[i].every_s
            except ConflictError:
                return
            except Exception as exc:  # noqa: BLE001  # one watch must not end the others
                failed[i] += 1
                rest_s = max(watches[i].every_s, delay_s(exc, failed[i], pace.random))
                _tell(watches[i], exc, rest_s)
            due[i] = pace.clock() + rest_s

    def _poller(self, watch: Watch) -> Poller:
        pace = self._pace
        correlation_id = f"watch-{watch.system}-{watch.entity.value}"

        def asking() -> Ask:
            deadline = pace.clock() + pace.deadline_s
            return Ask(deadline, correlation_id, _UNCOUNTED, interactive=False)

        return Poller(
            watch, self._intake, self._ledger, self._leases, asking=asking, clock=pace.clock
        )


def delay_s(error: Exception, failures: int, random: Random) -> float:
    """How long to wait after so many failures on end: twice as long each time, with jitter.

    Never shorter than the system itself asks for.
    """
    delay = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures - 1, 16))
    asked = error.retry_after_s if isinstance(error, UnavailableError) else None
    return max(asked or 0.0, delay * random.uniform(0.5, 1.0))


def _tell(watch: Watch, error: Exception, rest_s: float) -> None:
    about = {"system": watch.system, "entity": watch.entity.value, "again_in_s": round(rest_s, 1)}
    if isinstance(error, SupplygraphError):
        _log.warning("a watch found nothing out", error=error.message, **about)
    else:
        _log.error("a watch failed", exc_info=error, **about)


class _Uncounted:
    """No operation pays for this; the systems' own metrics count the requests."""

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request to a system has ended."""


_UNCOUNTED: Final = _Uncounted()
