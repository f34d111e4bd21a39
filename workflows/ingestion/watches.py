"""What is watched in systems that tell nothing by themselves, and how far watching has come."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from canonical.entities import EntityName
from canonical.ports import Source


class By(StrEnum):
    """How changes are found.

    `MODIFIED` asks for what has a later time of change than what was seen; `SNAPSHOT` reads
    everything and holds it against what is known; `DELTA` asks a system that keeps track of changes
    for what has changed since.
    """

    MODIFIED = "modified"
    SNAPSHOT = "snapshot"
    DELTA = "delta"


class Watch(Struct, frozen=True, kw_only=True):
    """What is watched: one entity of one system.

    Attributes:
        source: Where it is read, in natural keys.
        columns: Columns that events are made of.
        by: How changes are found.
        column: When a record was last changed, for `By.MODIFIED`.
        overlap_s: So long before the latest time seen is read once more: longer than the system
            takes to show what it has stamped, and than its times are coarse.
        every_s: Time from the end of one round to the next.
        page_size: Records of one request, and of one transaction.
        blanks_every_s: How often records without a time of change are looked through; None where
            all have one.
        orders: Where the orders are read that a new receipt names; None for none.
        order_columns: Columns of them.
    """

    source: Source
    columns: frozenset[str]
    by: By
    column: str = ""
    overlap_s: float = 0.0
    every_s: float = 60.0
    page_size: int = 200
    blanks_every_s: float | None = None
    orders: Source | None = None
    order_columns: frozenset[str] = frozenset()

    @property
    def system(self) -> str:
        """The backend."""
        return self.source.system

    @property
    def entity(self) -> EntityName:
        """What is watched."""
        return self.source.entity

    @property
    def name(self) -> str:
        """Of its position in the store."""
        return position_name(self.system, self.entity)

    @property
    def lease(self) -> str:
        """Of its lease. Receipts move orders too, so one process watches both, one by one."""
        alike = self.entity if self.orders is None else self.orders.entity
        return position_name(self.system, alike)


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far watching has come; kept with the events that it led to.

    Attributes:
        mark: The latest time of change that was seen.
        based: Whether all was read once: what is found from then on is news.
        blanks_based: The same, of records without a time of change.
        link: Behind which a system that keeps track of changes tells what is new.
        commits: How often it was written. It is a part of the ids of reports, so that a figure that
            returns to what it was is not taken for the report of then.
    """

    mark: datetime | None = None
    based: bool = False
    blanks_based: bool = False
    link: str | None = None
    commits: int = 0


START: Final = Progress()


def position_name(system: str, entity: EntityName) -> str:
    """What the position of a watch is kept under."""
    return f"watch:{system}:{entity.value}"


def progress_of(position: object) -> Progress:
    """Read a position that was kept; the start if none was."""
    return START if position is None else msgspec.convert(position, Progress)


def grouped(watches: Sequence[Watch]) -> dict[str, list[Watch]]:
    """Watches by their lease."""
    found: dict[str, list[Watch]] = {}
    for watch in watches:
        found.setdefault(watch.lease, []).append(watch)
    return found
