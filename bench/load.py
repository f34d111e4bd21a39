"""The load: requests over keep-alive connections of raw HTTP/1.1, and how long answers took.

Each connection sends its next request when its last is answered. After the time is up what is under
way is still waited for, so that a server's processor time divides exactly by the answers it gave.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from typing_extensions import override

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
_LONGEST_S: Final = 180.0
_ACCEPTED_S: Final = 0.05
"""Time that a server has to accept all connections before the first request."""


class Sample(Struct, frozen=True):
    """What came of a load.

    Attributes:
        latencies_s: Of each answer, in seconds, ascending.
        seconds: From the first request to the last answer.
        failed: Answers that were refusals.
        bytes: Length of the last body.
    """

    latencies_s: Sequence[float]
    seconds: float
    failed: int
    bytes: int

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        last = len(self.latencies_s) - 1
        return self.latencies_s[min(last, round(last * percent / 100))] * 1000


async def load(
    url: str,
    bodies: Sequence[bytes],
    headers: Mapping[str, str],
    connections: int,
    seconds: float,
) -> Sample:
    """Ask for some time.

    Args:
        url: Where to POST.
        bodies: Request bodies, taken in turn.
        headers: Besides those that every request has.
        connections: How many requests are under way at a time.
        seconds: How long new ones are sent.
    """
    where = urlsplit(url)
    json = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    requests = cycle([request_of(where.path, where.netloc, json, body) for body in bodies])
    return await load_with(requests, where.netloc, connections, seconds)


async def load_with(
    requests: Iterator[bytes], address: str, connections: int, seconds: float
) -> Sample:
    """Send requests for some time.

    Args:
        requests: Whole requests without end; each is taken when it is sent.
        address: Host and port.
        connections: How many requests are under way at a time.
        seconds: How long new ones are sent.
    """
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    run = _Run(requests)
    made = [
        (await loop.create_connection(lambda: _Connection(run), host, int(port)))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(_ACCEPTED_S)
    began = time.perf_counter()
    run.until = began + seconds
    for connection in made:
        connection.send()
    async with asyncio.timeout(seconds + _LONGEST_S):
        await asyncio.gather(*(connection.done for connection in made))
    return Sample(sorted(run.latencies_s), run.last - began, run.failed, run.bytes)


def request_of(path: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a POST."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    lines = f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return lines.encode("ascii") + body


class _Run:
    """What all connections of one load share."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.until = 0.0
        self.latencies_s: list[float] = []
        self.failed = 0
        self.bytes = 0
        self.last = 0.0


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, run: _Run) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._run = run
        self._head = b""
        self._missing = -1
        self._sent = 0.0
        self._transport: Any = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where requests go."""
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Count what arrives; bodies are not kept."""
        if self._missing < 0:
            self._head += data
            end = self._head.find(_END)
            if end < 0:
                return
            data = self._head[end + len(_END) :]
            self._begin(self._head[:end])
        self._missing -= len(data)
        if self._missing == 0:
            self._answered()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends early is an error: all contenders keep theirs open."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed before its time"))

    def send(self) -> None:
        """Send the next request."""
        self._sent = time.perf_counter()
        self._transport.write(next(self._run.requests))

    def _begin(self, head: bytes) -> None:
        run = self._run
        run.failed += not head.split(b" ", 2)[1].startswith(b"2")
        _, found, rest = head.lower().partition(_LENGTH)
        assert found, "the answer does not say how long it is"
        self._missing = run.bytes = int(rest.partition(b"\r\n")[0])
        self._head = b""

    def _answered(self) -> None:
        now = time.perf_counter()
        run = self._run
        run.latencies_s.append(now - self._sent)
        run.last = now
        self._missing = -1
        if now < run.until:
            self.send()
        else:
            self.done.set_result(None)
            self._transport.close()
