"""The outbox of a store: what is to be sent, when it is tried next, and what became of it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.store.process_tables import NOTIFICATIONS
from runtime.store.questions import inserting
from runtime.store.store import Store

_N: Final = NOTIFICATIONS.c


class Sending(StrEnum):
    """What has become of a message."""

    WAITING = "WAITING"
    SENT = "SENT"
    GIVEN_UP = "GIVEN_UP"


class Queued(Struct, frozen=True, kw_only=True):
    """A message in the outbox.

    Attributes:
        message_id: Names it for good.
        channel: Which way it goes.
        about: What it is about.
        content: It, as JSON.
        attempts: How often it was tried.
        created_at: When it was put here.
    """

    message_id: str
    channel: str
    about: str
    content: str
    attempts: int = 0
    created_at: datetime


async def put(connection: AsyncConnection, messages: Sequence[Queued]) -> None:
    """Put messages in; those that were put in before are left as they are."""
    rows = [
        {
            "id": m.message_id,
            "channel": m.channel,
            "about": m.about,
            "content": m.content,
            "state": Sending.WAITING.value,
            "attempts": 0,
            "next_at": m.created_at,
            "created_at": m.created_at,
            "sent_at": None,
            "problem": None,
        }
        for m in messages
    ]
    if rows:
        insert = inserting(NOTIFICATIONS, connection.dialect.name)
        await connection.execute(insert.on_conflict_do_nothing(), rows)


class OutboxRows:
    """The outbox of a store.

    Args:
        store: Where it is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, messages: Sequence[Queued]) -> None:
        """As the function, in a transaction of its own."""
        if messages:
            await self._store.write(lambda connection: put(connection, messages))

    async def due(self, channel: str, moment: datetime, limit: int) -> Sequence[Queued]:
        """What is to be tried by a channel by a moment, what is due longest first."""
        return await self._waiting(limit, _N.channel == channel, _N.next_at <= moment)

    async def lost(self, channels: Collection[str], limit: int) -> Sequence[Queued]:
        """What waits for other channels than these, due or not."""
        return await self._waiting(limit, _N.channel.not_in(channels))

    async def _waiting(self, limit: int, *conditions: Any) -> Sequence[Queued]:
        waiting = sa.select(NOTIFICATIONS).where(_N.state == Sending.WAITING.value, *conditions)
        query = waiting.order_by(_N.next_at, _N.id).limit(limit)

        async def work(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(query)).all()

        return [
            Queued(
                message_id=row.id,
                channel=row.channel,
                about=row.about,
                content=row.content,
                attempts=row.attempts,
                created_at=row.created_at,
            )
            for row in await self._store.read(work)
        ]

    async def sent(self, message_id: str, at: datetime) -> None:
        """Note that a message was sent."""
        await self._note(message_id, state=Sending.SENT.value, sent_at=at, problem=None)

    async def failed(self, message_id: str, problem: str, next_at: datetime) -> None:
        """Note that a message could not be sent, and when it is tried again."""
        await self._note(message_id, next_at=next_at, problem=problem)

    async def given_up(self, message_id: str, problem: str) -> None:
        """Note that a message is not tried any more."""
        await self._note(message_id, state=Sending.GIVEN_UP.value, problem=problem)

    async def forget(self, before: datetime, limit: int) -> int:
        """Remove some that were put in before a moment and wait for nothing; how many."""
        old = (
            sa.select(_N.id)
            .where(_N.state != Sending.WAITING.value, _N.created_at < before)
            .limit(limit)
        )
        statement = sa.delete(NOTIFICATIONS).where(_N.id.in_(old))

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._store.write(work)

    async def _note(self, message_id: str, **values: Any) -> None:
        """A try counts once, and one that is sent already stays so."""
        statement = (
            sa.update(NOTIFICATIONS)
            .where(_N.id == message_id, _N.state == Sending.WAITING.value)
            .values(attempts=_N.attempts + 1, **values)
        )
        await self._store.write(lambda connection: connection.execute(statement))
