"""What processes read, through the loaders: nobody's view, all systems, in the background."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog
from msgspec import Struct

from app.declared_units import with_declared_units
from canonical.completeness import State
from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.items import Item
from canonical.ports import Ask, Batch
from canonical.records import Record
from loaders.context import ReadContext
from loaders.journal import Journal
from loaders.keyed import KeyedReader, KeyQuestion
from loaders.lists import Listed, ListQuestion, ListReader
from resolvers.context import DeclaredUnits

_PAGE: Final = 1_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ReadTerms(Struct, frozen=True):
    """On which terms processes read.

    Attributes:
        deadline_s: How long one question may take.
        units: Conversions that the manifest declares.
    """

    deadline_s: float = 60.0
    units: DeclaredUnits = {}


class LoadedRecords:
    """Reads records for processes.

    Args:
        keyed: Reads records by key.
        lists: Reads lists.
        terms: On which terms.
    """

    def __init__(self, keyed: KeyedReader, lists: ListReader, terms: ReadTerms) -> None:
        self._keyed = keyed
        self._lists = lists
        self._terms = terms

    async def by_keys(  # noqa: PLR0913  # as the port has it
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
        fresh: bool = False,
    ) -> Batch:
        """As `canonical.reading.Records.by_keys`."""
        question = KeyQuestion(entity, column, columns, criteria)
        context = self._context(correlation_id, fresh=fresh)
        found = await self._keyed.read(question, keys, context)
        records = [record for each in found.values() for record in each.records]
        failures = {key: each.problems[0] for key, each in found.items() if each.problems}
        return Batch(self._known(records), failures)

    async def all(
        self,
        entity: EntityName,
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
    ) -> AsyncIterator[Sequence[Record]]:
        """As `canonical.reading.Records.all`. Single records that nobody can read are left out."""
        after: str | None = None
        while True:
            question = ListQuestion(entity, columns, _PAGE, criteria, after=after)
            page = await self._lists.read(question, self._context(correlation_id))
            _refuse_gaps(page, entity)
            if page.records:
                yield self._known(page.records)
            if not page.more:
                return
            after = page.cursors[-1]

    def _context(self, correlation_id: str, *, fresh: bool = False) -> ReadContext:
        journal = Journal()
        deadline = asyncio.get_running_loop().time() + self._terms.deadline_s
        ask = Ask(deadline, correlation_id, journal, interactive=False)
        return ReadContext(ask, journal, 0.0 if fresh else None)

    def _known(self, records: Sequence[Record]) -> Sequence[Record]:
        """Records whose items know the conversions of the manifest."""
        if not self._terms.units:
            return records
        units = self._terms.units
        return [with_declared_units(r, units) if isinstance(r, Item) else r for r in records]


def _refuse_gaps(page: Listed, entity: EntityName) -> None:
    """What a whole system has cannot be passed over; single records that nobody can read are."""
    for part in page.contributions:
        if part.state is State.MISSING:
            raise part.problem or AssertionError
        for problem in part.left_out:
            _log.warning(
                "a record cannot be read and is passed over",
                system=part.system,
                entity=entity.value,
                error=problem.message,
            )
