"""What a source's place says of its records: their region or company, where it does not say so.

A condition on such a column is decided without asking the system.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from typing_extensions import override

from canonical.criteria import Condition, Criteria, holds
from canonical.ports import Ask, Batch, Changes, ListQuery, Page, Source
from canonical.records import Record
from loaders.wrapping import WrappedSource


class PlacedSource(WrappedSource):
    """A source whose records have the same value in a column that it does not have itself.

    Args:
        source: The source.
        column: The column.
        value: What all its records have there.
    """

    def __init__(self, source: Source, column: str, value: str) -> None:
        super().__init__(source)
        self._column = column
        self._value = value

    @property
    @override
    def columns(self) -> frozenset[str]:
        """Canonical columns that the system has, and the one that its place tells."""
        return self._source.columns | {self._column}

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        """As `canonical.ports.Source.by_keys`."""
        if not self._may_hold(criteria):
            return Batch([])
        rest = self._others(criteria)
        batch = await self._source.by_keys(column, keys, columns - {self._column}, ask, rest)
        return Batch(self._placed(batch.records, columns), batch.failures)

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        """As `canonical.ports.Source.page`."""
        if not self._may_hold(query.criteria):
            return Page([], more=False, total=0 if query.count else None)
        inner = replace(
            query, criteria=self._others(query.criteria), columns=query.columns - {self._column}
        )
        page = await self._source.page(inner, ask)
        return replace(page, records=self._placed(page.records, query.columns))

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """As `canonical.ports.Source.read`."""
        batch = await self._source.read(rows, columns - {self._column}, ask)
        return Batch(self._placed(batch.records, columns), batch.failures)

    async def changes(
        self, link: str | None, columns: frozenset[str], limit: int, ask: Ask
    ) -> Changes:
        """As `canonical.ports.TrackedSource.changes`."""
        found = await self._changes(link, columns - {self._column}, limit, ask)
        return replace(found, records=self._placed(found.records, columns))

    def _placed(self, records: Sequence[Record], columns: frozenset[str]) -> Sequence[Record]:
        if self._column not in columns:
            return records
        known = {self._column: self._value}
        return [replace(r, **known) for r in records]

    def _may_hold(self, criteria: Criteria) -> bool:
        return all(holds(c, self._value) for c in criteria if self._is_placed(c))

    def _others(self, criteria: Criteria) -> Criteria:
        return tuple(c for c in criteria if not self._is_placed(c))

    def _is_placed(self, condition: Condition) -> bool:
        return condition.column == self._column
