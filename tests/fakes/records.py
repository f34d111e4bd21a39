"""Records in memory for processes: counts what is read, and fails where a test says so."""

from collections.abc import AsyncIterator, Sequence

from msgspec.structs import replace

from canonical.absent import ABSENT
from canonical.criteria import Criteria, matches, values_at
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import SupplygraphError
from canonical.ports import Batch
from canonical.records import Record

PAGE = 100


class FakeRecords:
    """Keeps the promises of `canonical.reading.Records` over whole records.

    Attributes:
        records: The records; a test changes them.
        reads: What was read, in order: the entity, and `all` or the column.
        fresh: Entities that were read from the systems, whatever is kept.
        failures: Why an entity cannot be read.
    """

    def __init__(self, *records: Record) -> None:
        self.records = list(records)
        self.reads: list[tuple[EntityName, str]] = []
        self.fresh: set[EntityName] = set()
        self.failures: dict[EntityName, SupplygraphError] = {}

    async def by_keys(
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
        self.reads.append((entity, column))
        if fresh:
            self.fresh.add(entity)
        if entity in self.failures:
            return Batch((), dict.fromkeys(keys, self.failures[entity]))
        wanted = set(keys)
        found = [
            r for r in self._of(entity) if wanted & set(_values(r, column)) and matches(r, criteria)
        ]
        return Batch([_cut(r, columns) for r in found])

    async def all(
        self,
        entity: EntityName,
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
    ) -> AsyncIterator[Sequence[Record]]:
        self.reads.append((entity, "all"))
        if entity in self.failures:
            raise self.failures[entity]
        found = [r for r in self._of(entity) if matches(r, criteria)]
        for at in range(0, len(found), PAGE):
            yield [_cut(r, columns) for r in found[at : at + PAGE]]

    def _of(self, entity: EntityName) -> list[Record]:
        return [r for r in self.records if type(r) is ENTITIES[entity].record]


def _values(record: Record, column: str) -> list[str]:
    return [record.provenance.key] if column == KEY else values_at(record, column)


def _cut(record: Record, columns: frozenset[str]) -> Record:
    kept = {c.split(".")[0] for c in columns}
    names = set(record.__struct_fields__) - kept - {"provenance"}
    return replace(record, **dict.fromkeys(names, ABSENT))
