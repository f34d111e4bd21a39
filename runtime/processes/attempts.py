"""What systems were told by processes: written down before, so that nothing is told twice.

An attempt is begun only while its server holds its lease. Whoever takes over a server's processes
has taken its lease before, so every attempt that was begun is seen by the taker; and it knows until
when that may still be under way.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.events.leases import Lease
from runtime.processes.rows import Kept
from runtime.store.process_tables import PROCESS_STEPS, PROCESS_WRITES
from runtime.store.store import Store
from runtime.store.tables import LEASES

_W: Final = PROCESS_WRITES.c


class LeaseLostError(Exception):
    """This server has been taken for dead: what it does now, another does too."""


class AttemptState(StrEnum):
    """How a write stands."""

    BEGUN = "BEGUN"
    DONE = "DONE"


class Attempt(Struct, frozen=True):
    """A write, as it is kept.

    Attributes:
        holder: The server that began the last attempt.
        attempts: How many were begun.
        until: The moment from which on the last attempt has surely ended.
        result: What came of it, once that is known.
    """

    holder: str
    attempts: int
    until: datetime
    result: Kept | None = None


class Tried(Struct, frozen=True):
    """How far a step had come."""

    attempts: int
    started_at: datetime


class Attempts:
    """The writes of a store.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(
        self, process_id: str, name: str, lease: Lease, until: datetime
    ) -> Attempt | None:
        """Write down that a system is about to be told for the first time.

        Returns:
            None if it may be told; else the attempt that was begun before.

        Raises:
            LeaseLostError: if the lease is no longer held.
        """
        key = (_W.process_id == process_id, _W.name == name)

        async def work(connection: AsyncConnection) -> Attempt | None:
            await _held(connection, lease, self._store.dialect)
            row = (await connection.execute(sa.select(PROCESS_WRITES).where(*key))).mappings()
            found = row.first()
            if found is not None:
                return _attempt(found)
            values = {
                "process_id": process_id,
                "name": name,
                "state": AttemptState.BEGUN.value,
                "holder": lease.holder,
                "attempts": 1,
                "until": until,
            }
            await connection.execute(sa.insert(PROCESS_WRITES).values(values))
            return None

        return await self._store.write(work)

    async def again(
        self, process_id: str, name: str, lease: Lease, until: datetime, attempts: int
    ) -> bool:
        """Write down that a system is about to be told once more.

        Args:
            process_id: Whose write.
            name: Which.
            lease: The lease of this server.
            until: When the new attempt has surely ended.
            attempts: How many there were when the system was asked what had become of them.

        Returns:
            Whether it may be told; False if there was another attempt meanwhile.

        Raises:
            LeaseLostError: if the lease is no longer held.
        """
        statement = (
            sa.update(PROCESS_WRITES)
            .where(_W.process_id == process_id, _W.name == name, _W.attempts == attempts)
            .where(_W.state == AttemptState.BEGUN.value)
            .values(holder=lease.holder, until=until, attempts=attempts + 1)
            .returning(_W.attempts)
        )

        async def work(connection: AsyncConnection) -> bool:
            await _held(connection, lease, self._store.dialect)
            return await connection.scalar(statement) is not None

        return await self._store.write(work)

    async def tried(self, process_id: str, number: int) -> Tried | None:
        """How far a step had come when its process was last seen; None if it had not begun."""
        steps = PROCESS_STEPS.c
        query = sa.select(steps.attempts, steps.started_at).where(
            steps.process_id == process_id, steps.number == number
        )

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(query)).first()

        row = await self._store.read(work)
        return None if row is None else Tried(row.attempts, row.started_at)


async def _held(connection: AsyncConnection, lease: Lease, dialect: str) -> None:
    """See to it that a lease is held until this transaction ends."""
    query = sa.select(LEASES.c.token).where(
        LEASES.c.name == lease.name,
        LEASES.c.holder == lease.holder,
        LEASES.c.token == lease.token,
    )
    if dialect == "postgresql":
        query = query.with_for_update(read=True)
    if await connection.scalar(query) is None:
        raise LeaseLostError(f"the lease {lease.name!r} was taken by another")


def _attempt(row: Any) -> Attempt:
    text = row["result"]
    return Attempt(
        row["holder"],
        row["attempts"],
        row["until"],
        None if text is None else msgspec.json.decode(text, type=Kept),
    )
