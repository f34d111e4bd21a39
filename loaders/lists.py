"""Lists: one page across all systems of record, in order, saying how complete it is.

Each system gives its own page; the pages are merged by the sort columns, and every cursor holds
each system's position. What a system's page consisted of is kept in the cache as keys with their
sort values; the records themselves stand under their keys, so that a record which is dropped or
refreshed is right in every list.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key
from typing import Any, Final

from msgspec import Struct

from canonical.completeness import State
from canonical.criteria import Criteria, Sort, columns_of, compare, matches
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import SupplygraphError, UnavailableError, UnsupportedError
from canonical.ports import ListQuery
from canonical.records import Record
from loaders.catalog import Catalog, Supply
from loaders.context import ReadContext, within
from loaders.cursors import Cursors, Position, decode_cursor
from loaders.keyed import KeyedReader, KeyQuestion
from loaders.list_shelf import KnownPage, ListShelf, Positions, SystemPage, lookup_column
from loaders.shelf import digest
from runtime.cache.record_cache import RecordCache

_MAX_ROUNDS: Final = 20
_NOTHING: Final = SystemPage((), (), (), more=False, total=None, left_out=())


class Contribution(Struct, frozen=True):
    """What one system gave to a list.

    Attributes:
        system: The system.
        state: How.
        problem: Why it is stale or missing.
        left_out: Why single records of it could not be read.
    """

    system: str
    state: State
    problem: SupplygraphError | None = None
    left_out: tuple[SupplygraphError, ...] = ()


class ListQuestion(Struct, frozen=True):
    """A page of a list.

    Attributes:
        entity: What is listed.
        columns: Columns that the records must know.
        criteria: What they must satisfy.
        order: In which order; by key where it says nothing.
        first: Most records wanted.
        after: Cursor of the last record seen.
        total: Whether the total is wanted.
        systems: The only systems to ask, where not all may be seen.
    """

    entity: EntityName
    columns: frozenset[str]
    first: int
    criteria: Criteria = ()
    order: tuple[Sort, ...] = ()
    after: str | None = None
    total: bool = False
    systems: frozenset[str] | None = None


class Listed(Struct, frozen=True):
    """A page of a list.

    Attributes:
        records: The records, in order.
        cursors: One for each record; written when it is looked at.
        more: Whether further records follow.
        total: All that satisfy the criteria, where every system told.
        contributions: How each system contributed.
        started: Whether the page starts after a cursor.
    """

    records: Sequence[Record]
    cursors: Sequence[str]
    more: bool
    total: int | None
    contributions: Sequence[Contribution]
    started: bool


class _Part(Struct, frozen=True):
    supply: Supply
    page: SystemPage
    contribution: Contribution


class _Row(Struct, frozen=True):
    rank: int
    position: Position
    record: Record
    shown: bool = True


class ListReader:
    """Reads lists for all operations of this process."""

    def __init__(
        self,
        catalog: Catalog,
        keyed: KeyedReader,
        cache: RecordCache,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._keyed = keyed
        self._shelf = ListShelf(cache, clock, keyed.questions)

    async def read(self, question: ListQuestion, context: ReadContext) -> Listed:
        """Read one page.

        Raises:
            InvalidInputError: if the cursor is not one of this list.
            UnsupportedError: if a system can neither filter nor sort so, nor can it be done here.
            UnavailableError: if no system at all could be asked.
        """
        name = digest(question.criteria, question.order, question.entity.value)
        positions: Mapping[str, Position] = {}
        if question.after is not None:
            cursor = decode_cursor(question.after, name, question.entity, question.order)
            positions = cursor.positions
        supplies = [
            s
            for s in self._catalog.within(context.territory).supplies(question.entity)
            if question.systems is None or s.system in question.systems
        ]
        for _ in range(_MAX_ROUNDS):
            listed, positions = await self._round(question, name, supplies, positions, context)
            if listed.records or not listed.more:
                return listed
        raise UnsupportedError(
            f"{question.entity.value}: the systems have too many records in common to find the "
            f"next page; add a filter"
        )

    async def _round(
        self,
        question: ListQuestion,
        name: str,
        supplies: Sequence[Supply],
        positions: Mapping[str, Position],
        context: ReadContext,
    ) -> tuple[Listed, Mapping[str, Position]]:
        """One page from every system, merged; and where each stands after it."""
        terms = context.among(len(supplies))
        if len(supplies) == 1:
            [supply] = supplies
            parts = [await self._part(question, supply, positions.get(supply.system), terms)]
        else:
            parts = await asyncio.gather(
                *(self._part(question, s, positions.get(s.system), terms) for s in supplies)
            )
        if parts and all(p.contribution.state is State.MISSING for p in parts):
            raise parts[0].contribution.problem or AssertionError
        if len(parts) == 1:
            return _only(question, name, parts[0], positions)
        rows = self._in_order(question, parts)
        if ENTITIES[question.entity].natural and len(supplies) > 1:
            rows = await self._owned(question, supplies, rows, context)
        return self._listed(question, name, parts, rows, positions)

    async def _part(
        self, question: ListQuestion, supply: Supply, after: Position | None, context: ReadContext
    ) -> _Part:
        query = _query(question, supply, after)
        freshness = self._catalog.freshness(question.entity)
        known = await self._shelf.find(supply, query) if freshness.kept else None
        limit = context.max_staleness_s
        if known is not None and limit is not None and known.age_s > limit:
            known = None
        if known is not None and known.age_s <= freshness.fresh_s:
            return await self._from_cache(question, supply, query, known, context)
        try:
            async with within(freshness.patience_s if known else None, supply.system):
                page = await self._shelf.ask(supply, query, context, freshness, self._keyed)
        except UnsupportedError:
            raise
        except SupplygraphError as exc:
            if known is not None and isinstance(exc, UnavailableError):
                return await self._from_cache(question, supply, query, known, context, exc)
            context.journal.incomplete()
            return _Part(supply, _NOTHING, Contribution(supply.system, State.MISSING, exc))
        self._shelf.rests(supply, query, page, freshness, context)
        contribution = Contribution(supply.system, State.LIVE, left_out=page.left_out)
        return _Part(supply, page, contribution)

    async def _from_cache(
        self,
        question: ListQuestion,
        supply: Supply,
        query: ListQuery,
        known: KnownPage,
        context: ReadContext,
        why: UnavailableError | None = None,
    ) -> _Part:
        """A page that the cache has, stale if its system could not be asked for a fresh one."""
        page = await self._refilled(question, supply, query, known.page, context)
        context.journal.cached(
            supply.system, keys=1, stale=0 if why is None else 1, oldest_s=known.age_s
        )
        freshness = self._catalog.freshness(question.entity)
        self._shelf.rests(supply, query, known.page, freshness, context, known.age_s)
        if why is not None:
            context.journal.incomplete()
        state = State.CACHED if why is None else State.STALE
        return _Part(supply, page, Contribution(supply.system, state, why, page.left_out))

    async def _refilled(
        self,
        question: ListQuestion,
        supply: Supply,
        query: ListQuery,
        page: SystemPage,
        context: ReadContext,
    ) -> SystemPage:
        """A page from the cache with its records, which are read where the cache has them not."""
        column, criteria = lookup_column(question.entity), question.criteria
        asked = KeyQuestion(question.entity, column, query.columns, system=supply.system)
        found = await self._keyed.read(asked, page.keys, context)
        records: list[Record] = []
        rows: list[int] = []
        left_out: list[SupplygraphError] = []
        for row, key in enumerate(page.keys):
            at_key = found[key]
            left_out.extend(at_key.problems)
            for record in at_key.records:
                if not criteria or matches(record, criteria):
                    records.append(record)
                    rows.append(row)
        told = tuple(dict.fromkeys(left_out))
        keys, positions = [page.keys[row] for row in rows], page.positions
        placed = Positions(rows, positions.__getitem__)
        return SystemPage(keys, placed, records, page.more, page.total, told, page.fetched_at)

    def _in_order(self, question: ListQuestion, parts: Sequence[_Part]) -> list[_Row]:
        """All rows, merged by the sort columns; each system's own stay in its order."""
        queues = [
            deque(
                _Row(rank, position, record)
                for position, record in zip(part.page.positions, part.page.records, strict=True)
            )
            for rank, part in enumerate(parts)
        ]
        width = len(question.order)

        def heads_in_order(a: deque[_Row], b: deque[_Row]) -> int:
            one, other = a[0], b[0]
            by_value = compare(one.position[:width], other.position[:width], question.order)
            return by_value or one.rank - other.rank

        merged: list[_Row] = []
        while waiting := [q for q in queues if q]:
            merged.append(min(waiting, key=cmp_to_key(heads_in_order)).popleft())
        return merged

    async def _owned(
        self,
        question: ListQuestion,
        supplies: Sequence[Supply],
        rows: list[_Row],
        context: ReadContext,
    ) -> list[_Row]:
        """Rows as all systems together know them, each only where the leading system has it."""
        column = lookup_column(question.entity)
        if column == KEY:
            return rows
        asked = KeyQuestion(question.entity, column, question.columns)
        keys = [getattr(r.record, column) for r in rows]
        found = await self._keyed.read(asked, keys, context)
        owned: list[_Row] = []
        for row, key in zip(rows, keys, strict=True):
            at_key = found[key].records
            leading = next(iter(at_key), row.record)
            shown = leading.provenance.system == supplies[row.rank].system
            owned.append(_Row(row.rank, row.position, leading, shown))
        return owned

    def _listed(
        self,
        question: ListQuestion,
        name: str,
        parts: Sequence[_Part],
        rows: Sequence[_Row],
        positions: Mapping[str, Position],
    ) -> tuple[Listed, Mapping[str, Position]]:
        """Cut the merged rows at the page's size, and where a system with more to give ends."""
        open_ends = {rank for rank, part in enumerate(parts) if part.page.more}
        last_of = {row.rank: i for i, row in enumerate(rows)}
        safe = min((last_of[r] + 1 for r in open_ends if r in last_of), default=len(rows))
        seen: dict[str, Any] = dict(positions)
        shown: list[Record] = []
        stands: list[Mapping[str, Position]] = []
        passed = 0
        for row in rows[:safe]:
            if row.shown and len(shown) == question.first:
                break
            seen[parts[row.rank].supply.system] = row.position
            passed += 1
            if row.shown:
                shown.append(row.record)
                stands.append(dict(seen))
        if stands:
            stands[-1] = seen
        totals = [p.page.total for p in parts]
        known = [t for t in totals if t is not None]
        listed = Listed(
            shown,
            Cursors(name, len(stands), stands.__getitem__),
            more=passed < len(rows) or bool(open_ends),
            total=sum(known) if len(known) == len(totals) else None,
            contributions=[p.contribution for p in parts],
            started=question.after is not None,
        )
        return listed, seen


def _only(
    question: ListQuestion, name: str, part: _Part, before: Mapping[str, Position]
) -> tuple[Listed, Mapping[str, Position]]:
    """The page where a single system is asked: as it gave it, cut at the size asked for."""
    page, system = part.page, part.supply.system
    shown = page.records[: question.first]

    def stand(row: int) -> Mapping[str, Position]:
        return {**before, system: page.positions[row]}

    listed = Listed(
        shown,
        Cursors(name, len(shown), stand),
        more=page.more or len(shown) < len(page.records),
        total=page.total,
        contributions=[part.contribution],
        started=question.after is not None,
    )
    return listed, stand(len(shown) - 1) if shown else before


def _query(question: ListQuestion, supply: Supply, after: Position | None) -> ListQuery:
    needed = question.columns | columns_of(question.criteria, question.order)
    columns = (needed | _identity(question.entity)) & supply.columns
    return ListQuery(
        question.criteria, question.order, question.first, columns, after, question.total
    )


def _identity(entity: EntityName) -> frozenset[str]:
    return frozenset(ENTITIES[entity].natural)
