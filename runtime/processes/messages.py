"""Messages to processes: each is kept until the process that it is for has ended."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.processes import ProcessState
from runtime.processes.rows import Kept, kept_outcome
from runtime.store.process_tables import PROCESS_MESSAGES, PROCESSES
from runtime.store.questions import among, inserting, many
from runtime.store.store import Store

_M: Final = PROCESS_MESSAGES.c
_MOST: Final = 20_000
"""Messages that wait for their processes at once, as far as they are looked at."""


class Message(Struct, frozen=True):
    """A message.

    Attributes:
        process_id: To whom.
        name: Names it: the same is heard once.
        topic: What it is about.
        text: It, as JSON.
        sent_at: When it was sent.
    """

    process_id: str
    name: str
    topic: str
    text: str
    sent_at: datetime


class Outcome(Struct, frozen=True):
    """What came of a process.

    Attributes:
        kind: Which process.
        version: Of its code.
        kept: What came of it; None if it goes on.
    """

    kind: str
    version: int
    kept: Kept | None


class Messages:
    """The messages of a store.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def send(self, message: Message, *, only_in: ProcessState | None = None) -> bool:
        """Keep a message, once; nothing if its process has ended, or never was.

        Args:
            message: What is sent.
            only_in: Nothing either if its process is not in this state.

        Returns:
            Whether it is kept, and was not before.
        """
        values = {
            "process_id": message.process_id,
            "name": message.name,
            "topic": message.topic,
            "message": message.text,
            "sent_at": message.sent_at,
            "taken_by": None,
        }
        listening = [PROCESSES.c.id == message.process_id, PROCESSES.c.ended_at.is_(None)]
        if only_in is not None:
            listening.append(PROCESSES.c.state == only_in.value)
        row = sa.select(
            *(sa.literal(values[c.name], type_=c.type).label(c.name) for c in PROCESS_MESSAGES.c)
        ).where(sa.select(1).where(*listening).exists())
        insert = inserting(PROCESS_MESSAGES, self._store.dialect)
        statement = insert.from_select(list(values), row).on_conflict_do_nothing(
            index_elements=[_M.process_id, _M.name]
        )

        async def work(connection: AsyncConnection) -> bool:
            return await connection.scalar(statement.returning(_M.name)) is not None

        return await self._store.write(work)

    async def take(self, process_id: str, topic: str, taker: str) -> str | None:
        """The oldest message of a topic that none has taken, or the one that `taker` took before.

        Returns:
            The message, as JSON; None if there is none.
        """
        mine = sa.and_(_M.process_id == process_id, _M.topic == topic)
        had = sa.select(_M.message).where(mine, _M.taken_by == taker)
        oldest = (
            sa.select(_M.name)
            .where(mine, _M.taken_by.is_(None))
            .order_by(_M.sent_at, _M.name)
            .limit(1)
            .scalar_subquery()
        )
        taking = (
            sa.update(PROCESS_MESSAGES)
            .where(_M.process_id == process_id, _M.name == oldest)
            .values(taken_by=taker)
            .returning(_M.message)
        )

        async def work(connection: AsyncConnection) -> str | None:
            found: str | None = await connection.scalar(had)
            return found if found is not None else await connection.scalar(taking)

        waiting = sa.select(sa.literal(1)).where(
            mine, _M.taken_by.is_(None) | (_M.taken_by == taker)
        )
        if await self._store.read(lambda connection: connection.scalar(waiting.limit(1))) is None:
            return None
        return await self._store.write(work)

    async def untaken(self) -> Collection[tuple[str, str]]:
        """Processes and topics of the messages that none has taken yet."""
        query = (
            sa.select(_M.process_id, _M.topic)
            .where(_M.taken_by.is_(None))
            .order_by(_M.process_id)
            .limit(_MOST)
        )

        async def work(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(query)).all()

        return {(row.process_id, row.topic) for row in await self._store.read(work)}

    async def outcomes(self, process_ids: Collection[str]) -> Mapping[str, Outcome]:
        """What came of processes that have begun."""
        dialect = self._store.dialect
        query = sa.select(
            PROCESSES.c.id, PROCESSES.c.kind, PROCESSES.c.version, PROCESSES.c.outcome
        ).where(among(PROCESSES.c.id, "ids", dialect))
        given = {"ids": many(process_ids, dialect)}

        async def work(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(query, given)).all()

        rows = await self._store.read(work)
        return {row.id: _outcome(row) for row in rows}


def _outcome(row: Any) -> Outcome:
    kept = None if row.outcome is None else kept_outcome(row.outcome)
    return Outcome(row.kind, row.version, kept)
