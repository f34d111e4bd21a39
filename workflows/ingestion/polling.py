"""One watch at work: pages of a system become reports, which are taken in with the position.

page -> without what was read in the same form before -> reports, and orders that new receipts name
  -> one transaction of events, states, dead letters and position

What was read and not committed is read again; what is read again and is known is no event. So a
watcher may be killed anywhere.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from canonical.absent import is_absent
from canonical.criteria import Condition, Criteria, Op, Range, Sort, position_of
from canonical.dead_letters import DeadLetter
from canonical.entities import KEY
from canonical.errors import (
    BadAnswerError,
    SupplygraphError,
    UnavailableError,
    UnsupportedError,
)
from canonical.observations import Observation
from canonical.ports import Ask, Changes, ListQuery, Page, TrackedSource
from canonical.records import Record
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from workflows.ingestion.intake import Delivery, Intake, Verdict
from workflows.ingestion.repeats import Repeats, bury_once, digest_of, is_among, letters_of
from workflows.ingestion.watches import By, Progress, Watch, position_name, progress_of

Asking = Callable[[], Ask]
"""What travels with the next request: made for each, with a deadline of its own."""

_AHEAD: Final = timedelta(days=1)


class _Found(Struct, frozen=True, kw_only=True):
    """What a request has brought.

    Attributes:
        records: What is there.
        failures: By key, what could not be read.
        gone: Keys of what is there no longer.
        is_first: Whether what was not known before is merely taken note of.
    """

    records: Sequence[Record]
    failures: Mapping[str, SupplygraphError]
    gone: Sequence[str] = ()
    is_first: bool


class Poller:
    """Does the rounds of one watch, in one process.

    Args:
        watch: What is watched.
        intake: Takes reports in.
        ledger: The log.
        leases: Where positions are read.
        asking: Makes what travels with requests.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        watch: Watch,
        intake: Intake,
        ledger: Ledger,
        leases: Leases,
        *,
        asking: Asking,
        clock: Callable[[], float],
    ) -> None:
        self.watch = watch
        self._intake = intake
        self._ledger = ledger
        self._leases = leases
        self._asking = asking
        self._clock = clock
        self._repeats = Repeats()
        self._gone: set[str] = set()
        self._blanks_after: tuple[Any, ...] | None = None
        self._blanks_due = 0.0

    async def round(self, lease: Lease) -> None:
        """Find what has changed since the last round, and take it in page by page.

        Raises:
            UnavailableError: if the system or the store could not be asked; what was taken so far
                stays taken.
            ConflictError: if another process has taken the lease.
        """
        progress = progress_of(await self._leases.position(self.watch.name))
        if self.watch.by is By.SNAPSHOT:
            await self._snapshot(lease, progress)
            return
        if self.watch.by is By.DELTA:
            await self._delta(lease, progress)
            return
        progress = await self._modified(lease, progress)
        if self.watch.blanks_every_s is not None and self._clock() >= self._blanks_due:
            await self._blanks(lease, progress, self.watch.blanks_every_s)

    async def _modified(self, lease: Lease, progress: Progress) -> Progress:
        watch, order = self.watch, (Sort(self.watch.column),)
        since = progress.mark and progress.mark - timedelta(seconds=watch.overlap_s)
        after: tuple[Any, ...] | None = None
        while True:
            # With the position, for systems that know no positions and would read all again.
            criteria = () if since is None else (Condition(watch.column, Op.RANGE, Range(since)),)
            page = await self._page(criteria, order, after)
            timed = [r for r in page.records if _time(r, watch.column) is not None]
            more = page.more and len(timed) == len(page.records)  # those without come last
            reached = replace(
                progress,
                mark=self._mark(progress.mark, timed),
                based=progress.based or not more,
            )
            found = _Found(records=timed, failures=page.failures, is_first=not progress.based)
            progress = await self._take(lease, progress, reached, found)
            if not more or not page.records:
                return progress
            after = position_of(page.records[-1], order)
            since = _time(page.records[-1], watch.column)

    def _mark(self, mark: datetime | None, records: Sequence[Record]) -> datetime | None:
        """The latest time seen. One of the far future is left out: it would hide all others."""
        latest = self._ledger.now() + _AHEAD
        times = [t for r in records if (t := _time(r, self.watch.column)) and t <= latest]
        return max(times if mark is None else [mark, *times], default=None)

    async def _blanks(self, lease: Lease, progress: Progress, every_s: float) -> None:
        """One page of the records without a time of change; the next in the next round."""
        criteria = (Condition(self.watch.column, Op.IS_NULL, value=True),)
        page = await self._page(criteria, (), self._blanks_after)
        more = page.more and bool(page.records)
        reached = replace(progress, blanks_based=progress.blanks_based or not more)
        found = _Found(
            records=page.records, failures=page.failures, is_first=not progress.blanks_based
        )
        await self._take(lease, progress, reached, found)
        self._blanks_after = position_of(page.records[-1], ()) if more else None
        if not more:
            self._blanks_due = self._clock() + every_s

    async def _snapshot(self, lease: Lease, progress: Progress) -> None:
        after: tuple[Any, ...] | None = None
        seen = array("Q")
        while True:
            page = await self._page((), (), after)
            _note(seen, page)
            more = page.more and bool(page.records)
            reached = replace(progress, based=progress.based or not more)
            found = _Found(
                records=page.records, failures=page.failures, is_first=not progress.based
            )
            progress = await self._take(lease, progress, reached, found)
            if not more:
                break
            after = position_of(page.records[-1], ())
        if len(seen):
            await self._vanished(lease, progress, array("Q", sorted(seen)))

    async def _delta(self, lease: Lease, progress: Progress) -> None:
        """Take in what is behind the link that is kept, page by page.

        Where the system can no longer tell what has changed since, all is read and held against
        what is known.
        """
        while progress.link is not None:
            found = await self._changes(progress.link)
            if found.link is None:
                break
            reached = replace(progress, link=found.link)
            news = _Found(
                records=found.records, failures=found.failures, gone=found.gone, is_first=False
            )
            progress = await self._take(lease, progress, reached, news)
            if not found.more:
                return
        await self._anew(lease, progress)

    async def _anew(self, lease: Lease, progress: Progress) -> None:
        """Read everything; only when all of that is known is the link kept that follows it."""
        seen, link, more = array("Q"), None, True
        while more:
            page = await self._changes(link)
            if page.link is None:
                message = "the system lost track of its changes while all was read"
                raise BadAnswerError(self.watch.system, message)
            _note(seen, page)
            link, more = page.link, page.more
            reached = replace(progress, link=None, based=progress.based or not more)
            found = _Found(
                records=page.records, failures=page.failures, is_first=not progress.based
            )
            progress = await self._take(lease, progress, reached, found)
        if len(seen):
            progress = await self._vanished(lease, progress, array("Q", sorted(seen)))
        nothing = _Found(records=(), failures={}, is_first=False)
        await self._take(lease, progress, replace(progress, link=link), nothing)

    async def _changes(self, link: str | None) -> Changes:
        source = self.watch.source
        if not isinstance(source, TrackedSource):
            raise UnsupportedError(f"{source.system} keeps no track of changes of {source.entity}")
        found = await source.changes(link, self.watch.columns, self.watch.page_size, self._asking())
        _raise_outage(found.failures)
        return found

    async def _vanished(self, lease: Lease, progress: Progress, seen: "array[int]") -> Progress:
        """Tell of records that are known and were not seen in a complete pass.

        They are asked for by key once more: one that came while the pass went on is there. A pass
        that saw nothing at all tells of nothing: rights that were lost look the same.
        """
        watch, size, missing = self.watch, self.watch.page_size, set[str]()
        after: str | None = None
        while True:
            keys = await self._ledger.keys(watch.entity, watch.system, after, size)
            lacking = [k for k in keys if not is_among(seen, digest_of(k.encode()))]
            missing.update(lacking)
            asked = [k for k in lacking if k not in self._gone]
            if asked:
                progress = await self._look_again(lease, progress, asked)
            if len(keys) < size:
                break
            after = keys[-1]
        self._gone &= missing
        return progress

    async def _look_again(self, lease: Lease, progress: Progress, keys: Sequence[str]) -> Progress:
        batch = await self.watch.source.by_keys(KEY, keys, self.watch.columns, self._asking())
        _raise_outage(batch.failures)
        there = {record.provenance.key for record in batch.records}
        gone = [k for k in keys if k not in there and k not in batch.failures]
        found = _Found(records=batch.records, failures=batch.failures, gone=gone, is_first=False)
        progress = await self._take(lease, progress, progress, found)
        self._gone.update(gone)
        return progress

    async def _page(
        self, criteria: Criteria, order: tuple[Sort, ...], after: tuple[Any, ...] | None
    ) -> Page:
        watch = self.watch
        query = ListQuery(criteria, order, watch.page_size, watch.columns, after)
        page = await watch.source.page(query, self._asking())
        _raise_outage(page.failures)
        return page

    async def _take(
        self, lease: Lease, before: Progress, reached: Progress, found: _Found
    ) -> Progress:
        """Take in what is not in the form in which it was read last; if nothing is, write nothing.

        A snapshot is held against the ledger alone: other ways may have told of its records.
        """
        watch, by_time = self.watch, self.watch.by is By.MODIFIED
        fresh = self._repeats.fresh(found.records) if by_time else found.records
        failed = self._repeats.untold(letters_of(watch.system, watch.entity, found.failures))
        if not (fresh or failed or found.gone or reached != before):
            return reached
        reached = replace(reached, commits=before.commits + 1)
        reports = [self._report(watch, r, reached, is_first=found.is_first) for r in fresh]
        reports += [self._report_gone(key, reached) for key in found.gone]
        if watch.orders is not None and not found.is_first:
            orders, lost = await self._orders(fresh, reached)
            reports += orders
            more = letters_of(watch.system, watch.orders.entity, lost)
            failed = {**failed, **self._repeats.untold(more)}
        await self._commit(lease, reached, reports, failed)
        if by_time:
            self._repeats.remember(fresh)
        self._repeats.tell(failed)
        return reached

    async def _commit(
        self,
        lease: Lease,
        reached: Progress,
        reports: Sequence[Observation],
        failed: Mapping[str, DeadLetter],
    ) -> None:
        value = msgspec.to_builtins(reached)
        system = self.watch.system
        deliveries = [Delivery(system=system, observations=(report,)) for report in reports]

        async def also(writing: Writing) -> None:
            await writing.place(lease, self.watch.name, value)
            await bury_once(writing, failed)

        taken = await self._intake.take(deliveries, also=also)
        refused = {
            report.key: one.problem
            for report, one in zip(reports, taken, strict=True)
            if one.verdict is Verdict.REFUSED and one.problem is not None
        }
        letters = letters_of(system, self.watch.entity, refused)
        if letters:
            await self._intake.take([], also=lambda writing: bury_once(writing, letters))

    async def _orders(
        self, receipts: Iterable[Record], reached: Progress
    ) -> tuple[list[Observation], Mapping[str, SupplygraphError]]:
        """The orders that receipts name, read again: a receipt moves not their time of change."""
        source = self.watch.orders
        named = {getattr(r, "purchase_order", None) for r in receipts}
        keys = sorted(k for k in named if isinstance(k, str) and k)
        if source is None or not keys:
            return [], {}
        batch = await source.by_keys(KEY, keys, self.watch.order_columns, self._asking())
        _raise_outage(batch.failures)
        position = await self._leases.position(position_name(source.system, source.entity))
        watch = replace(self.watch, source=source, column="updated_at")
        is_first = not progress_of(position).based
        reports = [self._report(watch, r, reached, is_first=is_first) for r in batch.records]
        return reports, batch.failures

    def _report(
        self, watch: Watch, record: Record, reached: Progress, *, is_first: bool
    ) -> Observation:
        at, key = _time(record, watch.column), record.provenance.key
        return Observation(
            system=watch.system,
            entity=watch.entity,
            key=key,
            record=record,
            occurred_at=at,
            source_event_id=_name(watch.entity, key, at, reached),
            baseline=is_first,
        )

    def _report_gone(self, key: str, reached: Progress) -> Observation:
        return Observation(
            system=self.watch.system,
            entity=self.watch.entity,
            key=key,
            record=None,
            occurred_at=None,
            source_event_id=_name(self.watch.entity, key, None, reached),
        )


def _note(seen: "array[int]", page: Page | Changes) -> None:
    """Note the keys of what is there, be it readable or not."""
    seen.extend(digest_of(r.provenance.key.encode()) for r in page.records)
    seen.extend(digest_of(key.encode()) for key in page.failures)


def _time(record: Record, column: str) -> datetime | None:
    """When a record was changed, as its system says; None if it does not."""
    found = getattr(record, column) if column else None
    return None if found is None or is_absent(found) else found


def _name(watch_entity: str, key: str, at: datetime | None, reached: Progress) -> str:
    """What names a report: by the commit too, for one time may be told of in several forms."""
    moment = "" if at is None else at.isoformat()
    return f"{watch_entity}:{key}@{moment}.{reached.commits}"


def _raise_outage(failures: Mapping[str, SupplygraphError]) -> None:
    """A system that cannot be asked now will be asked again; that is no record's fault.

    Raises:
        UnavailableError: if one of the failures is of that kind.
    """
    for failure in failures.values():
        if isinstance(failure, UnavailableError) and not isinstance(failure, BadAnswerError):
            raise failure
