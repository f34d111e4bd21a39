"""A system that takes orders, over HTTP: it takes each as often as it is told, and counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SLOW_S = 0.15
"""How long it takes to do what a client asked that has died meanwhile."""


class Shop:
    """Orders by key.

    Attributes:
        orders: How many orders were placed for each key.
        asked: How often it was asked about each key.
        url: Its host and port.
    """

    def __init__(self) -> None:
        self.orders: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            line = (await reader.readuntil(b"\n")).decode()
            verb, key, how = line.split()
            if verb == "ASK":
                self.asked[key] += 1
                writer.write(f"{self.orders[key]}\n".encode())
            else:
                if how == "slow":
                    await asyncio.sleep(SLOW_S)
                self.orders[key] += 1
                if how == "silent":
                    await reader.read()  # until the client has gone
                writer.write(f"{self.orders[key]}\n".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def opened_shop() -> AsyncIterator[Shop]:
    """A shop on a free port."""
    shop = Shop()
    server = await asyncio.start_server(shop.answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    shop.url = f"{host}:{port}"
    async with server:
        yield shop


async def told(url: str, verb: str, key: str, how: str = "quick") -> int:
    """Tell or ask a shop; how many orders it has for the key."""
    host, port = url.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"{verb} {key} {how}\n".encode())
        return int(await reader.readline())
    finally:
        writer.close()
