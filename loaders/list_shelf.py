"""How one system's pages stand in the cache: keys with their positions, never records."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, overload

import msgspec
from typing_extensions import override

from canonical.criteria import position_of
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask, ListQuery
from canonical.records import Record
from loaders.catalog import Freshness, Supply
from loaders.context import ReadContext, until_deadline
from loaders.cursors import Position, decode_position, encode_position
from loaders.flights import Flight
from loaders.keyed import KeyedReader
from loaders.questions import LIST, Question, Questions, question_of
from loaders.shelf import digest, prefix
from runtime.cache.changes import Watch
from runtime.cache.entries import Kind
from runtime.cache.record_cache import RecordCache

T = TypeVar("T")
_SLACK_S: Final = 0.05
# The request itself ends at its first asker's deadline, and says better why.


class Positions(Sequence[Position]):
    """Positions of a page's records, worked out when they are looked at."""

    def __init__(self, given: Sequence[T], position_of_one: Callable[[T], Position]) -> None:
        self._given: Sequence[Any] = given
        self._position: Callable[[Any], Position] = position_of_one

    @override
    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, at: int) -> Position: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Position]: ...
    @override
    def __getitem__(self, at: int | slice) -> Position | Sequence[Position]:
        if isinstance(at, slice):
            return Positions(self._given[at], self._position)
        return self._position(self._given[at])


class SystemPage(msgspec.Struct, frozen=True):
    """One system's page.

    Attributes:
        keys: The key that each record is kept under.
        positions: The position of each record.
        records: The records, alike in length and order; none yet where the page comes from the
            cache.
        more: Whether further records follow.
        total: All that satisfy the criteria, if it was asked for and told.
        left_out: What kept single records from being read.
        fetched_at: Epoch seconds when it was read from its system.
    """

    keys: Sequence[str]
    positions: Sequence[Position]
    records: Sequence[Record]
    more: bool
    total: int | None
    left_out: tuple[SupplygraphError, ...]
    fetched_at: float = 0.0


class KnownPage(msgspec.Struct, frozen=True):
    """A page from the cache, and its age in seconds."""

    page: SystemPage
    age_s: float


class _Wire(msgspec.Struct, frozen=True, array_like=True):
    keys: list[str]
    positions: list[list[tuple[str, str]]]
    more: bool
    total: int | None


PAGES: Final[Kind[SystemPage]] = Kind(
    _Wire,
    taken=lambda p: (
        "",
        _Wire(list(p.keys), [encode_position(x) for x in p.positions], p.more, p.total),
    ),
    made=lambda at, _, w: SystemPage(
        w.keys, Positions(w.positions, decode_position), (), w.more, w.total, (), at
    ),
    weight=lambda page: 600 * len(page.keys),
)
"""How the cache keeps pages."""


class _Reading(Flight[SystemPage]):
    """A page that is being read, and what has changed since."""

    def __init__(self) -> None:
        super().__init__()
        self.watch: Watch | None = None

    @property
    def outdated(self) -> bool:
        """Whether what it brings may be older than who asks now: something has changed."""
        return self.watch is not None and (self.watch.everything or bool(self.watch.keys))


