"""The metadata of a system's services, each read at most once and only when it is needed."""

import asyncio
from collections import defaultdict

from canonical.errors import BadAnswerError, MisconfiguredError
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request
from connectors.odata.errors import explain
from connectors.odata.metadata import Service, parse
from connectors.odata.settings import Settings


class Catalog:
    """What the services of one system say of themselves."""

    def __init__(self, settings: Settings, caller: HTTPCaller) -> None:
        self._settings = settings
        self._caller = caller
        self._services: dict[str, Service | None] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def known(self, name: str) -> Service | None:
        """A service's metadata if it was read already."""
        return self._services.get(name)

    async def service(self, name: str, ask: Ask) -> Service | None:
        """A service's metadata, read anew; None if the settings say that there is none.

        Raises:
            MisconfiguredError: if it is not there or may not be read.
            BadAnswerError: if it is no OData metadata.
            UnavailableError: if the system cannot be asked.
        """
        if self._settings.metadata is None:
            return None
        self._services[name] = await self._read(name, self._settings.metadata, ask)
        return self._services[name]

    async def try_service(self, name: str, ask: Ask) -> Service | None:
        """A service's metadata, read once; None, from then on, if it may not be read."""
        async with self._locks[name]:
            if name in self._services:
                return self._services[name]
            try:
                return await self.service(name, ask)
            except MisconfiguredError:
                self._services[name] = None
                return None

    async def _read(self, name: str, place: str, ask: Ask) -> Service:
        path = "/".join(part for part in (self._settings.root, name, place) if part)
        query = (("sap-client", self._settings.sap_client),) if self._settings.sap_client else ()
        request = Request(
            path=path, label=f"{name} {place}", query=query, headers={"Accept": "application/xml"}
        )
        response = await self._caller.send(request, ask, explain=explain)
        try:
            return parse(response.content)
        except ValueError as exc:
            raise BadAnswerError(self._caller.system, f"{request.label}: {exc}") from exc
