"""Fetching keys from one system, once for all who want them at the same time.

wanted -> a request that is under way -> one that is about to leave -> a new one
a request: gathers for a moment while other operations are reading -> one process of all is to
  fetch -> the system -> cache
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask
from loaders.catalog import Freshness, Supply
from loaders.context import ReadContext, until_deadline
from loaders.flights import Flight
from loaders.grouping import shelved_by_key
from loaders.merging import contradicts
from loaders.shelf import Shelved, records_of
from runtime.cache.changes import Watch
from runtime.cache.record_cache import RecordCache

_CLAIM_S: Final = 5.0

Answer = Shelved | SupplygraphError


class Way(Struct, frozen=True):
    """The way to one system's answers to one question, whatever the keys and columns.

    Attributes:
        supply: Who is asked.
        entity: For what.
        column: By which column.
        criteria: What the records must satisfy besides.
        freshness: How old they may be.
        prefix: What the names of the slots begin with.
    """

    supply: Supply
    entity: EntityName
    column: str
    criteria: Criteria
    freshness: Freshness
    prefix: str


class Want(Struct):
    """What one operation wants of a system.

    Attributes:
        keys: The keys, none twice.
        needed: Columns that these need.
        wider: Columns that are known of them; asked for too, so that no screen loses its own.
        known: What is still fresh and yet does not do; it has changed if the answer contradicts it.
        until: `loop.time()` until when the answer is waited for.
    """

    keys: Sequence[str]
    needed: frozenset[str]
    wider: frozenset[str]
    known: Mapping[str, Shelved]
    until: float


class Request(Flight[dict[str, Answer]]):
    """One request for many keys, by whoever wants some of them."""

    def __init__(self, first: Ask) -> None:
        super().__init__()
        self.keys: dict[str, None] = {}
        self.columns: frozenset[str] = frozenset()
        self.known: dict[str, Shelved] = {}
        self.gathering = True
        self.rows = 0
        self.failed = False
        self.watch: Watch | None = None
        self._first = first
        self._deadline = first.deadline
        self._full: asyncio.Future[None] | None = None

    def join(self, want: Want, keys: Iterable[str], ask: Ask) -> None:
        """Want keys too, before the request leaves."""
        wanted = dict.fromkeys(keys)
        self.keys = {**self.keys, **wanted} if self.keys else wanted
        self.columns |= want.needed | want.wider
        self.known.update(want.known)
        self._deadline = max(self._deadline, ask.deadline)
        self.meters.join(ask.meter)

    def has(self, keys: Sequence[str], needed: frozenset[str], prefix: str) -> list[str]:
        """Those of the keys that the request brings, as they are now, with these columns."""
        if not needed <= self.columns:
            return []
        if self.watch is None:
            return [k for k in keys if k in self.keys]
        if self.watch.everything:
            return []
        changed = self.watch.keys
        return [k for k in keys if k in self.keys and prefix + k not in changed]

    async def gather(self, window_s: float) -> None:
        """Let others join for so long, or until it is full."""
        loop = asyncio.get_running_loop()
        self._full = loop.create_future()
        timer = loop.call_later(window_s, self.close)
        try:
            await self._full
        finally:
            timer.cancel()

    def close(self) -> None:
        """Nobody else is expected."""
        if self._full is not None and not self._full.done():
            self._full.set_result(None)

    def ask(self) -> Ask:
        """What travels with it: the first one's names, the latest deadline, everybody's meters."""
        first = self._first
        return Ask(
            self._deadline, first.correlation_id, self.meters, first.traceparent, first.interactive
        )


class Fetcher:
    """Fetches for all operations of this process.

    Attributes:
        reading: Operations that are waiting for something to be read.
    """

    def __init__(self, cache: RecordCache, clock: Callable[[], float], window_s: float) -> None:
        self.reading = 0
        self._cache = cache
        self._clock = clock
        self._window_s = window_s
        self._requests: dict[str, list[Request]] = {}

    async def bring(
        self, way: Way, want: Want, context: ReadContext
    ) -> tuple[Mapping[str, Answer], bool]:
        """Each key's answer, and whether any of them is an error."""
        bound = self._bound(way, want, context)
        answers: Mapping[str, Answer]
        if len(bound) == 1:
            answers, failed = await self._landed(way, *bound[0], want.until, context)
        else:
            landed = [
                await self._landed(way, request, keys, want.until, context)
                for request, keys in bound
            ]
            answers = {k: a for brought, _ in landed for k, a in brought.items()}
            failed = any(bad for _, bad in landed)
        if failed and any(r.columns != want.needed | want.wider for r, _ in bound):
            return await self._read_alone(way, want, answers, context.ask)
        return answers, failed

    async def _read_alone(
        self, way: Way, want: Want, answers: Mapping[str, Answer], ask: Ask
    ) -> tuple[Mapping[str, Answer], bool]:
        """Ask again for keys that cannot be read, perhaps because of what others wanted of them."""
        unreadable = [k for k, a in answers.items() if isinstance(a, BadAnswerError)]
        if unreadable:
            request = Request(ask)
            request.join(want, unreadable, ask)
            request.gathering = False
            answers = {**answers, **await self._ask(way, request, unreadable, request.ask())}
        return answers, any(isinstance(a, SupplygraphError) for a in answers.values())

    def _bound(
        self, way: Way, want: Want, context: ReadContext
    ) -> list[tuple[Request, Sequence[str]]]:
        """For all keys the requests that bring them: such as run already, or one that is to."""
        bound: list[tuple[Request, Sequence[str]]] = []
        left = want.keys
        leaving: Request | None = None
        for request in self._requests.get(way.prefix, ()):
            if request.gathering:
                leaving = request
            elif shared := request.has(left, want.needed, way.prefix):
                request.meters.join(context.ask.meter)
                bound.append((request, shared))
                brought = set(shared)
                left = [k for k in left if k not in brought]
        if left:
            request = leaving or self._opened(way, context)
            request.join(want, left, context.ask)
            if len(request.meters) >= self.reading:
                request.close()
            bound.append((request, left))
        return bound

    def _opened(self, way: Way, context: ReadContext) -> Request:
        request = Request(context.ask)
        alike = self._requests.setdefault(way.prefix, [])
        alike.append(request)

        def landed() -> None:
            alike.remove(request)
            if not alike and self._requests.get(way.prefix) is alike:
                del self._requests[way.prefix]

        request.start(self._run(way, request), landed)
        return request

    async def _landed(
        self, way: Way, request: Request, keys: Sequence[str], until: float, context: ReadContext
    ) -> tuple[Mapping[str, Answer], bool]:
        """The answers for some of a request's keys; an error for those beyond our time."""
        system = way.supply.system
        try:
            answers = await request.result(until)
        except TimeoutError:
            message = "no answer within the time of the operation"
            if until < context.ask.deadline:
                message = f"no answer within {way.freshness.patience_s} s"
            late = UnavailableError(system, Reason.TIMEOUT, message)
            return dict.fromkeys(keys, late), True
        if len(keys) == len(answers):
            context.journal.read(system, rows=request.rows)
            return answers, request.failed
        mine = {k: answers[k] for k in keys}
        rows = sum(len(a.records) for a in mine.values() if isinstance(a, Shelved))
        context.journal.read(system, rows=rows)
        return mine, request.failed

    async def _run(self, way: Way, request: Request) -> dict[str, Answer]:
        if len(request.meters) < self.reading:
            await request.gather(self._window_s)
        request.gathering = False
        keys, ask = list(request.keys), request.ask()
        with self._cache.watch() as request.watch:
            if not way.freshness.kept:
                return await self._ask(way, request, keys, ask)
            return await self._claimed(way, request, keys, ask)

    async def _claimed(
        self, way: Way, request: Request, keys: Sequence[str], ask: Ask
    ) -> dict[str, Answer]:
        """Fetch keys that nobody is fetching; await what another process is about to bring."""
        won = await self._cache.claim([way.prefix + k for k in keys], _CLAIM_S)
        if len(won) == len(keys):
            try:
                return await self._ask(way, request, keys, ask)
            finally:
                await self._cache.release(won)
        held = frozenset(won)
        ours = [k for k in keys if way.prefix + k in held]
        theirs = [k for k in keys if way.prefix + k not in held]
        try:
            brought, answers = await asyncio.gather(
                self._await_others(way, request.columns, theirs, ask),
                self._ask(way, request, ours, ask),
            )
        finally:
            await self._cache.release(won)
        left = [k for k in theirs if k not in brought]
        return {**answers, **brought, **await self._ask(way, request, left, ask)}

    async def _await_others(
        self, way: Way, columns: frozenset[str], keys: Sequence[str], ask: Ask
    ) -> dict[str, Answer]:
        patience = min(_CLAIM_S, ask.deadline - asyncio.get_running_loop().time())
        asked_at = self._clock()
        slots = [way.prefix + k for k in keys]
        kept = await self._cache.wait(slots, max(patience / 2, 0.0), records_of(way.entity))
        return {
            key: shelved
            for key, shelved in zip(keys, kept, strict=True)
            if shelved is not None
            and asked_at - shelved.fetched_at <= way.freshness.absent_s
            and (columns <= shelved.columns or not shelved.records)
        }

    async def _ask(
        self, way: Way, request: Request, keys: Sequence[str], ask: Ask
    ) -> dict[str, Answer]:
        """Ask the system, and keep what it says."""
        if not keys:
            return {}
        columns, supply = request.columns, way.supply
        try:
            async with until_deadline(ask, supply.system):
                batch = await supply.source.by_keys(way.column, keys, columns, ask, way.criteria)
        except SupplygraphError as exc:
            request.failed = True
            return dict.fromkeys(keys, exc)
        request.rows += len(batch.records)
        answers: dict[str, Answer] = shelved_by_key(
            way.entity, way.column, keys, batch.records, self._clock(), columns
        )
        if batch.failures:
            failures = {k: e for k, e in batch.failures.items() if k in answers}
            answers.update(failures)
            request.failed = request.failed or bool(failures)
        if way.freshness.kept:
            await self._keep(way, request, answers)
        return answers

    async def _keep(self, way: Way, request: Request, answers: Mapping[str, Answer]) -> None:
        """Keep answers, but for slots that changed while they were on their way."""
        watch = request.watch or Watch()
        ttl, remembered = way.freshness.lifetime_s, way.freshness.absent_s > 0
        kept = [
            (way.prefix + key, answer, ttl)
            for key, answer in answers.items()
            if isinstance(answer, Shelved) and (remembered or answer.records)
        ]
        if watch.keys:  # a gap alone, as at the start, says nothing of what was just read
            kept = [k for k in kept if k[0] not in watch.keys]
        await self._cache.put_many(kept, records_of(way.entity))
        if request.known:
            changed = [
                way.prefix + key
                for key, older in request.known.items()
                if isinstance(newer := answers.get(key), Shelved) and contradicts(older, newer)
            ]
            await self._cache.changed(changed)
