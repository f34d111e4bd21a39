"""A crowd of WebSocket clients in one process: raw sockets, frames counted by their length.

What a server sends is neither unpacked nor parsed, so that thousands of sockets cost their reader
little: each socket is asked for one subscription, and the n-th frame that it gets is the n-th event
that concerns it.
"""

import json
import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

_BUFFER: Final = 256 * 1024
_TEXT: Final = 0x81
_PING: Final = 0x89
_SHORT: Final = 126
_LONG: Final = 127
_AT_ONCE: Final = 100
"""Sockets that are opened before their answers are waited for."""
_OPEN_S: Final = 60.0
_STALLED_BYTES: Final = 4_096


class Asked(Struct, frozen=True):
    """What one socket says once it is open.

    Attributes:
        init: The payload of `connection_init`.
        subscribe: The payload of `subscribe`.
    """

    init: Mapping[str, Any]
    subscribe: Mapping[str, Any]


class Client:
    """One socket.

    Attributes:
        received: When each frame came, in nanoseconds.
    """

    __slots__ = ("_rest", "received", "socket")

    def __init__(self, port: int, *, stalled: bool = False) -> None:
        self.socket = socket.socket()
        if stalled:  # else the kernel takes megabytes on its behalf
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STALLED_BYTES)
        self.socket.connect(("127.0.0.1", port))
        self.received = array("q")
        self._rest = b""

    def shake(self) -> None:
        """Ask for the upgrade."""
        self.socket.sendall(
            b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        self.socket.settimeout(_OPEN_S)

    def admit(self, asked: Asked) -> None:
        """Say who it is."""
        self._wait_for(b"\r\n\r\n")
        self._say({"type": "connection_init", "payload": asked.init})

    def _wait_for(self, end: bytes) -> None:
        heard = b""
        while end not in heard:
            part = self.socket.recv(4_096)
            heard += part
            if not part or heard[:1] == b"\x88":
                message = f"a socket was not admitted: {heard[-300:]!r}"
                raise RuntimeError(message)

    def subscribe(self, asked: Asked) -> None:
        """Ask for the subscription, once it is acknowledged.

        Raises:
            RuntimeError: if it is not.
        """
        self._wait_for(b"connection_ack")
        self._say({"id": "1", "type": "subscribe", "payload": asked.subscribe})
        self.socket.setblocking(False)

    def read(self, buffer: memoryview, now: int) -> int:
        """Take in what has come; how many results that was.

        Raises:
            RuntimeError: if the server closed the connection.
        """
        try:
            size = self.socket.recv_into(buffer)
        except BlockingIOError:
            return 0
        if not size:
            raise RuntimeError("the server closed a connection")
        data = self._rest + bytes(buffer[:size]) if self._rest else bytes(buffer[:size])
        at, found, end = 0, 0, len(data)
        while end - at >= 2:
            start, stop = _extent(data, at)
            if stop > end:
                break
            if data[at] == _TEXT:
                found += 1
                self.received.append(now)
            else:
                self._controlled(data[at], data[start:stop])
            at = stop
        self._rest = data[at:]
        return found

    def _controlled(self, kind: int, body: bytes) -> None:
        if kind != _PING:
            message = f"the server said {body!r}"
            raise RuntimeError(message)
        self._send(0x8A, body)

    def _say(self, message: Mapping[str, Any]) -> None:
        self._send(_TEXT, json.dumps(message).encode())

    def _send(self, kind: int, body: bytes) -> None:
        """A frame, masked by zeros: what is masked stays as it is."""
        length = len(body)
        head = bytes([kind, 0x80 | length]) if length < _SHORT else b""
        self.socket.sendall((head or struct.pack(">BBH", kind, 0xFE, length)) + bytes(4) + body)


class Crowd:
    """Many sockets of one server, read by one thread.

    Args:
        port: Where the server listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._poll = select.epoll()
        self._by_file: dict[int, Client] = {}
        self._others: dict[int, Callable[[], None]] = {}
        self._buffer = memoryview(bytearray(_BUFFER))
        self.clients: list[Client] = []
        self.stalled: list[Client] = []
        self.total = 0

    def open(self, asked: Sequence[Asked], stalled: int = 0) -> None:
        """Open a socket for each; the last ones, so many, never read a result."""
        reading = len(asked) - stalled
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            opened = [Client(self._port, stalled=first + n >= reading) for n in range(len(some))]
            for client in opened:
                client.shake()
            for client, one in zip(opened, some, strict=True):
                client.admit(one)
            for client, one in zip(opened, some, strict=True):
                client.subscribe(one)
            for n, client in enumerate(opened):
                if first + n < reading:
                    self._by_file[client.socket.fileno()] = client
                    self._poll.register(client.socket, select.EPOLLIN)
                    self.clients.append(client)
                else:
                    self.stalled.append(client)

    def beside(self, file: int, ready: Callable[[], None]) -> None:
        """Read something else too."""
        self._others[file] = ready
        self._poll.register(file, select.EPOLLIN)

    def step(self, timeout_s: float) -> None:
        """Take in what there is; wait for it no longer than this."""
        for file, _ in self._poll.poll(timeout_s, 1_024):
            client = self._by_file.get(file)
            if client is None:
                self._others[file]()
            else:
                self.total += client.read(self._buffer, time.monotonic_ns())

    def until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Take in what comes until something is so.

        Raises:
            TimeoutError: if it is not in time.
        """
        ends = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > ends:
                message = f"{self.total} results had come after {timeout_s:g} s, and no more"
                raise TimeoutError(message)
            self.step(0.05)

    def close(self) -> None:
        """Close all sockets."""
        for client in (*self.clients, *self.stalled):
            client.socket.close()
        self._poll.close()


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the body of a frame begins and ends; of one whose head is incomplete: too far."""
    length = data[at + 1]
    if length == _SHORT:
        return at + 4, at + 4 + int.from_bytes(data[at + 2 : at + 4])
    if length == _LONG:
        return at + 10, at + 10 + int.from_bytes(data[at + 2 : at + 10])
    return at + 2, at + 2 + length
