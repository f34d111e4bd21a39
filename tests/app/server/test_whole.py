"""An answer that is written at once is the one that uvicorn would have written."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from app.server.exchange import CORRELATION, Reply
from tests.fixtures.server import Server, served

BODIES = {b"/short": b'{"data": {}}', b"/long": b"x" * 200_000, b"/empty": b""}


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/broken":
        headers: tuple[tuple[bytes, bytes], ...] = ((b"x-note", b"a\r\nb: c"),)
        await Reply(200, headers, b"{}").send(send, "c-1")
        return
    headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
    status = 304 if scope["path"] == "/empty" else 200
    reply = Reply(status, headers, BODIES[scope["path"].encode()])
    if b"x-asgi" in dict(scope["headers"]):
        await reply.send(partial(send), "c-1")  # no connection to be seen under it
    else:
        await reply.send(send, "c-1")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with served(_answer) as server:
        yield server


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    headers = {name: value for name, _, value in (line.partition(b": ") for line in lines)}
    return first, headers, await reader.readexactly(int(headers.get(b"content-length", b"0")))


@pytest.mark.parametrize("path", sorted(BODIES))
async def test_it_is_the_same_and_the_connection_goes_on(server: Server, path: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    found = []
    for more in (b"", b"X-Asgi: 1\r\n", b""):
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (path, more))
        status, headers, body = await _read(reader)
        assert headers.pop(b"date")
        found.append((status, headers, body))
    assert found[0] == found[1] == found[2]
    assert found[0][1][CORRELATION] == b"c-1"
    assert found[0][2] == BODIES[path]
    writer.close()


async def test_a_header_with_a_line_break_is_never_sent(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status, headers, _ = await _read(reader)
    assert status == b"HTTP/1.1 500 Internal Server Error"
    assert b"x-note" not in headers
    assert b"b" not in headers
    writer.close()
