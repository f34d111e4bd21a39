"""Raw connections for those who keep to no rules, and what they cost the process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from msgspec import Struct

from tests.fakes.serving import Site, a_token

HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer %b\r\n"
)


def head(*more: bytes) -> bytes:
    """The head of a question by a planner."""
    return HEAD % a_token().encode() + b"".join(line + b"\r\n" for line in more) + b"\r\n"


def whole(body: bytes) -> bytes:
    """A question by a planner, on a connection that ends with its answer."""
    return head(b"Content-Length: %d" % len(body), b"Connection: close") + body


class Heard(Struct):
    """What came back on a connection, up to its end."""

    data: bytes

    @property
    def status(self) -> int:
        """The status; 0 where nothing came."""
        return int(self.data[9:12] or b"0")

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


async def say(port: int, *parts: bytes, pause_s: float = 0.0, within_s: float = 5.0) -> Heard:
    """Send parts one after the other, until the server has heard enough; hear what it says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(within_s):
            with suppress(ConnectionError):
                return Heard(await reader.read())
            return Heard(b"")
    finally:
        sending.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def cheap(site: Site, cpu_s: float) -> AsyncIterator[None]:
    """What is done in the block costs the process little, attackers included; others are served."""
    before = time.process_time()
    yield
    spent_s = time.process_time() - before
    assert spent_s < cpu_s, f"{spent_s:.2f} s of CPU"
    answer = await asyncio.wait_for(site.ask("{ viewer { subject } }"), 5)
    assert answer.json() == {"data": {"viewer": {"subject": "pia"}}}


def chunks(total: int, size: int = 64 * 1024) -> Iterable[bytes]:
    """A body of unknown length, chunk by chunk."""
    chunk = b"%x\r\n" % size + b" " * size + b"\r\n"
    return [chunk] * (total // size)
