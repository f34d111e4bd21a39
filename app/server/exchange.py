"""One HTTP request and its answer, as bare ASGI: the GraphQL route reads bytes and writes bytes."""

import asyncio
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from starlette.types import Message, Receive, Scope, Send

from app.server.stepping import begin
from app.server.whole import cycle_of, write_whole
from runtime.telemetry.correlation import HEADER
from runtime.telemetry.metrics import Route, request_answered

CORRELATION: Final = HEADER.lower().encode()
"""Name of the header with the correlation id."""

_NOT_MODIFIED: Final = 304
_DISCARDED: Final = 4 * 1024 * 1024
# Somewhat too much is read to its end, for a client that is still sending hears no answer; whoever
# sends far too much, or too slowly, is not listened to any longer.


class ClientGoneError(Exception):
    """The client has hung up: nobody is there to be answered."""


class BodyTooLongError(Exception):
    """The request's body is longer than what is taken."""


class Inbound(Struct, frozen=True):
    """A request.

    Attributes:
        method: The HTTP method.
        query: The query part of the address, as it came.
        headers: Headers by their names in lower case; of several alike the first.
        receive: Brings what else comes from the client.
        client: Its address and port; None if the server does not know them.
    """

    method: str
    query: bytes
    headers: Mapping[bytes, bytes]
    receive: Receive
    client: tuple[str, int] | None = None

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> "Inbound":
        """The request of an ASGI scope."""
        headers = dict(reversed(scope["headers"]))
        client = scope.get("client")
        return cls(scope["method"], scope["query_string"], headers, receive, client)

    @property
    def address(self) -> str:
        """Where the client asks from; empty if that is not known."""
        return "" if self.client is None else self.client[0]

    def header(self, name: bytes) -> str | None:
        """A header's value, if it is there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, max_bytes: int, within_s: float) -> bytes:
        """The request's body. One that is here already costs no timer.

        Args:
            max_bytes: Longest body.
            within_s: How long it may take to arrive.

        Raises:
            BodyTooLongError: if it is longer than that.
            TimeoutError: if it did not arrive in time.
            ClientGoneError: if the client hung up before its end.
        """
        begun, message = begin(self.receive())
        if begun is None and message["type"] == "http.request" and not message.get("more_body"):
            only: bytes = message.get("body", b"")
            if len(only) > max_bytes:
                raise BodyTooLongError
            return only
        async with asyncio.timeout(within_s):
            first = message if begun is None else await begun
            return await self._whole_body(first, max_bytes)

    async def _whole_body(self, message: Message, max_bytes: int) -> bytes:
        size, chunks = 0, []
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= max_bytes:
                chunks.append(chunk)
            if not message.get("more_body", False) or size > max_bytes + _DISCARDED:
                break
            message = await self.receive()
        if size > max_bytes:
            raise BodyTooLongError
        return b"".join(chunks)


class Reply(Struct, frozen=True):
    """An answer.

    Attributes:
        status: HTTP status.
        headers: Headers, without the length.
        body: The bytes.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    async def send(self, send: Send, correlation_id: str) -> None:
        """Send it, and count it."""
        request_answered(Route.GRAPHQL, self.status)
        headers = [*self.headers, (CORRELATION, correlation_id.encode("ascii"))]
        if self.status != _NOT_MODIFIED:
            headers.append((b"content-length", b"%d" % len(self.body)))
        if (cycle := cycle_of(send, headers)) is not None:
            write_whole(cycle, self.status, headers, self.body)
            return
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def as_headers(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Headers in the form of ASGI."""
    return tuple((n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items())