class ListShelf:
    """Keeps the pages of lists, and shares requests for the same page that are under way."""

    def __init__(
        self, cache: RecordCache, clock: Callable[[], float], questions: Questions
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._questions = questions
        self._flights: dict[tuple[str, frozenset[str]], _Reading] = {}

    async def find(self, supply: Supply, query: ListQuery) -> KnownPage | None:
        """The page as the cache has it, however old."""
        page: SystemPage | None
        [page] = await self._cache.get_many([_slot(supply, query)], PAGES)
        if page is None or (query.count and page.total is None):
            return None
        return KnownPage(page, self._clock() - page.fetched_at)

    async def ask(
        self,
        supply: Supply,
        query: ListQuery,
        context: ReadContext,
        freshness: Freshness,
        keyed: KeyedReader,
    ) -> SystemPage:
        """Ask the system, with whoever is asking it the same already; keep page and records.

        Raises:
            SupplygraphError: as `canonical.ports.Source.page`.
        """
        key = (_slot(supply, query), query.columns)
        flight = self._flights.get(key)
        if flight is None or flight.outdated:
            flight = self._flights[key] = _Reading()
            ask = msgspec.structs.replace(context.ask, meter=flight.meters)
            work = self._fetch(supply, query, ask, freshness, keyed, flight)
            flight.start(work, self._landing(key, flight))
        flight.meters.join(context.ask.meter)
        try:
            page = await flight.result(context.ask.deadline + _SLACK_S)
        except TimeoutError as exc:
            message = "no answer within the time of the operation"
            raise UnavailableError(supply.system, Reason.TIMEOUT, message) from exc
        context.journal.read(supply.system, rows=len(page.records))
        return page

    def _landing(self, key: tuple[str, frozenset[str]], flight: "_Reading") -> Callable[[], None]:
        def landed() -> None:
            if self._flights.get(key) is flight:  # a later one may have taken its place
                del self._flights[key]

        return landed

    def rests(
        self,
        supply: Supply,
        query: ListQuery,
        page: SystemPage,
        freshness: Freshness,
        context: ReadContext,
        age_s: float = 0.0,
    ) -> None:
        """Write down that an answer is made of a page and its records, so old."""
        entity, at = supply.source.entity, self._clock() - age_s
        column = lookup_column(entity)
        if not freshness.kept:
            context.journal.rests_on((), good_until=0, oldest_at=at)
            return
        start = prefix(supply.system, entity, column, "")
        slots = [start + key for key in page.keys]
        context.journal.rests_on(
            [_slot(supply, query), *slots], good_until=at + freshness.fresh_s, oldest_at=at
        )
        if page.left_out:
            context.journal.incomplete()

    async def _fetch(
        self,
        supply: Supply,
        query: ListQuery,
        ask: Ask,
        freshness: Freshness,
        keyed: KeyedReader,
        flight: "_Reading",
    ) -> SystemPage:
        if freshness.kept:
            await self._questions.announce(_announced(supply, query))
        with self._cache.watch() as watch:
            flight.watch = watch
            async with until_deadline(ask, supply.system):
                page = await supply.source.page(query, ask)
        entity, records = supply.source.entity, page.records
        made = SystemPage(
            [_key(r, lookup_column(entity)) for r in records],
            Positions(records, lambda r: position_of(r, query.order)),
            records,
            page.more,
            page.total,
            tuple(page.failures.values()),
            self._clock(),
        )
        slot = _slot(supply, query)
        if not freshness.kept:
            return made
        if not made.left_out and slot not in watch.keys:
            await self._keep(slot, made, freshness)
        start = prefix(supply.system, entity, lookup_column(entity), "")
        kept = [r for r, k in zip(records, made.keys, strict=True) if start + k not in watch.keys]
        await keyed.keep(supply, kept, query.columns, lookup_column(entity))
        return made

    async def _keep(self, slot: str, page: SystemPage, freshness: Freshness) -> None:
        """Keep a page, and tell where it contradicts one that is still fresh."""
        before: SystemPage | None
        [before] = await self._cache.get_many([slot], PAGES)
        places = msgspec.structs.replace(page, positions=list(page.positions), records=())
        await self._cache.put_many([(slot, places, freshness.lifetime_s)], PAGES)
        if before is None or page.fetched_at - before.fetched_at > freshness.fresh_s:
            return
        was = (list(before.keys), list(before.positions), before.more)
        if was != (list(places.keys), places.positions, places.more):
            await self._cache.changed([slot])


def lookup_column(entity: EntityName) -> str:
    """The column that a list's records are kept under: a natural key of one column, or KEY."""
    natural = ENTITIES[entity].natural
    return natural[0] if len(natural) == 1 else KEY


def _key(record: Record, column: str) -> str:
    key: str = record.provenance.key if column == KEY else getattr(record, column)
    return key


def _announced(supply: Supply, query: ListQuery) -> Question:
    slot, entity = _slot(supply, query), supply.source.entity
    return question_of(supply.system, entity, LIST, slot, query.criteria, query.order)


def _slot(supply: Supply, query: ListQuery) -> str:
    name = digest(query.criteria, query.order, query.limit, query.after)
    return f"{supply.system}:{supply.source.entity.value}:list:{name}"
