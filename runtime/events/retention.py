"""Forgets what need not be kept any longer, by type of event, a batch at a time.

Types of one stream may be kept for different times, so that what is left of its older part has
gaps. `event_streams.oldest` is the first position from which on nothing was removed: whoever wants
to go on from before it is told so, and histories show what is left.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.dead_letters import LetterStatus
from canonical.errors import MisconfiguredError
from canonical.events import EVENT_TYPES
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.store.questions import among, many
from runtime.store.tables import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENT_STREAMS,
    EVENT_SUBJECTS,
    EVENTS,
)

LEASE: Final = "retention"
_LEASE_S: Final = 300.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class RetentionSettings(Struct, frozen=True, kw_only=True):
    """How long things are kept.

    Attributes:
        days: By type of event, where it is not what the type says.
        deliveries_days: That a delivery was taken: a report repeated later counts as another.
        letters_days: Dead letters after somebody decided; open ones are kept.
    """

    days: Mapping[str, int] = {}
    deliveries_days: int = 90
    letters_days: int = 400


class Retention:
    """Forgets for all processes: one of them at a time.

    Args:
        ledger: The log.
        leases: Where the one is found.
        holder: Name of this process.
        settings: How long things are kept.
        batch: Rows removed in one transaction, which others wait for.

    Raises:
        MisconfiguredError: the settings name an unknown type, or a time that is none.
    """

    def __init__(
        self,
        ledger: Ledger,
        leases: Leases,
        *,
        holder: str,
        settings: RetentionSettings,
        batch: int = 1_000,
    ) -> None:
        for name, days in settings.days.items():
            if name not in EVENT_TYPES:
                known = ", ".join(sorted(EVENT_TYPES))
                msg = f"retention of {name!r}: there is no such type of event; there are {known}"
                raise MisconfiguredError("events", msg)
            if days < 1:
                raise MisconfiguredError("events", f"retention of {name!r}: at least one day")
        self._ledger = ledger
        self._leases = leases
        self._holder = holder
        self._settings = settings
        self._batch = batch

    async def run(self) -> Mapping[str, int] | None:
        """Forget all that is too old.

        Returns:
            How many events of each type were removed; None if another process is at it.

        Raises:
            UnavailableError: the store cannot be reached. What was removed is removed.
            ConflictError: another process has taken over meanwhile.
        """
        lease = await self._leases.acquire(LEASE, self._holder, _LEASE_S)
        if lease is None:
            return None
        try:
            removed = {}
            for name, kind in EVENT_TYPES.items():
                days = self._settings.days.get(name, kind.retention_days)
                removed[name] = await self._forget(lease, name, self._cutoff(days))
            await self._clear_up()
        finally:
            await self._leases.release(lease)
        _log.info("events_forgotten", events=sum(removed.values()))
        return removed

    def _cutoff(self, days: int) -> datetime:
        return self._ledger.now() - timedelta(days=days)

    async def _forget(self, lease: Lease, type_name: str, cutoff: datetime) -> int:
        query = (
            sa.select(EVENTS.c.position, EVENTS.c.subjects)
            .where(EVENTS.c.type == type_name, EVENTS.c.recorded_at < cutoff)
            .order_by(EVENTS.c.recorded_at)
            .limit(self._batch)
        )
        stream = EVENT_TYPES[type_name].stream.value

        async def work(writing: Writing) -> int:
            await writing.hold(lease)
            rows = (await writing.connection.execute(query)).all()
            if rows:
                await _remove(writing.connection, stream, {row[0]: row[1] for row in rows})
            return len(rows)

        total = 0
        while count := await self._ledger.write(work):
            total += count
            await self._leases.renew(lease, _LEASE_S)
        return total

    async def _clear_up(self) -> None:
        """Deliveries and decided dead letters: few rows a day, so removed at once."""
        old_deliveries = sa.delete(DELIVERIES).where(
            DELIVERIES.c.recorded_at < self._cutoff(self._settings.deliveries_days)
        )
        old_letters = sa.delete(DEAD_LETTERS).where(
            DEAD_LETTERS.c.status != LetterStatus.OPEN.value,
            DEAD_LETTERS.c.decided_at < self._cutoff(self._settings.letters_days),
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(old_deliveries)
            await connection.execute(old_letters)

        await self._ledger.store.write(work)


async def _remove(
    connection: AsyncConnection, stream: str, subjects_by_position: Mapping[int, str]
) -> None:
    dialect = connection.dialect.name
    about = [
        {"of": subject, "in": stream, "at": position}
        for position, subjects in subjects_by_position.items()
        for subject in dict.fromkeys(msgspec.json.decode(subjects, type=list[str]))
    ]
    await connection.execute(_FORGET_SUBJECT, about)
    gone = among(EVENTS.c.position, "gone", dialect)
    statement = sa.delete(EVENTS).where(EVENTS.c.stream == stream, gone)
    await connection.execute(statement, {"gone": many(subjects_by_position, dialect)})
    # Last, for this waits for whoever is appending, and holds up the next.
    await connection.execute(_oldest(stream, max(subjects_by_position) + 1))


def _oldest(stream: str, position: int) -> Any:
    return (
        sa.update(EVENT_STREAMS)
        .where(EVENT_STREAMS.c.stream == stream, EVENT_STREAMS.c.oldest < position)
        .values(oldest=position)
    )


_FORGET_SUBJECT: Final = sa.delete(EVENT_SUBJECTS).where(
    EVENT_SUBJECTS.c.subject == sa.bindparam("of"),
    EVENT_SUBJECTS.c.stream == sa.bindparam("in"),
    EVENT_SUBJECTS.c.position == sa.bindparam("at"),
)
