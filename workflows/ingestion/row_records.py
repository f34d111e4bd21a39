"""Rows as reports: which column of a file is which of a record, and what it is read by."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from canonical.entities import ENTITIES, EntityName
from canonical.observations import Observation
from canonical.records import Record
from workflows.ingestion.rows import Row

_SINCE: Final = ("updated_at", "revised_at", "as_of")
"""Columns that tell since when a record is so."""


class RowError(Exception):
    """A row cannot be taken. The message says where and why."""


class ColumnReading(Struct, frozen=True):
    """How one column of a record is read.

    Attributes:
        column: The canonical column.
        header: The file's.
        read: Makes the canonical value of what stands there; None if nothing does. Raises
            `ValueError` with the reason, for people.
        is_required: Whether a row without it cannot be taken.
        is_nullable: Whether nothing there means that there is none; else nothing was said.
        is_named: Whether a file must have it, because the manifest names it.
    """

    column: str
    header: str
    read: Callable[[Any], Any]
    is_required: bool
    is_nullable: bool
    is_named: bool


class RowReading(Struct, frozen=True, kw_only=True):
    """How the rows of one system and entity are read.

    Attributes:
        system: The backend.
        entity: What a row is.
        columns: What is read of it.
        constants: Columns that are the same in all rows.
        key_headers: Where the record's key in its system stands.
        key: Makes the key of those values, as the system's connector does. Raises `ValueError` if
            there is none.
    """

    system: str
    entity: EntityName
    columns: tuple[ColumnReading, ...]
    constants: Mapping[str, Any]
    key_headers: tuple[str, ...]
    key: Callable[[list[Any]], str]

    @property
    def wanted(self) -> tuple[str, ...]:
        """Columns that a header must have."""
        named = (c.header for c in self.columns if c.is_required or c.is_named)
        return tuple(dict.fromkeys((*self.key_headers, *named)))

    def record(self, row: Row) -> tuple[str, Record]:
        """The key and the record that a row holds.

        Raises:
            RowError: if it holds none.
        """
        if row.problem is not None:
            raise RowError(f"row {row.number} {row.problem}")
        values = row.values
        said = dict(self.constants)
        for column in self.columns:
            value = _read(column, row)
            if value is not None or (column.is_nullable and column.header in values):
                said[column.column] = value
        try:
            key = self.key([values.get(header) for header in self.key_headers])
        except ValueError as exc:
            raise RowError(f"row {row.number}: {exc}") from None
        return key, ENTITIES[self.entity].record(**said)


def _read(column: ColumnReading, row: Row) -> Any:
    raw = row.values.get(column.header)
    try:
        value = None if raw is None else column.read(raw)
    except ValueError as exc:
        raise RowError(f"row {row.number}, column {column.header}: {exc}") from None
    if value is None and column.is_required:
        raise RowError(f"row {row.number}, column {column.header}: nothing stands there")
    return value


class Reports(Struct, frozen=True, kw_only=True):
    """Makes reports of the rows of one run.

    Attributes:
        reading: How rows are read.
        run: Names the run.
        baseline: Whether records that were not known are merely taken note of.
        traceparent: W3C trace context that the file came with.
    """

    reading: RowReading
    run: str
    baseline: bool = False
    traceparent: str | None = None

    def of(self, row: Row) -> Observation:
        """The report that a row is.

        Raises:
            RowError: if it is none.
        """
        key, record = self.reading.record(row)
        return Observation(
            system=self.reading.system,
            entity=self.reading.entity,
            key=key,
            record=record,
            occurred_at=_since(record),
            source_event_id=f"bulk:{self.run}/{row.number}",
            traceparent=self.traceparent,
            baseline=self.baseline,
        )


def _since(record: Record) -> datetime | None:
    for column in _SINCE:
        value = getattr(record, column, None)
        if isinstance(value, datetime):
            return value
    return None
