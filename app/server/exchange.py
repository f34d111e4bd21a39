"""One HTTP request and its answer, as bare ASGI: the GraphQL route reads bytes and writes bytes."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.types import Receive, Scope, Send


class ClientGoneError(Exception):
    """The client has hung up: nobody is there to be answered."""


class Inbound(Struct, frozen=True):
    """A request.

    Attributes:
        method: The HTTP method.
        query: The query part of the address, as it came.
        headers: Headers by their names in lower case; of several alike the first.
        receive: Brings what else comes from the client.
    """

    method: str
    query: bytes
    headers: Mapping[bytes, bytes]
    receive: Receive

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> "Inbound":
        """The request of an ASGI scope."""
        headers = dict(reversed(scope["headers"]))
        return cls(scope["method"], scope["query_string"], headers, receive)

    def header(self, name: bytes) -> str | None:
        """A header's value, if it is there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, max_bytes: int, max_discarded: int) -> bytes | None:
        """The request's body.

        Args:
            max_bytes: Longest body.
            max_discarded: How much more is read, though to no use: a client that still sends hears
                no answer.

        Returns:
            The body; None if it is too long.

        Raises:
            ClientGoneError: if the client hung up before its end.
        """
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            only: bytes = message.get("body", b"")
            return only if len(only) <= max_bytes else None
        size, chunks = 0, []
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= max_bytes:
                chunks.append(chunk)
            if not message.get("more_body", False) or size > max_bytes + max_discarded:
                break
            message = await self.receive()
        return b"".join(chunks) if size <= max_bytes else None


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

    async def send(self, send: Send, *further: tuple[bytes, bytes]) -> None:
        """Send it, with further headers."""
        headers = [*self.headers, *further]
        if self.status != 304:  # noqa: PLR2004  # Not Modified has no body
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def as_headers(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Headers in the form of ASGI."""
    return tuple((n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items())
