"""A source in memory that knows no more than it is asked, and of which single keys can fail."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs
from typing_extensions import override

from canonical.absent import ABSENT, is_absent
from canonical.criteria import Criteria, matches, values_at
from canonical.entities import KEY, EntityName
from canonical.errors import SupplygraphError
from canonical.ports import Ask, Batch, ListQuery, Page
from canonical.records import Part, Record
from tests.fakes.sources import FakeSource

TURNS: Final = 20
"""Turns of the event loop that every answer takes: as with a real system, nothing that is asked
later than another thing is asked with it by chance."""


class TroubledSource(FakeSource):
    """As `FakeSource`, cutting parts of records to the columns asked for too.

    Args:
        system: The backend.
        entity: What it supplies.
        records: What it has.
        columns: What it can tell of them; everything where not given.
        error: Why it cannot be asked at all.
        failing: By key, why single records cannot be read.
    """

    def __init__(
        self,
        system: str,
        entity: EntityName,
        records: Sequence[Record],
        *,
        columns: frozenset[str] | None = None,
        error: SupplygraphError | None = None,
        failing: Mapping[str, SupplygraphError] | None = None,
    ) -> None:
        super().__init__(system, entity, records, columns=columns, error=error)
        self.failing = dict(failing or {})

    @override
    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        batch = await super().by_keys(column, keys, columns, ask, criteria)
        by_key = {r.provenance.key: r for r in self.records}
        failures = {
            str(asked): why
            for key, why in self.failing.items()
            if key in by_key and matches(by_key[key], criteria)
            for asked in _values(by_key[key], column)
            if asked in keys
        }
        records = [r for r in batch.records if not _names(r, column, by_key) & failures.keys()]
        return Batch(records, failures)

    @override
    async def page(self, query: ListQuery, ask: Ask) -> Page:
        page = await super().page(query, ask)
        lost = {r.provenance.key for r in page.records} & self.failing.keys()
        kept = [r for r in page.records if r.provenance.key not in lost]
        return structs.replace(
            page, records=kept, failures={k: self.failing[k] for k in sorted(lost)}
        )

    @override
    async def _called(self, ask: Ask) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await super()._called(ask)

    @override
    def _cut(self, record: Record, columns: frozenset[str]) -> Record:
        known = columns & self.columns
        cut: Record = _inner(super()._cut(record, columns), known)
        return cut


def _inner(value: Any, columns: frozenset[str]) -> Any:
    """A record with its parts cut to the columns named in them."""
    changes: dict[str, Any] = {}
    for name in value.__struct_fields__:
        held = getattr(value, name)
        prefix = f"{name}."
        below = frozenset(c.removeprefix(prefix) for c in columns if c.startswith(prefix))
        if isinstance(held, Part):
            changes[name] = _cut_part(held, below)
        elif isinstance(held, tuple) and any(isinstance(p, Part) for p in held):
            changes[name] = tuple(_cut_part(p, below) for p in held)
    return structs.replace(value, **changes) if changes else value


def _cut_part(part: Part, columns: frozenset[str]) -> Any:
    kept = {c.split(".")[0] for c in columns}
    gone = {
        n: ABSENT
        for n in part.__struct_fields__
        if n not in kept and not is_absent(getattr(part, n))
    }
    return _inner(structs.replace(part, **gone) if gone else part, columns)


def _values(record: Record, column: str) -> list[Any]:
    return [record.provenance.key] if column == KEY else values_at(record, column)


def _names(cut: Record, column: str, by_key: Mapping[str, Record]) -> set[Any]:
    return set(_values(by_key[cut.provenance.key], column))
