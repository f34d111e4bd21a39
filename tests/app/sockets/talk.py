"""Raw sockets: messages as a test writes them, with nothing done on their behalf."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fakes.serving import a_token

TRANSPORT, LEGACY = "graphql-transport-ws", "graphql-ws"


class Line:
    """One socket, seen from the client."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, *messages: Mapping[str, Any] | str | bytes) -> None:
        for message in messages:
            raw = isinstance(message, str | bytes)
            await self.socket.send(message if raw else json.dumps(message))

    async def hear(self) -> Any:
        return json.loads(await asyncio.wait_for(self.socket.recv(), 5))

    async def closing(self) -> tuple[int, str]:
        """Code and reason of the end; what was said before is thrown away."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(5):
                while True:
                    await self.socket.recv()
        await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def initialise(self, token: str | None = None) -> None:
        """As a planner where nothing else is said."""
        authorization = f"Bearer {token or a_token()}"
        await self.say({"type": "connection_init", "payload": {"authorization": authorization}})
        assert await self.hear() == {"type": "connection_ack"}

    async def is_well(self) -> None:
        """Nothing but the answer to a ping is on the way."""
        await self.say({"type": "ping", "payload": {"well": True}})
        assert await self.hear() == {"type": "pong", "payload": {"well": True}}


class Talk:
    """Opens sockets to one server."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self._open: list[ClientConnection] = []

    async def open(self, *protocols: str, path: str = "/graphql", **more: Any) -> Line:
        """A socket that has said nothing yet."""
        spoken = [Subprotocol(p) for p in protocols]
        socket = await connect(
            f"ws://{self.host}{path}",
            subprotocols=spoken or None,
            compression=None,
            proxy=None,
            **more,
        )
        self._open.append(socket)
        return Line(socket)

    async def connected(self, token: str | None = None) -> Line:
        """A socket of graphql-transport-ws that is acknowledged."""
        line = await self.open(TRANSPORT)
        await line.initialise(token)
        return line

    async def aclose(self) -> None:
        await asyncio.gather(*(socket.close() for socket in self._open))


def subscribe(query: str, name: str = "1", **variables: Any) -> dict[str, Any]:
    payload = {"query": f"subscription {{ {query} }}", "variables": variables}
    return {"id": name, "type": "subscribe", "payload": payload}
