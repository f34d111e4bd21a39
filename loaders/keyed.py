"""Records by key: many keys, each system asked once, what is known already not asked at all.

The way of a key: this process's layer and one MGET for all systems -> fresh, stale or missing ->
`loaders.fetching` for what is missing -> what the systems say put together. What is never kept
(freshness 0) goes straight to its system.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from canonical.criteria import Criteria
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import SupplygraphError, UnavailableError
from canonical.records import Record
from loaders.catalog import Catalog, Freshness, Supply, Territory
from loaders.context import ReadContext
from loaders.fetching import Answer, Fetcher, Want, Way
from loaders.grouping import keys_of
from loaders.merging import combined, merged
from loaders.questions import Question, Questions, question_of
from loaders.shelf import Found, Shelved, digest, prefix, records_of
from runtime.cache.record_cache import RecordCache

_ALL_ALIKE: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
_WINDOW_S: Final = 0.001
"""How long a request waits for other operations that are reading."""


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


class _Look(Struct):
    """What is known of one system's keys before it is asked.

    Attributes:
        fresh: What needs no asking.
        stale: What may be served if the system cannot be asked.
        missing: Keys to ask for.
        needed: Columns that these need.
        wider: Columns that are known of them.
        known: What is fresh and yet does not do.
        slots: Where the keys are kept, in their order; none where nothing is kept.
    """

    fresh: dict[str, Answer] = field(default_factory=dict)
    stale: dict[str, Shelved] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    needed: frozenset[str] = frozenset()
    wider: frozenset[str] = frozenset()
    known: dict[str, Shelved] = field(default_factory=dict)
    slots: Sequence[str] = ()


class KeyedReader:
    """Reads records by key for all operations of this process.

    Attributes:
        fetcher: Asks the systems.
        questions: What is asked of them, so that changes find what is kept.
    """

    def __init__(
        self,
        catalog: Catalog,
        cache: RecordCache,
        *,
        clock: Callable[[], float] = time.time,
        window_s: float = _WINDOW_S,
        questions: Questions | None = None,
    ) -> None:
        self.questions = questions or Questions(cache, None)
        self.fetcher = Fetcher(cache, clock, window_s)
        self._catalog = catalog
        self._cache = cache
        self._clock = clock

    async def read(
        self,
        question: KeyQuestion,
        keys: Iterable[str],
        context: ReadContext,
        *,
        narrower: Mapping[str, frozenset[str]] = _ALL_ALIKE,
    ) -> Mapping[str, Found]:
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
        ways = self._ways(question, context.territory)
        if not wanted:
            return {}
        terms = context.among(len(ways))
        looks = await self._look(question, ways, wanted, narrower, context)
        if len(ways) == 1:
            answers, failed = await self._answers(ways[0], looks[0], terms)
            return _alone(answers) if failed else answers  # type: ignore[return-value]  # no errors
        told = await asyncio.gather(
            *(self._answers(w, k, terms) for w, k in zip(ways, looks, strict=True))
        )
        by_way = [(w.supply, found) for w, (found, _) in zip(ways, told, strict=True)]
        entity, columns = ENTITIES[question.entity], question.columns
        return {
            key: merged(
                entity,
                [
                    (s.system, s.columns & narrower.get(key, columns), found[key])
                    for s, found in by_way
                ],
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
        now, kind = self._clock(), records_of(supply.source.entity)
        start = prefix(supply.system, entity, column, "")
        by_slot = {start + key: record for record in records for key in keys_of(record, column)}
        before = await self._cache.get_many(list(by_slot), kind)
        kept: list[tuple[str, Shelved, float]] = []
        changed: list[str] = []
        for (place, record), older in zip(by_slot.items(), before, strict=True):
            shelved = Shelved((record,), (), now, columns)
            if older is not None and now - older.fetched_at <= freshness.fresh_s:
                both = _with_known(shelved, older)
                if both is None:
                    changed.append(place)
                else:
                    shelved = both
            kept.append((place, shelved, freshness.lifetime_s))
        await self._cache.put_many(kept, kind)
        await self._cache.changed(changed)

    def _ways(self, question: KeyQuestion, territory: Territory) -> list[Way]:
        name, freshness = digest(question.criteria), self._catalog.freshness(question.entity)
        entity, column = question.entity, question.column
        return [
            Way(
                s,
                entity,
                column,
                question.criteria,
                freshness,
                prefix(s.system, entity, column, name),
            )
            for s in self._catalog.within(territory).supplies(entity, question.system)
            if column == KEY or column in s.columns
        ]

    async def _look(
        self,
        question: KeyQuestion,
        ways: Sequence[Way],
        keys: Sequence[str],
        narrower: Mapping[str, frozenset[str]],
        context: ReadContext,
    ) -> list[_Look]:
        """What is known to each system's slots, all of them asked for at once."""
        every = frozenset().union(*narrower.values()) if narrower else question.columns
        if not ways or not ways[0].freshness.kept:
            return [
                _Look(missing=list(keys), needed=needed_columns(question, w.supply, every))
                for w in ways
            ]
        slots = [w.prefix + k for w in ways for k in keys]
        kept: Sequence[Shelved | None] = await self._cache.get_many(
            slots, records_of(question.entity)
        )
        looks: list[_Look] = []
        for i, way in enumerate(ways):
            needed = needed_columns(question, way.supply, every)
            needs = {
                k: needed_columns(question, way.supply, narrower[k]) for k in keys if k in narrower
            }
            its = slice(i * len(keys), (i + 1) * len(keys))
            look = None
            if not narrower and context.max_staleness_s is None:
                since = self._clock() - way.freshness.fresh_s
                look = _all_fresh(keys, kept[its], needed, since)
            if look is None:
                look = self._sorted(keys, kept[its], needed, needs, context, way.freshness)
            look.slots = slots[its]
            self._note(way.supply.system, look.fresh.values(), context, stale=False)
            looks.append(look)
        return looks

    def _sorted(
        self,
        keys: Sequence[str],
        kept: Sequence[Shelved | None],
        needed: frozenset[str],
        needs: Mapping[str, frozenset[str]],
        context: ReadContext,
        freshness: Freshness,
    ) -> _Look:
        look, now, lifetime_s = _Look(), self._clock(), freshness.lifetime_s
        limit = context.max_staleness_s
        for key, shelved in zip(keys, kept, strict=True):
            if shelved is not None:
                age = now - shelved.fetched_at
                fresh = age <= (freshness.fresh_s if shelved.records else freshness.absent_s)
                wide = not shelved.records or needs.get(key, needed) <= shelved.columns
                does = wide and (limit is None or age <= limit)
                if fresh and does:
                    look.fresh[key] = shelved
                    continue
                if fresh:
                    look.known[key] = shelved
                if age <= lifetime_s:
                    look.wider |= shelved.columns
                    if does:
                        look.stale[key] = shelved
            look.missing.append(key)
        if needs and look.missing:
            look.needed = frozenset().union(*(needs.get(k, needed) for k in look.missing))
        else:
            look.needed = needed
        return look

    async def _answers(
        self, way: Way, look: _Look, context: ReadContext
    ) -> tuple[Mapping[str, Answer], bool]:
        """Each key's answer, and whether any of them is an error."""
        found: Mapping[str, Answer] = look.fresh
        failed = False
        if look.missing:
            until = context.ask.deadline
            if look.stale and all(k in look.stale for k in look.missing):
                patient = asyncio.get_running_loop().time() + way.freshness.patience_s
                until = min(until, patient)
            if way.criteria and way.freshness.kept:
                await self.questions.announce(_announced(way))
            wider = look.wider & way.supply.columns
            want = Want(look.missing, look.needed, wider, look.known, until)
            brought, failed = await self.fetcher.bring(way, want, context)
            if failed:
                brought = self._with_stale(way, brought, look, context)
                failed = not all(isinstance(a, Shelved) for a in brought.values())
            found = {**found, **brought} if found else brought
        self._rests(way.freshness, look.slots, found, context, failed=failed)
        return found, failed

    def _with_stale(
        self, way: Way, brought: Mapping[str, Answer], look: _Look, context: ReadContext
    ) -> Mapping[str, Answer]:
        """The answers, stale records in place of a system that could not be asked."""
        stale = {
            k: look.stale[k]
            for k, answer in brought.items()
            if isinstance(answer, UnavailableError) and k in look.stale
        }
        self._note(way.supply.system, stale.values(), context, stale=True)
        return {**brought, **{k: _marked_stale(s) for k, s in stale.items()}}

    def _rests(
        self,
        freshness: Freshness,
        slots: Sequence[str],
        found: Mapping[str, Answer],
        context: ReadContext,
        *,
        failed: bool,
    ) -> None:
        """Write down what the answer is made of."""
        journal = context.journal
        if failed:
            journal.incomplete()
        if not freshness.kept:
            journal.rests_on((), good_until=0, oldest_at=self._clock())
            return
        told = [a for a in found.values() if isinstance(a, Shelved)]
        if not told:
            return
        full = [a.fetched_at for a in told if a.records]
        empty = [a.fetched_at for a in told if not a.records]
        terms = ((full, freshness.fresh_s), (empty, freshness.absent_s))
        oldest = [(min(moments), kept_s) for moments, kept_s in terms if moments]
        good_until = min(at + kept_s for at, kept_s in oldest)
        journal.rests_on(slots, good_until=good_until, oldest_at=min(oldest)[0])

    def _note(
        self, system: str, found: Iterable[Answer], context: ReadContext, *, stale: bool
    ) -> None:
        moments = [s.fetched_at for s in found if isinstance(s, Shelved)]
        if moments:
            if stale:
                context.journal.incomplete()
            context.journal.cached(
                system,
                keys=len(moments),
                stale=len(moments) if stale else 0,
                oldest_s=self._clock() - min(moments),
            )


