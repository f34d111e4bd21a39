"""Writing the audit: entries are sealed into the chain by whoever holds its head.

The head is one row of the store, locked until the commit, so that several processes append to one
chain. Whatever is waiting is sealed in one transaction.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any, Final

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.audit import AuditEntry
from runtime.audit.chain import GENESIS, Head, sealed
from runtime.events.rows import new_id
from runtime.store.questions import among, inserting, many
from runtime.store.store import Store
from runtime.store.tables import AUDIT, AUDIT_CHAIN

CHAIN: Final = "audit"
_MOST: Final = 500
_HEAD: Final = sa.select(AUDIT_CHAIN.c.position, AUDIT_CHAIN.c.hash).where(
    AUDIT_CHAIN.c.name == CHAIN
)
_Waiting = tuple[Sequence[AuditEntry], "asyncio.Future[None]"]


async def read_head(connection: AsyncConnection) -> Head | None:
    """The end of the chain; None if it was never begun."""
    row = (await connection.execute(_HEAD)).first()
    return None if row is None else Head(row.position, row.hash)


async def hold_head(connection: AsyncConnection) -> Head:
    """The end of the chain, which nobody else moves before this transaction ends."""
    row = (await connection.execute(_HEAD.with_for_update())).first()
    if row is None:
        begin = inserting(AUDIT_CHAIN, connection.dialect.name).on_conflict_do_nothing()
        await connection.execute(begin, {"name": CHAIN, "position": 0, "hash": GENESIS})
        row = (await connection.execute(_HEAD.with_for_update())).one()
    return Head(row.position, row.hash)


async def seal(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> Head:
    """Append entries, with their ids and times, to the chain, in the transaction under way.

    Call it last: whoever appends waits for the commit. What is in the chain already is left out, so
    that this may be done again after a commit of which nobody heard.
    """
    head = await hold_head(connection)
    dialect = connection.dialect.name
    known = sa.select(AUDIT.c.entry_id).where(among(AUDIT.c.entry_id, "ids", dialect))
    found = await connection.execute(known, {"ids": many([e.entry_id for e in entries], dialect)})
    old = set(found.scalars())
    rows, head = sealed([entry for entry in entries if entry.entry_id not in old], head)
    if rows:
        await connection.execute(sa.insert(AUDIT), rows)
        moved = {"position": head.position, "hash": head.hash}
        await connection.execute(
            sa.update(AUDIT_CHAIN).where(AUDIT_CHAIN.c.name == CHAIN).values(moved)
        )
    return head


def stamped(entry: AuditEntry, at: datetime, random: Random) -> AuditEntry:
    """An entry with its time and an id."""
    return structs.replace(entry, at=at, entry_id=new_id(at, random))


class AuditLog:
    """The audit of one process.

    Args:
        store: Where it is kept.
        now: The time.
        random: For ids of entries.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
    ) -> None:
        self.store = store
        self.now = now
        self.random = random or SystemRandom()
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def append(self, *entries: AuditEntry) -> Sequence[AuditEntry]:
        """Write entries down; they are kept when this returns.

        Returns:
            They, with their ids and times.

        Raises:
            UnavailableError: the store could not be reached in time. They may be kept all the same.
        """
        stamp = [stamped(entry, self.now(), self.random) for entry in entries]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((stamp, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), context=Context())
        await future
        return stamp

    async def aclose(self) -> None:
        """Wait for what is under way."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            entries = [entry for some, _ in batch for entry in some]
            try:
                await self.store.write(_sealing(entries))
            except Exception as exc:  # noqa: BLE001  # whoever waits is told
                _tell(batch, exc)
            else:
                _tell(batch, None)


def _sealing(entries: Sequence[AuditEntry]) -> Any:
    return lambda connection: seal(connection, entries)


def _tell(batch: Sequence[_Waiting], problem: Exception | None) -> None:
    for _, future in batch:
        if future.done():
            continue
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(problem)
