"""A loopback HTTP server that misbehaves on request, and transports to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from msgspec import Struct, field

from canonical.ports import Ask
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.kit.transport import Transport
from connectors.kit.transport_open import open_transport
from runtime.cache.connection import RedisHandle
from runtime.limits.redis_limits import RedisLimits


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What stands on sockets and timers is tried on the loop that serves, too."""
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    near = item.path.name.startswith(("test_wire", "test_transport"))
    return loops if near else {"asyncio": asyncio.new_event_loop}


class Heard(Struct):
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Answer = Callable[[Heard, asyncio.StreamWriter], Awaitable[None]]


class Loopback(Struct):
    """The server: `answer` writes raw bytes; every request is kept."""

    answer: Answer
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    working: int = 0
    most_working: int = 0
    serving: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        me = self.connections
        if task := asyncio.current_task():
            self.serving.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._one(head, reader, writer, me)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            if writer.get_extra_info("sslcontext"):
                writer.transport.abort()  # TLS waits for a farewell
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def hang_up(self) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def _one(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: int,
    ) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = first.split(" ")
        heard = Heard(method, target, headers, body, connection)
        self.heard.append(heard)
        self.working += 1
        self.most_working = max(self.most_working, self.working)
        try:
            await self.answer(heard, writer)
            await writer.drain()
        finally:
            self.working -= 1


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """A response with a length. Header names are given with underscores."""
    given = {"content_type": "application/json", "content_length": str(len(body))} | headers
    lines = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in given.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


def always(raw: bytes) -> Answer:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return answer


def in_turn(*raws: bytes) -> Answer:
    """One answer after the other, the last one for ever."""
    left = list(raws)

    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return answer


class Bill:
    """A meter that keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.milliseconds: list[float] = []
        self.rows = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.rows += rows
        self.calls.append((system, failed))
        self.milliseconds.append(milliseconds)


class World:
    """What tests have at hand."""

    def __init__(self) -> None:
        self.bill = Bill()
        self._opened: list[Any] = []
        self.server = Loopback(always(reply()))

    always = staticmethod(always)
    in_turn = staticmethod(in_turn)
    reply = staticmethod(reply)

    def ask(self, seconds: float = 5.0, *, interactive: bool = True) -> Ask:
        deadline = asyncio.get_running_loop().time() + seconds
        return Ask(deadline, "corr-1", self.bill, "00-abc-def-01", interactive)

    def services(self, **given: Any) -> Services:
        plain: dict[str, Any] = {"environ": {}, "base_dir": Path("/nowhere"), "random": lambda: 0.0}
        return Services(**(plain | given))

    def transport(
        self, services: Services | None = None, *, url: str | None = None, **policy: Any
    ) -> Transport:
        made = open_transport(
            "erp",
            url or f"{self.server.url}/api",
            CallPolicy.model_validate(policy),
            services or self.services(),
        )
        self._opened.append(made)
        return made

    def to_close(self, opened: Any) -> Any:
        self._opened.append(opened)
        return opened

    async def aclose(self) -> None:
        for one in reversed(self._opened):
            await one.aclose()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    listening = await asyncio.start_server(made.server.serve, "127.0.0.1", 0)
    made.server.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await made.aclose()
        listening.close()
        await made.server.hang_up()


@pytest.fixture
async def handles(valkey_url: str) -> AsyncIterator[tuple[RedisHandle, RedisHandle]]:
    """The connections of two processes."""
    both = (RedisHandle(valkey_url), RedisHandle(valkey_url))
    yield both
    for handle in both:
        await handle.aclose()


@pytest.fixture
async def two(handles: tuple[RedisHandle, RedisHandle]) -> tuple[RedisLimits, RedisLimits]:
    """The shared counter as two processes see it."""
    here, there = handles
    await here.run(lambda client: client.flushdb(), None)
    return RedisLimits(here), RedisLimits(there)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
