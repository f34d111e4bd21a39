"""A system's supply of one entity: canonical questions in, canonical records out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from canonical.criteria import Criteria
from canonical.entities import ENTITIES, EntityName, columns_of
from canonical.ports import Ask, Batch, Changes, ListQuery, Page
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.rows import RowReader
from connectors.kit.source_changes import read_changes, tracks_changes
from connectors.kit.source_core import Core
from connectors.kit.source_keys import read_by_keys, read_rows
from connectors.kit.source_pages import read_page


class MappedSource:
    """One entity of one system (`canonical.ports.Source`).

    Whatever the system filters, sorts and cuts itself is asked of it; all else is done here, up to
    `settings.max_scanned_rows` rows read. Every record is checked against the criteria here once
    more. A record that cannot be read is left out and named in `failures`.

    The order of equal sort values, and the order where none is asked for, is that of the record's
    key: as text among records compared here; as the system sorts it where it sorts by the key.

    Args:
        system: The backend's name in the manifest.
        entity: Which entity.
        mapping: Where its columns come from.
        reader: How the system is asked.
        settings: What holds for the whole mapping.
        clock: The time now, with its zone; records are stamped with it.
    """

    def __init__(
        self,
        system: str,
        entity: EntityName,
        mapping: EntityMapping,
        reader: RowReader,
        *,
        settings: MappingSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._core = Core(system, entity, mapping, reader, settings=settings, clock=clock)
        known = columns_of(ENTITIES[entity].record)
        has = self._core.translator.has
        self._columns = frozenset(c for c in known if has(c))

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._core.system

    @property
    def entity(self) -> EntityName:
        """What it supplies."""
        return self._core.entity

    @property
    def mapping(self) -> EntityMapping:
        """Where its columns come from."""
        return self._core.mapping

    @property
    def columns(self) -> frozenset[str]:
        """Canonical columns that the mapping has."""
        return self._columns

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        """Read all records whose column is one of the keys, as `canonical.ports.Source` says."""
        return await read_by_keys(self._core, column, keys, columns, ask, criteria)

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        """Read one page of a list, as `canonical.ports.Source` says."""
        return await read_page(self._core, query, ask)

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """Make records of rows that the system sent, as `canonical.ports.Source` says."""
        return await read_rows(self._core, rows, columns, ask)

    @property
    def tracks_changes(self) -> bool:
        """Whether the system can be asked what has changed."""
        return tracks_changes(self._core)

    async def changes(
        self, link: str | None, columns: frozenset[str], limit: int, ask: Ask
    ) -> Changes:
        """What has changed behind a link, as `canonical.ports.TrackedSource` says."""
        return await read_changes(self._core, link, columns, limit, ask)
