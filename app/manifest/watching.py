"""What a manifest says about watching: `ingestion.<system>.watch.<entity>`."""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Struct
from pydantic import Field

from app.manifest.part import Part
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.ports import Source, TrackedSource
from loaders.catalog import Supply
from workflows.ingestion.changes import TOLD_OF
from workflows.ingestion.watches import By, Watch

_DAY_S: Final = 86_400.0
_RAW: Final = frozenset({"raw_status"})


class _Default(Struct, frozen=True):
    """How an entity is watched where the manifest says nothing else.

    The overlap is longer than the column is coarse: receipts are booked to a day.
    """

    by: By
    column: str
    overlap_s: float
    every_s: float
    blanks: bool = False
    page_size: int = 500


_SNAPSHOT: Final = _Default(By.SNAPSHOT, "", 0.0, 300.0)
_DEFAULTS: Final[Mapping[EntityName, _Default]] = {
    EntityName.PURCHASE_ORDER: _Default(
        By.MODIFIED, "updated_at", 5.0, 2.0, blanks=True, page_size=200
    ),
    EntityName.RECEIPT: _Default(By.MODIFIED, "received_at", _DAY_S, 2.0),
    EntityName.FORECAST: _Default(
        By.MODIFIED, "revised_at", 5.0, 2.0, blanks=True, page_size=2_000
    ),
    EntityName.INVENTORY: _Default(By.SNAPSHOT, "", 0.0, 20.0),
}
_OVERLAP: Final = "Seconds before the latest change seen that are read once more in each round."


class WatchConfig(Part):
    """How changes of one entity are found in a system that tells nothing by itself."""

    by: Annotated[
        By | None,
        Field(
            description="`modified` asks for what has a later time of change; `snapshot` reads "
            "everything and compares; `delta` follows the delta links of a system that keeps track "
            "of changes (OData V4). Left out: what suits the entity."
        ),
    ] = None
    column: Annotated[
        str | None,
        Field(min_length=1, description="Canonical column with the time of change."),
    ] = None
    overlap_s: Annotated[float | None, Field(ge=0, le=30 * _DAY_S, description=_OVERLAP)] = None
    every_s: Annotated[
        float | None,
        Field(gt=0, le=_DAY_S, description="Seconds from the end of one round to the next."),
    ] = None
    page_size: Annotated[
        int | None,
        Field(ge=1, le=2_000, description="Records of one request and of one transaction."),
    ] = None
    blanks_every_s: Annotated[
        float,
        Field(
            gt=0,
            le=_DAY_S,
            description="Seconds after which records without a time of change are looked through.",
        ),
    ] = 600.0

    def watch(self, supply: Supply, orders: Supply | None = None) -> Watch:
        """The watch of an entity.

        Args:
            supply: Where it is read.
            orders: Where the same system's orders are read; asked for those that receipts name.

        Raises:
            InvalidInputError: if it cannot be watched so; the message says what to do.
        """
        source, columns = supply.source, supply.columns
        entity = source.entity
        where = f"ingestion.{source.system}.watch.{entity.value}"
        if entity not in TOLD_OF:
            names = ", ".join(sorted(TOLD_OF))
            raise InvalidInputError(f"{where}: no events are told of it, only of {names}")
        default = _DEFAULTS.get(entity, _SNAPSHOT)
        by = self.by or (By.MODIFIED if self.column else default.by)
        column = (self.column or default.column) if by is By.MODIFIED else ""
        if by is By.DELTA and not _is_tracked(source):
            raise InvalidInputError(f"{where}: {UNTRACKED.format(system=source.system)}")
        if by is By.MODIFIED and column not in columns:
            raise InvalidInputError(_no_column(where, source.system, column))
        is_default = column == default.column
        return Watch(
            source=source,
            columns=columns - _RAW,
            by=by,
            column=column,
            overlap_s=_or(self.overlap_s, default.overlap_s if is_default else 5.0),
            every_s=_or(self.every_s, default.every_s),
            page_size=self.page_size or default.page_size,
            blanks_every_s=self.blanks_every_s if column and default.blanks else None,
            orders=None if orders is None or entity is not EntityName.RECEIPT else orders.source,
            order_columns=frozenset() if orders is None else orders.columns - _RAW,
        )


UNTRACKED: Final = (
    "{system} cannot be asked what has changed: only systems that speak OData V4 keep track of "
    "changes; use `by: modified` or `by: snapshot`"
)

Watched = dict[EntityName, WatchConfig]
"""What is watched of one system, by entity: the value of `ingestion.<system>.watch`."""


def _is_tracked(source: Source) -> bool:
    return isinstance(source, TrackedSource) and source.tracks_changes


def _no_column(where: str, system: str, column: str) -> str:
    if not column:
        return (
            f"{where}: name the column that tells of changes under `column`, or use `by: snapshot`"
        )
    return (
        f"{where}: {system} does not supply {column!r}; name another column that tells of changes "
        f"under `column`, or use `by: snapshot`"
    )


def _or(said: float | None, default: float) -> float:
    return default if said is None else said
