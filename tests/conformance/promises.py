"""What every source promises, whatever system is behind it: tried on the records that it has."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from canonical.criteria import (
    Condition,
    Criteria,
    Op,
    Range,
    Sort,
    in_order,
    matches,
    position_of,
    values_at,
)
from canonical.entities import ENTITIES, KEY
from canonical.ports import Ask, ListQuery, Page, Source
from canonical.records import Record

ALL = 20_000
_PAGES = 12
_KEYS = 40


class Promises:
    """One source, with everything that it has.

    Args:
        source: The source.
        records: All its records, knowing all its columns, in the order of their keys.
        ask: What travels with requests.
    """

    def __init__(self, source: Source, records: Sequence[Record], ask: Ask) -> None:
        self.source = source
        self.records = list(records)
        self.ask = ask

    @classmethod
    async def of(cls, source: Source, ask: Ask) -> "Promises":
        """Read everything that a source has."""
        page = await source.page(ListQuery((), (), ALL, source.columns), ask)
        assert page.failures == {}
        assert not page.more
        return cls(source, page.records, ask)

    async def provenance_is_told(self) -> None:
        """Records know their system, key and age; a key is there once."""
        keys = [r.provenance.key for r in self.records]
        assert len(keys) == len(set(keys))
        for record in self.records:
            assert record.provenance.system == self.source.system
            assert record.provenance.fetched_at.tzinfo is not None
            assert not record.provenance.stale

    async def pages_follow_each_other(self) -> None:
        """Pages in no particular order are the whole list, cut in pieces."""
        whole = [r.provenance.key for r in self.records]
        size = max(1, len(whole) // _PAGES + 1)
        assert await self._paged((), (), size) == whole

    async def order_holds(self, sort: Sort) -> None:
        """Pages sorted by a column hold every record once, in order."""
        size = max(2, len(self.records) // _PAGES + 1)
        found = await self._paged((), (sort,), size)
        by_key = {r.provenance.key: r for r in self.records}
        assert sorted(found) == sorted(by_key)
        values = [getattr(by_key[k], sort.column) for k in found]
        known = [v for v in values if v is not None]
        assert values == [*known, *[None] * (len(values) - len(known))], "nulls come last"
        if known and not isinstance(known[0], str):  # of its texts a system has its own order
            assert found == [r.provenance.key for r in in_order(self.records, (sort,))]

    async def criteria_hold(self, criteria: Criteria) -> None:
        """A filtered list holds just the records that satisfy the criteria."""
        columns = frozenset(c.column.split(".")[0] for c in criteria)
        page = await self._page(criteria, (), ALL, None, columns)
        wanted = [r.provenance.key for r in self.records if matches(r, criteria)]
        assert sorted(r.provenance.key for r in page.records) == sorted(wanted)

    async def keys_are_found(self, column: str) -> None:
        """Records by many keys, in one batch, with keys that nothing has and some twice."""
        known = sorted({str(k) for r in self.records for k in _keys(r, column)})[:_KEYS]
        asked = [*known, *known[:2], "no such key"]
        batch = await self.source.by_keys(column, asked, frozenset(self._columns()), self.ask)
        assert batch.failures == {}
        wanted = [
            r.provenance.key for r in self.records if {str(k) for k in _keys(r, column)} & {*known}
        ]
        assert sorted(r.provenance.key for r in batch.records) == sorted(wanted)

    async def keys_obey_criteria(self) -> None:
        """Records by keys satisfy further criteria, too."""
        keys = [r.provenance.key for r in self.records][:_KEYS]
        for condition in list(self.conditions())[:4]:
            batch = await self.source.by_keys(
                KEY, keys, frozenset(self._columns()), self.ask, (condition,)
            )
            wanted = [k for k in keys if matches(self._by_key(k), (condition,))]
            assert sorted(r.provenance.key for r in batch.records) == sorted(wanted)

    def conditions(self) -> Iterator[Condition]:
        """Conditions on every column, made of values that some record has."""
        for column in sorted(self.source.columns):
            found = {v for r in self.records for v in _values(r, column)} - {None}
            values = sorted(found, key=str)
            if not values or not isinstance(values[0], str | date | Decimal):
                continue
            some = values[len(values) // 2]
            if isinstance(some, str):
                yield Condition(column, Op.IN, (values[0], some))
            if isinstance(some, str) and some and not isinstance(some, Enum):
                yield Condition(column, Op.STARTS_WITH, some[:2])
                yield Condition(column, Op.CONTAINS, some[1:3] or some)
            if isinstance(some, date | Decimal):
                low, high = sorted((values[0], some))
                yield Condition(column, Op.RANGE, Range(low, high))
                yield Condition(column, Op.RANGE, Range(gte=some))

    def lookups(self) -> list[str]:
        """Columns that the source may be asked by, its own key first."""
        wanted = ENTITIES[self.source.entity].lookups
        return [KEY, *(c for c in wanted if c != KEY and c in self.source.columns)]

    def _by_key(self, key: str) -> Record:
        return next(r for r in self.records if r.provenance.key == key)

    def _columns(self) -> Iterator[str]:
        """A column that is cheap to ask for."""
        yield min(c for c in self.source.columns if "." not in c)

    async def _paged(self, criteria: Criteria, order: tuple[Sort, ...], size: int) -> list[str]:
        found: list[str] = []
        after: tuple[Any, ...] | None = None
        while True:
            columns = frozenset([*self._columns(), *(s.column for s in order)])
            page = await self._page(criteria, order, size, after, columns)
            found += [r.provenance.key for r in page.records]
            if not page.more:
                return found
            assert len(page.records) == size
            after = position_of(page.records[-1], order)

    async def _page(
        self,
        criteria: Criteria,
        order: tuple[Sort, ...],
        limit: int,
        after: tuple[Any, ...] | None,
        columns: frozenset[str],
    ) -> Page:
        page = await self.source.page(ListQuery(criteria, order, limit, columns, after), self.ask)
        assert page.failures == {}
        return page


def _keys(record: Record, column: str) -> list[Any]:
    return [record.provenance.key] if column == KEY else _values(record, column)


def _values(record: Record, column: str) -> list[Any]:
    """Values of a column; none where one of the structures above it is missing."""
    try:
        return values_at(record, column)
    except AttributeError:
        return []
