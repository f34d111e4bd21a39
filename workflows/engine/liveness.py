"""That a server lives, so that its processes are left to it; and those of servers that do not."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from canonical.errors import UnavailableError
from runtime.events.leases import Lease, Leases
from runtime.processes.servers import Servers, lease_name
from workflows.engine.house import House
from workflows.engine.library import Library

_LASTS: Final = 0.5
"""How much of the time for a takeover a lease lasts; the rest is for seeing that it has ended."""
_LOOKS: Final = 8
"""How often in that time a server renews its lease and looks for the dead."""
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def held(leases: Leases, server: str, takeover_s: float) -> Lease:
    """The lease of a server that begins to live.

    Raises:
        UnavailableError: the store cannot be reached.
        RuntimeError: another has its name.
    """
    lease = await leases.acquire(lease_name(server), server, takeover_s * _LASTS)
    if lease is None:
        msg = f"there is another server {server!r}"
        raise RuntimeError(msg)
    return lease


class Liveness:
    """Keeps a server alive, and takes over from the dead; `run` is to be running.

    Args:
        leases: The leases of all servers.
        servers: The servers.
        house: What processes share; its lease is kept up to date.
        new_id: Names this server once more, should it have been taken for dead.
    """

    def __init__(
        self,
        leases: Leases,
        servers: Servers,
        house: House,
        new_id: Callable[[], str],
    ) -> None:
        self._leases = leases
        self._servers = servers
        self._library: Library | None = None
        self._house = house
        self._new_id = new_id
        self._ttl_s = house.settings.takeover_s * _LASTS

    async def launched(self, library: Library) -> None:
        """Processes run here from now on: those too that nobody runs.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        self._library = library
        await self._take_over(library)
        known = set(await self._servers.known())
        for server in await library.servers():
            if server not in known:
                await _recover(library, server)

    async def run(self) -> None:
        """Renew the lease and look for the dead, for ever."""
        pause_s = self._house.settings.takeover_s / _LOOKS
        while True:
            try:
                await self._renew()
                if self._library is not None:
                    await self._take_over(self._library)
            except UnavailableError as error:
                _log.warning("processes.lease_waits", reason=error.message)
            except Exception:  # noqa: BLE001  # else nobody would look for the dead any more
                _log.exception("processes.lease_broken")
            await asyncio.sleep(pause_s)

    async def _take_over(self, library: Library) -> None:
        """Take over the processes of servers whose lease has ended."""
        me = self._house.lease.holder
        for server in await self._servers.dead():
            lease = None
            if server != me:
                lease = await self._leases.acquire(lease_name(server), me, self._ttl_s)
            if lease is not None:
                await _recover(library, server)
                await self._servers.forget(lease)

    async def _renew(self) -> None:
        lease = await self._leases.renew(self._house.lease, self._ttl_s)
        if lease is None:
            lease = await self._begin_again()
        self._house.lease = lease

    async def _begin_again(self) -> Lease:
        """Another has taken this server for dead: what runs here runs there."""
        lost = self._house.lease.holder
        _log.warning("processes.lease_lost", server=lost)
        if self._library is not None:
            await self._library.abandon()
        server = self._new_id()
        lease = await held(self._leases, server, self._house.settings.takeover_s)
        if self._library is not None:
            self._library.rename(server)
            await _recover(self._library, lost)  # what was begun here before we noticed
        return lease


async def _recover(library: Library, server: str) -> None:
    count = await library.recover(server)
    if count:
        _log.info("processes.taken_over", server=server, processes=count)
