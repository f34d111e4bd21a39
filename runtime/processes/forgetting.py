"""Taking processes out of the store that ended long ago."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.store.process_tables import (
    PROCESS_MESSAGES,
    PROCESS_STEPS,
    PROCESS_SUBJECTS,
    PROCESS_WRITES,
    PROCESSES,
)
from runtime.store.questions import among, many
from runtime.store.store import Store

_TABLES: Final = (
    (PROCESS_MESSAGES, PROCESS_MESSAGES.c.process_id),
    (PROCESS_WRITES, PROCESS_WRITES.c.process_id),
    (PROCESS_STEPS, PROCESS_STEPS.c.process_id),
    (PROCESS_SUBJECTS, PROCESS_SUBJECTS.c.process_id),
    (PROCESSES, PROCESSES.c.id),
)


async def ended_before(store: Store, moment: datetime, most: int) -> Sequence[str]:
    """Processes that ended before a moment, the first ended first."""
    query = (
        sa.select(PROCESSES.c.id)
        .where(PROCESSES.c.ended_at < moment)
        .order_by(PROCESSES.c.ended_at)
        .limit(most)
    )

    async def work(connection: AsyncConnection) -> Any:
        return (await connection.execute(query)).scalars().all()

    found: Sequence[str] = await store.read(work)
    return found


async def forget(store: Store, process_ids: Sequence[str]) -> None:
    """Take out everything about some processes."""
    given = {"ids": many(process_ids, store.dialect)}

    async def work(connection: AsyncConnection) -> None:
        for table, column in _TABLES:
            statement = sa.delete(table).where(among(column, "ids", store.dialect))
            await connection.execute(statement, given)

    await store.write(work)
