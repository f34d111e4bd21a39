"""How one system's pages stand in the cache: keys with their positions, never records."""

import asyncio
from collections.abc import Callable, Sequence
from operator import attrgetter

import msgspec

from canonical.criteria import Sort, positions_of
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import SupplygraphError
from canonical.ports import ListQuery
from canonical.records import Record
from loaders.catalog import Freshness, Supply
from loaders.context import ReadContext, until_deadline
from loaders.cursors import Position, decode_position, encode_position
from loaders.keyed import KeyedReader
from loaders.shelf import digest, slot
from runtime.cache.entries import Entry
from runtime.cache.record_cache import RecordCache

Place = tuple[str, Position]
"""The key that a record is kept under, and its position in the list."""


class SystemPage(msgspec.Struct, frozen=True):
    """One system's page.

    Attributes:
        places: Key and position of each record.
        records: The records, alike in length and order; none yet where the page comes from the
            cache.
        more: Whether further records follow.
        total: All that satisfy the criteria, if it was asked for and told.
        left_out: What kept single records from being read.
    """

    places: tuple[Place, ...]
    records: tuple[Record, ...]
    more: bool
    total: int | None
    left_out: tuple[SupplygraphError, ...]


class KnownPage(msgspec.Struct, frozen=True):
    """A page from the cache, and its age in seconds."""

    page: SystemPage
    age_s: float


class _Wire(msgspec.Struct, frozen=True, array_like=True):
    places: list[tuple[str, list[tuple[str, str]]]]
    more: bool
    total: int | None


class ListShelf:
    """Keeps the pages of lists, and shares requests for the same page that are under way."""

    def __init__(self, cache: RecordCache, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._clock = clock
        self._flights: dict[tuple[str, frozenset[str]], asyncio.Task[SystemPage]] = {}

    async def find(self, supply: Supply, query: ListQuery) -> KnownPage | None:
        """The page as the cache has it, however old."""
        [entry] = await self._cache.get_many([_slot(supply, query)])
        if entry is None:
            return None
        try:
            wire = msgspec.msgpack.decode(entry.payload, type=_Wire)
            places = tuple((key, decode_position(p)) for key, p in wire.places)
        except (msgspec.MsgspecError, ValueError):
            return None
        if query.count and wire.total is None:
            return None
        page = SystemPage(places, (), wire.more, wire.total, ())
        return KnownPage(page, self._clock() - entry.fetched_at)

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
        task = self._flights.get(key)
        if task is None:
            task = asyncio.ensure_future(self._fetch(supply, query, context, freshness, keyed))
            self._flights[key] = task
            task.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(task)

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
        if page.left_out:
            context.journal.incomplete()
        if not freshness.kept:
            context.journal.rests_on((), good_until=0.0, oldest_at=at)
            return
        column = lookup_column(entity)
        slots = [slot(supply.system, entity, column, "", key) for key, _ in page.places]
        context.journal.rests_on(
            [_slot(supply, query), *slots], good_until=at + freshness.fresh_s, oldest_at=at
        )

    async def _fetch(
        self,
        supply: Supply,
        query: ListQuery,
        context: ReadContext,
        freshness: Freshness,
        keyed: KeyedReader,
    ) -> SystemPage:
        async with until_deadline(context.ask, supply.system):
            page = await supply.source.page(query, context.ask)
        entity = supply.source.entity
        context.journal.read(supply.system, rows=len(page.records))
        places = places_of(entity, page.records, query.order)
        left_out = tuple(page.failures.values())
        found = SystemPage(places, tuple(page.records), page.more, page.total, left_out)
        if not freshness.kept:
            return found
        wire = _Wire([(k, encode_position(p)) for k, p in places], page.more, page.total)
        entry = Entry(self._clock(), (), msgspec.msgpack.encode(wire))
        lifetime = freshness.fresh_s + freshness.grace_s
        if not left_out:
            await self._cache.put_many([(_slot(supply, query), entry, lifetime)])
        await keyed.keep(supply, page.records, query.columns, lookup_column(entity))
        return found


def lookup_column(entity: EntityName) -> str:
    """The column that a list's records are kept under: a natural key of one column, or KEY."""
    natural = ENTITIES[entity].natural
    return natural[0] if len(natural) == 1 else KEY


def places_of(
    entity: EntityName, records: Sequence[Record], order: Sequence[Sort]
) -> tuple[Place, ...]:
    """The keys that records are kept under, and their positions in a list."""
    column = lookup_column(entity)
    read = attrgetter("provenance.key" if column == KEY else column)
    return tuple(zip(map(read, records), positions_of(records, order), strict=True))


def _slot(supply: Supply, query: ListQuery) -> str:
    name = digest(query.criteria, query.order, query.limit, query.after)
    return f"{supply.system}:{supply.source.entity.value}:list:{name}"
