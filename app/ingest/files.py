"""Files of rows that a manifest declares, ready to be taken in; for the command line and HTTP."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.manifest.bulk import RowsConfig, reading_of
from app.manifest.crosswalks import walks_of
from app.manifest.loading import Declaration
from app.manifest.problems import suggestion
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, NotFoundError
from canonical.observations import Observation
from workflows.ingestion.bulk import BulkRun, run_name
from workflows.ingestion.row_records import Reports, RowError, RowReading
from workflows.ingestion.rows import RowFile, row_in

MEGABYTE: Final = 1_000_000
_LONGEST_NAME: Final = 100
_NAMES_A_RUN: Final = 24


class RunOptions(Struct, frozen=True, kw_only=True):
    """How a file is taken in.

    Attributes:
        run: Its name; None for one that follows from what the file holds.
        baseline: Whether records that were not known are merely taken note of.
        traceparent: W3C trace context that it came with.
    """

    run: str | None = None
    baseline: bool = False
    traceparent: str | None = None


class RowOfRun(Struct, frozen=True, kw_only=True):
    """One row, apart from its file.

    Attributes:
        content: Its bytes.
        header: Those of the file's header; empty for JSON.
        run: Name of the run.
        number: Its place.
    """

    content: bytes
    header: bytes
    run: str
    number: int


class _Kind(Struct, frozen=True):
    rows: RowsConfig
    reading: RowReading


class RowFiles:
    """The files of rows that a manifest declares.

    Raises:
        InvalidInputError: if a constant in it is no value of its column.
    """

    def __init__(self, declared: Declaration) -> None:
        self._kinds: dict[str, Mapping[EntityName, _Kind]] = {}
        for system, ingestion in declared.manifest.ingestion.items():
            if ingestion.bulk:
                walks = walks_of(system, declared.tables)
                self._kinds[system] = {
                    entity: _Kind(rows, reading_of(system, entity, rows, walks))
                    for entity, rows in ingestion.bulk.items()
                }

    def has(self, system: str) -> bool:
        """Whether files of a system are declared."""
        return system in self._kinds

    def max_bytes(self, system: str, entity: str) -> int:
        """How long a file may be; raises as `run_of`."""
        return self._kind(system, entity).rows.max_megabytes * MEGABYTE

    def run_name(self, system: str, entity: str, run: str) -> str:
        """What a run is kept under; raises as `run_of`."""
        return run_name(system, self._kind(system, entity).reading.entity, run)

    def report_of(self, system: str, entity: str, row: RowOfRun) -> Observation:
        """The report that one row of a run is; raises as `run_of`.

        Raises:
            InvalidInputError: if it is none.
        """
        kind = self._kind(system, entity)
        reading = kind.reading
        found = row_in(row.content, row.header, kind.rows.delimiter, reading.wanted)
        try:
            return Reports(reading=reading, run=row.run).of(replace(found, number=row.number))
        except RowError as exc:
            raise InvalidInputError(str(exc)) from exc

    def run_of(
        self, system: str, entity: str, file: Path, digest: str, options: RunOptions
    ) -> BulkRun:
        """What is to be taken in.

        Args:
            system: The backend.
            entity: What the rows are.
            file: Where they are.
            digest: Of the file.
            options: How.

        Raises:
            NotFoundError: if there are no such files.
            InvalidInputError: if the run's name cannot be one.
        """
        kind = self._kind(system, entity)
        rows = kind.rows
        name = options.run or digest[:_NAMES_A_RUN]
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidInputError(f"a run's name has at most {_LONGEST_NAME} printable letters")
        return BulkRun(
            file=RowFile(file, delimiter=rows.delimiter, max_bytes=rows.max_megabytes * MEGABYTE),
            reports=Reports(
                reading=kind.reading,
                run=name,
                baseline=options.baseline,
                traceparent=options.traceparent,
            ),
            digest=digest,
            max_bad=rows.max_bad_rows,
        )

    def _kind(self, system: str, entity: str) -> _Kind:
        kinds = self._kinds.get(system)
        if kinds is None:
            raise NotFoundError(
                f"no files of {system!r} are declared{suggestion(system, self._kinds)}: add them "
                f"under ingestion.{system}.bulk in the manifest"
            )
        found = {kind.value: kinds[kind] for kind in kinds}.get(entity)
        if found is None:
            names = ", ".join(kind.value for kind in kinds)
            raise NotFoundError(f"{system}: no files of {entity!r} are declared, only of {names}")
        return found


def digest_of(file: Path) -> str:
    """Tells what a file holds. Reads all of it: for a thread.

    Raises:
        OSError: if it cannot be read.
    """
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