def _all_fresh(
    keys: Sequence[str], kept: Sequence[Shelved | None], needed: frozenset[str], since: float
) -> _Look | None:
    """What is known, if each slot has records that do: read since then, with these columns."""
    told = [s for s in kept if s is not None and s.records]
    if len(told) < len(kept) or min([s.fetched_at for s in told], default=since) < since:
        return None
    if not all(needed <= columns for columns in {s.columns for s in told}):
        return None
    return _Look(fresh=dict(zip(keys, told, strict=True)), needed=needed)


def needed_columns(
    question: KeyQuestion, supply: Supply, columns: frozenset[str]
) -> frozenset[str]:
    """Columns to ask a supply for: what is wanted, and what tells the records apart."""
    return _needed(question.entity, question.column, columns, supply.columns)


@lru_cache(maxsize=4096)
def _needed(
    entity: EntityName, column: str, columns: frozenset[str], has: frozenset[str]
) -> frozenset[str]:
    told_apart = {*ENTITIES[entity].natural} | ({column} - {KEY})
    return (columns | told_apart) & has


def _announced(way: Way) -> Question:
    return question_of(way.supply.system, way.entity, way.column, way.prefix, way.criteria)


def _alone(answers: Mapping[str, Answer]) -> dict[str, Found]:
    """What the only system says of each key."""
    return {
        k: Found((), (a,)) if isinstance(a, SupplygraphError) else a for k, a in answers.items()
    }


def _with_known(newer: Shelved, older: Shelved) -> Shelved | None:
    """What is newly read, completed with what was known; None if that has changed."""
    if len(older.records) != 1:
        return newer
    both = combined(older.records[0], newer.records[0])
    if both is None:
        return None
    if older.columns <= newer.columns:
        return newer
    return Shelved((both,), (), older.fetched_at, older.columns | newer.columns)


def _marked_stale(shelved: Shelved) -> Shelved:
    records = tuple(
        replace(r, provenance=replace(r.provenance, stale=True)) for r in shelved.records
    )
    return replace(shelved, records=records)
