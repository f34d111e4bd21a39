"""Servers that run processes: each holds a lease while it lives; whose lease has ended is dead."""

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.events.leases import Lease
from runtime.store.engines import located
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.store.tables import LEASES

_PREFIX: Final = "processes/"


def lease_name(server: str) -> str:
    """The name of a server's lease."""
    return _PREFIX + server


def database_url(settings: StoreSettings) -> str:
    """Where the engine of processes has its tables: in the store's PostgreSQL, or beside its file.

    Raises:
        MisconfiguredError: if the store's address makes no sense.
    """
    url = located(settings)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        return f"sqlite:///{file.with_name(f'{file.stem}.processes{file.suffix}')}"
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


class Servers:
    """The servers of a store.

    Args:
        store: Where their leases are.
        now: The time.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def dead(self) -> Collection[str]:
        """Servers whose lease has ended, and whose processes nobody has taken over."""
        query = sa.select(LEASES.c.name).where(
            LEASES.c.name.startswith(_PREFIX, autoescape=True), LEASES.c.until <= self._now()
        )
        return await self._names(query)

    async def known(self) -> Collection[str]:
        """All servers that live, or whose processes nobody has taken over."""
        query = sa.select(LEASES.c.name).where(LEASES.c.name.startswith(_PREFIX, autoescape=True))
        return await self._names(query)

    async def forget(self, lease: Lease) -> None:
        """A server's processes have been taken over by the holder of its lease."""
        statement = sa.delete(LEASES).where(
            LEASES.c.name == lease.name,
            LEASES.c.holder == lease.holder,
            LEASES.c.token == lease.token,
        )
        await self._store.write(lambda connection: connection.execute(statement))

    async def _names(self, query: sa.Select[Any]) -> Collection[str]:
        async def work(connection: AsyncConnection) -> Collection[str]:
            names = (await connection.execute(query)).scalars()
            return [name.removeprefix(_PREFIX) for name in names]

        return await self._store.read(work)
