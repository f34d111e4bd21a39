"""Leases: who does what only one process at a time may do, and how far it has come.

A lease ends by itself; each holder gets a higher number (a fencing token), and what is written
under a lease (`Writing.hold`, `Writing.place`) is refused once another holds it. So a holder that
slept through the end of its lease does no harm, however the clocks of machines differ.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.store.questions import inserting
from runtime.store.store import Store
from runtime.store.tables import LEASES, POSITIONS

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Lease(Struct, frozen=True):
    """A lease that somebody held.

    Attributes:
        name: What may be done.
        holder: By whom.
        token: Higher than that of any holder before.
        until: When it ends, if it is not renewed.
    """

    name: str
    holder: str
    token: int
    until: datetime


class Leases:
    """The leases and positions of a store.

    Args:
        store: Where they are.
        now: The time; between machines it may differ by much less than a lease lasts.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def acquire(self, name: str, holder: str, ttl_s: float) -> Lease | None:
        """Take a lease that nobody holds, or that has ended. None if another holds it.

        One's own is taken again, with another number.
        """
        now = self._now()
        until = now + timedelta(seconds=ttl_s)
        insert = inserting(LEASES, self._store.dialect).values(
            name=name, holder=holder, until=until, token=1
        )
        statement = insert.on_conflict_do_update(
            index_elements=[LEASES.c.name],
            set_={"holder": holder, "until": until, "token": LEASES.c.token + 1},
            where=(LEASES.c.until <= now) | (LEASES.c.holder == holder),
        ).returning(LEASES.c.token)
        token = await self._scalar(statement)
        return None if token is None else Lease(name, holder, token, until)

    async def renew(self, lease: Lease, ttl_s: float) -> Lease | None:
        """Hold a lease for longer. None if another has taken it."""
        until = self._now() + timedelta(seconds=ttl_s)
        token = await self._scalar(_changed(lease, until))
        return None if token is None else msgspec.structs.replace(lease, until=until)

    async def release(self, lease: Lease) -> None:
        """Give a lease back. Does nothing if another has taken it."""
        await self._scalar(_changed(lease, _LONG_AGO))

    async def is_held(self, name: str) -> bool:
        """Whether anybody holds a lease now."""
        query = sa.select(LEASES.c.until).where(LEASES.c.name == name)
        until = await self._store.read(lambda connection: connection.scalar(query))
        return until is not None and until > self._now()

    async def position(self, name: str) -> Any:
        """What was last placed by a name (`Writing.place`); None if nothing was."""
        query = sa.select(POSITIONS.c.value).where(POSITIONS.c.name == name)
        value = await self._store.read(lambda connection: connection.scalar(query))
        return None if value is None else msgspec.json.decode(value)

    async def _scalar(self, statement: Any) -> int | None:
        async def work(connection: AsyncConnection) -> int | None:
            found: int | None = await connection.scalar(statement)
            return found

        return await self._store.write(work)


def _changed(lease: Lease, until: datetime) -> Any:
    return (
        sa.update(LEASES)
        .where(
            LEASES.c.name == lease.name,
            LEASES.c.holder == lease.holder,
            LEASES.c.token == lease.token,
        )
        .values(until=until)
        .returning(LEASES.c.token)
    )
