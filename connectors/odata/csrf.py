"""The token that SAP services want with every write, and the session that it belongs to."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from canonical.errors import BadAnswerError, MisconfiguredError, Reason
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.odata.errors import explain

_REFUSED: Final = 403
_TOKEN: Final = "x-csrf-token"  # noqa: S105 - the name of a header
_COOKIE: Final = re.compile(r"(?:^|,\s*)([^=;,\s]+=[^;,]*)")
"""`name=value` of each cookie in headers that were joined by commas; dates in them have blanks."""


class Session:
    """Writes to one service: a token and its cookies, fetched when first needed.

    Args:
        caller: The transport.
        service: Path of the service's root below the backend's address.
        query: Parameters of every request.
    """

    def __init__(
        self, caller: HTTPCaller, service: str, query: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._caller = caller
        self._service = service
        self._query = query
        self._headers: Mapping[str, str] | None = None
        self._lock = asyncio.Lock()

    async def send(self, request: Request, ask: Ask) -> Response:
        """Send a write with the token. One that has expired is fetched again, once.

        Raises:
            MisconfiguredError: if the write is refused for another reason, or again.
            UnavailableError, InvalidInputError, ConflictError: as the transport does.
        """
        first = await self._current(None, ask)
        response = await self._attempt(request, first, ask)
        if _wants_token(response):
            response = await self._attempt(request, await self._current(first, ask), ask)
        if response.status == _REFUSED:
            said = explain(response) or "no reason is given"
            message = f"{request.label}: our credentials do not give access (403): {said}"
            raise MisconfiguredError(self._caller.system, message, reason=Reason.CREDENTIALS)
        return response

    async def _attempt(self, request: Request, token: Mapping[str, str], ask: Ask) -> Response:
        with_token = structs.replace(
            request, headers={**request.headers, **token}, accept=(*request.accept, _REFUSED)
        )
        return await self._caller.send(with_token, ask, explain=explain)

    async def _current(self, refused: Mapping[str, str] | None, ask: Ask) -> Mapping[str, str]:
        """The headers of the session; others than those that were refused."""
        async with self._lock:
            if self._headers is None or self._headers is refused:
                self._headers = await self._fetch(ask)
            return self._headers

    async def _fetch(self, ask: Ask) -> Mapping[str, str]:
        request = Request(
            path=self._service,
            label=f"{self._service.rpartition('/')[2]} token",
            query=self._query,
            headers={_TOKEN: "Fetch", "Accept": "application/json"},
        )
        response = await self._caller.send(request, ask, explain=explain)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if _TOKEN not in headers:
            raise BadAnswerError(self._caller.system, f"{request.label}: none was handed out")
        cookies = "; ".join(_COOKIE.findall(headers.get("set-cookie", "")))
        return {_TOKEN: headers[_TOKEN], **({"Cookie": cookies} if cookies else {})}


def _wants_token(response: Response) -> bool:
    headers = {name.lower(): value.lower() for name, value in response.headers.items()}
    return response.status == _REFUSED and headers.get(_TOKEN) == "required"
