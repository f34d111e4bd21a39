"""Recommendations of our own as a source, beside those of planning systems."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.criteria import Criteria
from canonical.entities import KEY, EntityName, columns_of
from canonical.errors import UnsupportedError
from canonical.ports import Ask, Batch, ListQuery, Page
from canonical.recommendations import OWN_SYSTEM, ReplenishmentRecommendation
from runtime.replenishment.rows import RECORD_COLUMNS, record_of
from runtime.replenishment.selecting import Selecting
from runtime.store.process_tables import RECOMMENDATIONS
from runtime.store.questions import among, many
from runtime.store.store import Store

_COLUMNS: Final = frozenset(columns_of(ReplenishmentRecommendation))
_SHORTEST_S: Final = 0.001
_LONGEST_S: Final = 10.0
_ALL: Final = sa.select(*RECORD_COLUMNS)


class RecommendationSource:
    """Keeps the promises of `canonical.ports.Source` over the store.

    Args:
        store: Where they are.
        now: The time.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._selecting = Selecting(store.dialect)

    @property
    def system(self) -> str:
        """What provenance calls it."""
        return OWN_SYSTEM

    @property
    def entity(self) -> EntityName:
        """What it supplies."""
        return EntityName.RECOMMENDATION

    @property
    def columns(self) -> frozenset[str]:
        """All columns."""
        return _COLUMNS

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        """As `canonical.ports.Source.by_keys`; all keys in one statement."""
        del columns  # a row is not worth cutting
        if column != KEY:
            raise UnsupportedError(f"{self.system}: recommendations are not looked up by {column}")
        dialect = self._store.dialect
        query = _ALL.where(
            among(RECOMMENDATIONS.c.id, "ids", dialect), *self._selecting.where(criteria)
        )
        query = query.params(ids=many(dict.fromkeys(keys), dialect))
        [rows] = await self._rows(ask, query)
        return Batch(self._records(rows))

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        """As `canonical.ports.Source.page`; the total in the same reading."""
        where = self._selecting.where(query.criteria)
        wanted = _ALL.where(*where).order_by(*self._selecting.order(query.order))
        if query.after is not None:
            wanted = wanted.where(self._selecting.after(query.order, query.after))
        asked: list[sa.Select[Any]] = [wanted.limit(query.limit + 1)]
        if query.count:
            asked.append(sa.select(sa.func.count()).select_from(RECOMMENDATIONS).where(*where))
        rows, *counted = await self._rows(ask, *asked)
        total = counted[0][0][0] if counted else None
        records = self._records(rows[: query.limit])
        return Page(records, more=len(rows) > query.limit, total=total)

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """Nothing: nobody sends rows of ours."""
        del rows, columns, ask
        return Batch(())

    def _records(self, rows: Sequence[Any]) -> list[ReplenishmentRecommendation]:
        now = self._now()
        return [record_of(row, now) for row in rows]

    async def _rows(self, ask: Ask, *queries: sa.Select[Any]) -> list[Sequence[Any]]:
        """What some questions find; each is counted as a request to a system is."""
        began = self._now()

        async def read(connection: AsyncConnection) -> list[Sequence[Any]]:
            return [(await connection.execute(query)).all() for query in queries]

        left_s = ask.deadline - asyncio.get_running_loop().time()
        found = await self._store.read(read, deadline_s=max(_SHORTEST_S, min(left_s, _LONGEST_S)))
        took = (self._now() - began).total_seconds() * 1_000
        ask.meter.called(self.system, milliseconds=took, rows=len(found[0]))
        return found
