"""The worker: evaluates what is due, in batches, one process at a time.

    lease taken -> is it night? everything is due -> a batch of items that are due
      -> read together, calculated -> recommendations -> risks told of -> taken out of the queue

A batch is taken out only when all came of it, and only what was not touched meanwhile: a process
that dies in the middle leaves the rest to the next, which does again at most one batch, and comes
to the same. What could not be read now waits for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from random import Random
from typing import Final

import structlog
from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, SupplygraphError
from canonical.exceptions import ExceptionCategory, Trouble, Troubles
from canonical.items import Item
from canonical.reading import Records
from canonical.replenishment import Proposals
from runtime.events.holding import Turn, by_turns
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.replenishment.evaluations import Due, Evaluations, Touch
from runtime.replenishment.risks import OpenRisks
from workflows.replenishment.evaluating import Evaluator, Findings, Wanted

LEASE: Final = "replenishment"
NIGHTLY: Final = "replenishment/nightly"
UNREAD: Final = "replenishment/unread"
"""Cause of the trouble that figures cannot be read."""
_TOLD_TOGETHER: Final = 50
"""Troubles that are reported at a time; the log writes them down together."""
_MOST_DOUBLINGS: Final = 5
_OVER: Final = "an evaluation finds that it is no longer so"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Pace(Struct, frozen=True, kw_only=True):
    """How the worker keeps time.

    Attributes:
        items: How many items are read together.
        look_s: How often it is looked whether something is due.
        later: How long what cannot be read waits.
        nightly_at: When everything is evaluated, once a day; None for never.
        zone: Where that time is told.
    """

    items: int = 250
    look_s: float = 1.0
    later: timedelta = timedelta(minutes=5)
    nightly_at: time | None = None
    zone: tzinfo


class Ports(Struct, frozen=True, kw_only=True):
    """What the worker works with.

    Attributes:
        records: Where items are listed.
        proposals: Where what was found is put.
        troubles: Where risks are reported.
        risks: Which of them are open.
        evaluations: The queue.
        ledger: Where it is kept that a night is done.
        leases: Who works, and how far it has come.
    """

    records: Records
    proposals: Proposals
    troubles: Troubles
    risks: OpenRisks
    evaluations: Evaluations
    ledger: Ledger
    leases: Leases


class Counts(Struct, frozen=True, kw_only=True):
    """What came of batches.

    Attributes:
        batches: How many.
        items: Items in them.
        evaluated: Items at locations.
        proposed: Of which something has to be bought.
        risks: Of which something runs out whatever is done.
        problems: Which could not be evaluated, as something is missing in a system.
        unread: Items that could not be read now.
    """

    batches: int = 0
    items: int = 0
    evaluated: int = 0
    proposed: int = 0
    risks: int = 0
    problems: int = 0
    unread: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        fields = self.__struct_fields__
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in fields})


class Replenisher:
    """Evaluates what is due.

    Args:
        evaluator: Evaluates.
        ports: What else is needed.
        pace: How time is kept.
        now: The time.
        new_id: Names correlations of the worker's own.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        ports: Ports,
        pace: Pace,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._evaluator = evaluator
        self._ports = ports
        self._pace = pace
        self._now = now
        self._new_id = new_id

    async def run(self, holder: str, random: Random) -> None:
        """Evaluate until cancelled, whenever no other process does."""
        await by_turns(
            Turn(leases=self._ports.leases, holder=holder, random=random), LEASE, self._work
        )

    async def _work(self, lease: Lease) -> None:
        """Evaluate what becomes due; returns when the lease is lost."""
        failures = 0
        while True:
            try:
                await self.nightly(lease)
                await self.drain()
                failures = 0
            except ConflictError:
                return
            except SupplygraphError as exc:
                failures += 1
                _log.warning("items wait to be evaluated", error=exc.message)
            rest_s = self._pace.look_s * 2.0 ** min(failures, _MOST_DOUBLINGS)
            await asyncio.sleep(rest_s)

    async def nightly(self, lease: Lease) -> int:
        """Have everything evaluated if a night has come since it was last; how many items that is.

        Nothing is evaluated meanwhile. If this process dies before all are in the queue, the next
        begins anew; behind that, the queue is all that is needed.

        Raises:
            ConflictError: if the lease is lost.
            UnavailableError: if items cannot be listed; it is tried again.
        """
        now, pace = self._now(), self._pace
        if pace.nightly_at is None:
            return 0
        night = _last_night(now.astimezone(pace.zone), pace.nightly_at).isoformat()
        last: str | None = await self._ports.leases.position(NIGHTLY)
        if last is not None and last >= night:
            return 0
        correlation_id = self._new_id()
        count = 0
        pages = self._ports.records.all(
            EntityName.ITEM, frozenset({"sku"}), correlation_id=correlation_id
        )
        async for page in pages:
            touches = [
                Touch(item=r.sku, location=None, cause="nightly", correlation_id=correlation_id)
                for r in page
                if isinstance(r, Item)
            ]
            count += await self._ports.evaluations.demand(touches, at=now)
        await self._ports.ledger.write(lambda w: w.place(lease, NIGHTLY, night))
        _log.info("everything is evaluated", items=count, night=night)
        return count

    async def drain(self, told: Callable[[Counts], Awaitable[None]] | None = None) -> Counts:
        """Evaluate until nothing is due.

        Args:
            told: Told of all so far, after each batch.

        Raises:
            UnavailableError: if the store cannot be reached, or nothing can be read; what was not
                evaluated stays.
        """
        counts = Counts()
        while due := await self._ports.evaluations.due(at=self._now(), items=self._pace.items):
            counts += await self._batch(due)
            if told is not None:
                await told(counts)
        if counts.evaluated:
            _log.info("stock was evaluated", **{n: getattr(counts, n) for n in _LOGGED})
        return counts

    async def _batch(self, due: Sequence[Due]) -> Counts:
        ports, at = self._ports, self._now()
        wanted = [Wanted(d.item, d.location, d.correlation_id) for d in due]
        findings = await self._evaluator.evaluate(wanted, correlation_id=_one(wanted, self._new_id))
        await ports.proposals.take(findings.evaluated, at=at)
        await self._tell(findings)
        unread = findings.unread
        await ports.evaluations.done([d for d in due if d.item not in unread])
        later = [d for d in due if d.item in unread]
        await ports.evaluations.postpone(later, until=at + self._pace.later)
        found = findings.evaluated
        return Counts(
            batches=1,
            items=len({d.item for d in due}),
            evaluated=len(found),
            proposed=sum(e.proposal is not None for e in found),
            risks=len(findings.risks),
            problems=sum(e.problem is not None for e in found),
            unread=len(unread),
        )

    async def _tell(self, findings: Findings) -> None:
        """Report what runs out and what cannot be evaluated, and what is over."""
        ports = self._ports
        troubles = [*findings.risks, *findings.problems]
        for start in range(0, len(troubles), _TOLD_TOGETHER):
            some = troubles[start : start + _TOLD_TOGETHER]
            await asyncio.gather(*(ports.troubles.report(trouble) for trouble in some))
        for cause in sorted(await ports.risks.open([*findings.calm, UNREAD])):
            if cause != UNREAD:
                await ports.troubles.over(cause, why=_OVER)
            elif findings.evaluated and not findings.unread:
                await ports.troubles.over(cause, why="figures can be read again")
        if findings.unread:
            await ports.troubles.report(self._unread(findings))

    def _unread(self, findings: Findings) -> Trouble:
        sku, error = next(iter(sorted(findings.unread.items())))
        others = len(findings.unread) - 1
        more = f" and {others} more" if others else ""
        return Trouble(
            cause=UNREAD,
            category=ExceptionCategory.BACKEND_UNAVAILABLE,
            message=f"Item {sku}{more} cannot be evaluated: {error.message}. It is tried again "
            f"every {self._pace.later.total_seconds() / 60:g} minutes; nothing is ordered for it "
            f"meanwhile.",
            correlation_id=self._new_id(),
        )


_LOGGED: Final = Counts.__struct_fields__


def _last_night(local: datetime, at: time) -> date:
    """The day on which a time of day was last."""
    return local.date() if local.time() >= at else local.date() - timedelta(days=1)


def _one(wanted: Sequence[Wanted], new_id: Callable[[], str]) -> str:
    """The correlation id of all, or a new one where they have several."""
    ids = {w.correlation_id for w in wanted}
    return ids.pop() if len(ids) == 1 else new_id()
