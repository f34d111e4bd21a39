"""An honest source over records in memory, that counts what it is asked and can be told to fail."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from canonical.absent import ABSENT
from canonical.criteria import Criteria, compare, in_order, matches, position_of, values_at
from canonical.entities import ENTITIES, KEY, EntityName, columns_of
from canonical.errors import SupplygraphError
from canonical.ports import Ask, Batch, ListQuery, Page
from canonical.records import Provenance, Record


class FakeSource:
    """Keeps the promises of `canonical.ports.Source` over a list of whole records."""

    def __init__(
        self,
        system: str,
        entity: EntityName,
        records: Sequence[Record],
        *,
        columns: frozenset[str] | None = None,
        error: SupplygraphError | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.system = system
        self.entity = entity
        self.records = list(records)
        self.error = error
        self.delay_s = delay_s
        self.failures: Mapping[str, SupplygraphError] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.columns = columns or frozenset(columns_of(ENTITIES[entity].record))

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        self.asked.append(("by_keys", column, tuple(sorted(keys)), columns))
        await self._called(ask)
        wanted = set(keys)
        return Batch(
            [
                self._cut(r, columns)
                for r in self.records
                if wanted & set(_values(r, column)) and matches(r, criteria)
            ]
        )

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        self.asked.append(("page", query))
        await self._called(ask)
        known = [self._cut(r, self.columns) for r in self.records]
        rows = in_order([r for r in known if matches(r, query.criteria)], query.order)
        total = len(rows) if query.count else None
        if query.after is not None:
            rows = [
                r
                for r in rows
                if compare(position_of(r, query.order), query.after, query.order) > 0
            ]
        cut = [self._cut(r, query.columns) for r in rows[: query.limit]]
        return Page(cut, more=len(rows) > query.limit, total=total, failures=self.failures)

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """Rows are `{"key": ..., column: value}`."""
        self.asked.append(("read", tuple(r["key"] for r in rows), columns))
        await self._called(ask)
        record = ENTITIES[self.entity].record
        return Batch(
            [
                record(
                    provenance=Provenance(self.system, r["key"], datetime.now(UTC)),
                    **{c: v for c, v in r.items() if c in columns},
                )
                for r in rows
            ]
        )

    async def _called(self, ask: Ask) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        ask.meter.called(self.system, milliseconds=0.1, rows=0, failed=self.error is not None)
        if self.error is not None:
            raise self.error

    def _cut(self, record: Record, columns: frozenset[str]) -> Record:
        kept = {c.split(".")[0] for c in columns & self.columns}
        names = set(record.__struct_fields__) - kept - {"provenance"}
        return structs.replace(record, **dict.fromkeys(names, ABSENT))


def _values(record: Record, column: str) -> list[Any]:
    return [record.provenance.key] if column == KEY else values_at(record, column)
