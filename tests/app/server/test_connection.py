"""A connection is cut off once its client reads nothing of what waits for it, and not before."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.server.connection import EDGE, HTTPConnection
from app.server.edge import Edge
from tests.fixtures.server import Server, served
from tests.fixtures.waiting import until

LENGTH = 24 * 1024 * 1024


async def _long_answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        scope["state"][EDGE] = Edge(stalled_s=0.1)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-length", b"%d" % LENGTH)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * LENGTH})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with served(_long_answer, http=HTTPConnection) as server:
        yield server


async def _asked(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return reader, writer


async def test_who_reads_nothing_is_cut_off(server: Server) -> None:
    _, writer = await _asked(server)  # some kilobytes are read, and no more
    await until(lambda: len(server.server_state.connections) == 1)
    await until(lambda: not server.server_state.connections)
    writer.close()


async def test_who_reads_slowly_is_not(server: Server) -> None:
    reader, writer = await _asked(server)
    read = 0
    while data := await reader.read(1024 * 1024):
        read += len(data)
        await asyncio.sleep(0)
    assert read > LENGTH
    writer.close()
