"""Identity across systems: a source speaks canonical keys, whatever its system calls things."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from canonical.absent import is_absent
from canonical.criteria import Condition, Criteria, Op, matches, position_of
from canonical.entities import ENTITIES
from canonical.errors import SupplygraphError, UnsupportedError
from canonical.ports import Ask, Batch, Changes, ListQuery, Page, Source
from canonical.records import Record
from loaders.crosswalks import Crosswalk, Crosswalks
from loaders.wrapping import WrappedSource

_MAX_PAGES: Final = 40


class IdentifiedSource(WrappedSource):
    """A source whose references are translated by crosswalks on the way in and out."""

    def __init__(self, source: Source, crosswalks: Crosswalks) -> None:
        super().__init__(source)
        references = ENTITIES[source.entity].references
        self._walks: dict[str, Crosswalk] = {
            column: crosswalks[entity]
            for column, entity in references.items()
            if entity in crosswalks and not crosswalks[entity].trivial
        }

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        """As `canonical.ports.Source.by_keys`, in canonical keys."""
        if not self._walks:
            return await self._source.by_keys(column, keys, columns, ask, criteria)
        inner, checked_here = self._translated(criteria)
        if inner is None:
            return Batch([])
        walk = self._walks.get(column)
        if walk is None:
            batch = await self._source.by_keys(column, keys, columns, ask, inner)
        else:
            local = {k: walk.to_local(k) for k in keys}
            wanted = [k for k in local.values() if k is not None]
            batch = await self._source.by_keys(column, wanted, columns, ask, inner)
        records = [r for r in map(self.identified, batch.records) if matches(r, checked_here)]
        failures = _renamed(batch.failures, walk.to_canonical if walk else None)
        return Batch(records, failures)

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        """As `canonical.ports.Source.page`, in canonical keys.

        Conditions on a translated key other than equality are checked here, page by page.
        """
        if not self._walks:
            return await self._source.page(query, ask)
        inner, checked_here = self._translated(query.criteria)
        if inner is None:
            return Page([], more=False, total=0 if query.count else None)
        after = self._local_position(query)
        if not checked_here:
            page = await self._source.page(replace(query, criteria=inner, after=after), ask)
            return replace(page, records=[self.identified(r) for r in page.records])
        return await self._sifted(replace(query, criteria=inner, after=after), checked_here, ask)

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """As `canonical.ports.Source.read`, in canonical keys."""
        batch = await self._source.read(rows, columns, ask)
        return Batch([self.identified(r) for r in batch.records], batch.failures)

    async def changes(
        self, link: str | None, columns: frozenset[str], limit: int, ask: Ask
    ) -> Changes:
        """As `canonical.ports.TrackedSource.changes`, in canonical keys."""
        found = await self._changes(link, columns, limit, ask)
        return replace(found, records=[self.identified(r) for r in found.records])

    async def _sifted(self, query: ListQuery, checked_here: Criteria, ask: Ask) -> Page:
        kept: list[Record] = []
        columns = query.columns | {c.column for c in checked_here}
        query = replace(query, columns=columns, count=False)
        for _ in range(_MAX_PAGES):
            page = await self._source.page(query, ask)
            found = [self.identified(r) for r in page.records]
            kept += [r for r in found if matches(r, checked_here)]
            if len(kept) > query.limit or not page.more:
                more = page.more or len(kept) > query.limit
                return Page(kept[: query.limit], more=more)
            query = replace(query, after=position_of(page.records[-1], query.order))
        names = ", ".join(sorted({c.column for c in checked_here}))
        raise UnsupportedError(
            f"{self.system}: {names} goes through a crosswalk there and can only be searched by "
            f"exact values in lists this long; use `eq` or `in`, or add another filter"
        )

    def _translated(self, criteria: Criteria) -> tuple[Criteria | None, Criteria]:
        """The criteria in the system's keys (None: nothing can match), and what is checked here."""
        inner: list[Condition] = []
        here: list[Condition] = []
        for condition in criteria:
            walk = self._walks.get(condition.column)
            if walk is None or condition.op is Op.IS_NULL:
                inner.append(condition)
            elif condition.op is Op.IN:
                local = [walk.to_local(k) for k in condition.value]
                values = tuple(k for k in local if k is not None)
                if not values:
                    return None, ()
                inner.append(replace(condition, value=values))
            else:
                here.append(condition)
        return tuple(inner), tuple(here)

    def _local_position(self, query: ListQuery) -> tuple[Any, ...] | None:
        if query.after is None:
            return None
        local: list[Any] = []
        for i, value in enumerate(query.after):
            column = query.order[i].column if i < len(query.order) else ""
            walk = self._walks.get(column)
            local.append(value if walk is None or value is None else walk.to_local(value))
        return tuple(local)

    def identified(self, record: Record) -> Record:
        """A record of the system's own keys, in canonical ones."""
        for column, walk in self._walks.items():
            record = _changed(record, column.split("."), walk.to_canonical)
        return record


def _changed(record: Any, path: Sequence[str], change: Callable[[str], str]) -> Any:
    name, *rest = path
    value = getattr(record, name)
    if value is None or is_absent(value):
        return record
    if rest:
        changed: Any = tuple(_changed(part, rest, change) for part in value)
    else:
        changed = change(value)
    return replace(record, **{name: changed})


def _renamed(
    failures: Mapping[str, SupplygraphError], rename: Callable[[str], str] | None
) -> Mapping[str, SupplygraphError]:
    if rename is None:
        return failures
    return {rename(key): error for key, error in failures.items()}
