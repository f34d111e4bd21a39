"""Records by key: many keys, each system asked once, what is known already not asked at all.

The way of a key: this process's layer and one MGET for all systems -> fresh, stale or missing ->
requests that are under way for the same key are shared -> one process of all is to fetch -> the
system -> cache.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from canonical.criteria import Criteria, values_at
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import Reason, SupplygraphError, UnavailableError
from canonical.records import Record
from loaders.catalog import Catalog, Freshness, Supply
from loaders.context import ReadContext, until_deadline
from loaders.merging import Found, combined, merged
from loaders.shelf import Shelved, digest, from_entry, slot, to_entry
from runtime.cache.entries import Entry
from runtime.cache.record_cache import RecordCache

_CLAIM_S: Final = 5.0
_ALL_ALIKE: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})

Answer = Shelved | SupplygraphError


class KeyQuestion(Struct, frozen=True):
    """Records of an entity whose column has one of many keys.

    Attributes:
        entity: What is wanted.
        column: `canonical.entities.KEY`, or one of the entity's lookups.
        columns: Columns that the records must know.
        criteria: What they must satisfy besides.
        system: The only system to ask, if it is known.
    """

    entity: EntityName
    column: str
    columns: frozenset[str]
    criteria: Criteria = ()
    system: str | None = None


class _Flight(Struct, frozen=True):
    columns: frozenset[str]
    answers: "asyncio.Task[dict[str, Answer]]"


class _Look(Struct):
    """What is known of one system's keys before it is asked.

    Attributes:
        fresh: What needs no asking.
        stale: What may be served if the system cannot be asked.
        missing: Keys to ask for.
        needed: Columns that these need.
        wider: Columns that are known of them; asked for too, so that no screen loses its own.
    """

    fresh: dict[str, Shelved] = field(default_factory=dict)
    stale: dict[str, Shelved] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)
    wider: set[str] = field(default_factory=set)


class KeyedReader:
    """Reads records by key for all operations of this process."""

    def __init__(
        self, catalog: Catalog, cache: RecordCache, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._catalog = catalog
        self._cache = cache
        self._clock = clock
        self._flights: dict[str, _Flight] = {}

    async def read(
        self,
        question: KeyQuestion,
        keys: Iterable[str],
        context: ReadContext,
        *,
        narrower: Mapping[str, frozenset[str]] = _ALL_ALIKE,
    ) -> dict[str, Found]:
        """Read the records of many keys.

        Args:
            question: What is asked.
            keys: The keys.
            context: The operation's terms.
            narrower: Columns of keys that need fewer than the question says; what is known of these
                suffices if it has them.

        Returns:
            For every key its records, leading system first, and what could not be read.

        Raises:
            UnsupportedError: if no system supplies the entity.
        """
        wanted = list(dict.fromkeys(keys))
        supplies = [
            s
            for s in self._catalog.supplies(question.entity, question.system)
            if question.column == KEY or question.column in s.columns
        ]
        if not wanted:
            return {}
        columns = {k: narrower.get(k, question.columns) for k in wanted}
        looks = await self._look(question, supplies, columns, context)
        terms = context.among(len(supplies))
        answers = await asyncio.gather(
            *(self._answers(question, s, looks[s.system], terms) for s in supplies)
        )
        by_system = [(s, found) for s, found in zip(supplies, answers, strict=True)]
        for supply, found in by_system:
            self._rests(question, supply, found, context)
        return {
            key: merged(
                ENTITIES[question.entity],
                [(s.system, s.columns & columns[key], found[key]) for s, found in by_system],
            )
            for key in wanted
        }

    async def keep(
        self, supply: Supply, records: Sequence[Record], columns: frozenset[str], column: str
    ) -> None:
        """Keep records that came with a list, each under its key.

        What is known of them already and still fresh stays known, unless it has changed.
        """
        entity, freshness = supply.source.entity, self._catalog.freshness(supply.source.entity)
        now, ttl = self._clock(), _lifetime(freshness)
        slots = [
            slot(supply.system, entity, column, "", key)
            for record in records
            for key in _keys_of(record, column)
        ]
        kept: list[tuple[str, Entry, float]] = []
        for place, record, entry in zip(
            slots, records, await self._cache.get_many(slots), strict=True
        ):
            shelved = Shelved((record,), now, columns)
            if entry is not None and now - entry.fetched_at <= freshness.fresh_s:
                shelved = _with_known(shelved, from_entry(entity, entry))
            kept.append((place, to_entry(shelved), ttl))
        await self._cache.put_many(kept)

    async def _look(
        self,
        question: KeyQuestion,
        supplies: Sequence[Supply],
        columns: Mapping[str, frozenset[str]],
        context: ReadContext,
    ) -> dict[str, _Look]:
        name = digest(question.criteria)
        slots = [
            slot(s.system, question.entity, question.column, name, k)
            for s in supplies
            for k in columns
        ]
        entries = iter(await self._cache.get_many(slots))
        freshness = self._catalog.freshness(question.entity)
        looks: dict[str, _Look] = {}
        for supply in supplies:
            look = looks[supply.system] = _Look()
            needed_for = {
                c: needed_columns(replace(question, columns=c), supply)
                for c in set(columns.values())
            }
            for key, wanted in columns.items():
                needed = needed_for[wanted]
                entry = next(entries)
                shelved = from_entry(question.entity, entry) if entry is not None else None
                self._sort_in(look, key, shelved, needed, freshness, context)
            self._note(supply.system, look.fresh.values(), context, stale=False)
        return looks

    def _sort_in(
        self,
        look: _Look,
        key: str,
        shelved: Shelved | None,
        needed: frozenset[str],
        freshness: Freshness,
        context: ReadContext,
    ) -> None:
        if shelved is not None:
            age = self._clock() - shelved.fetched_at
            fresh_s = freshness.fresh_s if shelved.records else freshness.absent_s
            limit = context.max_staleness_s
            wide = needed <= shelved.columns or not shelved.records
            if wide and age <= fresh_s and (limit is None or age <= limit):
                look.fresh[key] = shelved
                return
            if age <= freshness.fresh_s + freshness.grace_s:
                look.wider |= shelved.columns
                if wide and (limit is None or age <= limit):
                    look.stale[key] = shelved
        look.missing.append(key)
        look.needed |= needed

    async def _answers(
        self, question: KeyQuestion, supply: Supply, look: _Look, context: ReadContext
    ) -> Mapping[str, Answer]:
        found: dict[str, Answer] = dict(look.fresh)
        if not look.missing:
            return found
        waiting = self._under_way(question, supply, look, context)
        patience = self._catalog.freshness(question.entity).patience_s
        everything_stale = all(k in look.stale for k in look.missing)
        stale: list[Shelved] = []
        for key, answer in (
            await _within(waiting, patience if everything_stale else None, supply.system)
        ).items():
            known = look.stale.get(key)
            if isinstance(answer, UnavailableError) and known is not None:
                found[key] = _marked_stale(known)
                stale.append(known)
            else:
                found[key] = answer
        self._note(supply.system, stale, context, stale=True)
        return found

    def _under_way(
        self, question: KeyQuestion, supply: Supply, look: _Look, context: ReadContext
    ) -> "dict[str, asyncio.Task[dict[str, Answer]]]":
        """For each missing key the task that brings it: one that runs already, or a new one."""
        needed = frozenset(look.needed)
        name = digest(question.criteria)
        slots = {
            k: slot(supply.system, question.entity, question.column, name, k) for k in look.missing
        }
        bound: dict[str, asyncio.Task[dict[str, Answer]]] = {}
        mine: dict[str, str] = {}
        for key, place in slots.items():
            flight = self._flights.get(place)
            if flight is not None and needed <= flight.columns:
                bound[key] = flight.answers
            else:
                mine[key] = place
        if mine:
            columns = needed | (look.wider & supply.columns)
            wanted = replace(question, columns=columns)
            task = asyncio.ensure_future(self._fetch(wanted, supply, mine, context))
            flight = _Flight(columns, task)
            self._flights.update(dict.fromkeys(mine.values(), flight))
            task.add_done_callback(lambda _: self._landed(mine.values(), flight))
            bound.update(dict.fromkeys(mine, task))
        return bound

    def _landed(self, slots: Iterable[str], flight: _Flight) -> None:
        for place in slots:
            if self._flights.get(place) is flight:
                del self._flights[place]

    async def _fetch(
        self,
        question: KeyQuestion,
        supply: Supply,
        slots: Mapping[str, str],
        context: ReadContext,
    ) -> dict[str, Answer]:
        """Fetch keys that nobody here is fetching; await what another process is about to bring."""
        won = await self._cache.claim(list(slots.values()), _CLAIM_S)
        held = frozenset(won)
        try:
            ours = {k: place for k, place in slots.items() if place in held}
            theirs = {k: place for k, place in slots.items() if k not in ours}
            brought, answers = await asyncio.gather(
                self._await_others(question, supply, theirs, context),
                self._ask(question, supply, ours, context),
            )
        finally:
            await self._cache.release(won)
        left = {k: place for k, place in theirs.items() if k not in brought}
        return {**answers, **brought, **await self._ask(question, supply, left, context)}

    async def _await_others(
        self,
        question: KeyQuestion,
        supply: Supply,
        slots: Mapping[str, str],
        context: ReadContext,
    ) -> dict[str, Answer]:
        if not slots:
            return {}
        patience = min(_CLAIM_S, context.ask.deadline - asyncio.get_running_loop().time())
        asked_at = self._clock()
        entries = await self._cache.wait(list(slots.values()), max(patience / 2, 0.0))
        freshness = self._catalog.freshness(question.entity)
        brought: dict[str, Answer] = {}
        for key, entry in zip(slots, entries, strict=True):
            shelved = from_entry(question.entity, entry) if entry is not None else None
            if shelved is None or asked_at - shelved.fetched_at > freshness.absent_s:
                continue
            if needed_columns(question, supply) <= shelved.columns or not shelved.records:
                brought[key] = shelved
        return brought

    async def _ask(
        self,
        question: KeyQuestion,
        supply: Supply,
        slots: Mapping[str, str],
        context: ReadContext,
    ) -> dict[str, Answer]:
        """Ask the system, and keep what it says."""
        if not slots:
            return {}
        try:
            async with until_deadline(context.ask, supply.system):
                batch = await supply.source.by_keys(
                    question.column, list(slots), question.columns, context.ask, question.criteria
                )
        except SupplygraphError as exc:
            return dict.fromkeys(slots, exc)
        context.journal.read(supply.system, rows=len(batch.records))
        grouped: dict[str, list[Record]] = {k: [] for k in slots}
        for record in batch.records:
            for key in _keys_of(record, question.column):
                if key in grouped:
                    grouped[key].append(record)
        now = self._clock()
        answers: dict[str, Answer] = {
            key: batch.failures[key]
            if key in batch.failures
            else Shelved(tuple(records), now, question.columns)
            for key, records in grouped.items()
        }
        ttl = _lifetime(self._catalog.freshness(question.entity))
        await self._cache.put_many(
            [(slots[k], to_entry(a), ttl) for k, a in answers.items() if isinstance(a, Shelved)]
        )
        return answers

    def _rests(
        self,
        question: KeyQuestion,
        supply: Supply,
        found: Mapping[str, Answer],
        context: ReadContext,
    ) -> None:
        """Write down what the answer is made of."""
        told = [a for a in found.values() if isinstance(a, Shelved)]
        if len(told) < len(found):
            context.journal.incomplete()
        if not told:
            return
        freshness, name = self._catalog.freshness(question.entity), digest(question.criteria)
        context.journal.rests_on(
            (slot(supply.system, question.entity, question.column, name, k) for k in found),
            good_until=min(
                a.fetched_at + (freshness.fresh_s if a.records else freshness.absent_s)
                for a in told
            ),
            oldest_at=min(a.fetched_at for a in told),
        )

    def _note(
        self, system: str, found: Iterable[Shelved], context: ReadContext, *, stale: bool
    ) -> None:
        ages = [self._clock() - s.fetched_at for s in found]
        if ages:
            if stale:
                context.journal.incomplete()
            context.journal.cached(
                system, keys=len(ages), stale=len(ages) if stale else 0, oldest_s=max(ages)
            )


def needed_columns(question: KeyQuestion, supply: Supply) -> frozenset[str]:
    """Columns to ask a supply for: what is wanted, and what tells the records apart."""
    entity = ENTITIES[question.entity]
    told_apart = {*entity.natural} | ({question.column} - {KEY})
    return (question.columns | told_apart) & supply.columns


async def _within(
    waiting: "Mapping[str, asyncio.Task[dict[str, Answer]]]", patience_s: float | None, system: str
) -> dict[str, Answer]:
    """Each key's answer; an error for those beyond our patience (their tasks go on)."""
    tasks = set(waiting.values())
    done, _ = await asyncio.wait(tasks, timeout=patience_s)
    late = UnavailableError(system, Reason.TIMEOUT, f"no answer within {patience_s} s")
    return {k: task.result()[k] if task in done else late for k, task in waiting.items()}


def _keys_of(record: Record, column: str) -> Iterable[str]:
    if column == KEY:
        return (record.provenance.key,)
    return dict.fromkeys(values_at(record, column))


def _with_known(newer: Shelved, older: Shelved | None) -> Shelved:
    if older is None or len(older.records) != 1 or older.columns <= newer.columns:
        return newer
    both = combined(older.records[0], newer.records[0])
    if both is None:
        return newer
    return Shelved((both,), older.fetched_at, older.columns | newer.columns)


def _marked_stale(shelved: Shelved) -> Shelved:
    records = tuple(
        replace(r, provenance=replace(r.provenance, stale=True)) for r in shelved.records
    )
    return replace(shelved, records=records)


def _lifetime(freshness: Freshness) -> float:
    return freshness.fresh_s + freshness.grace_s
