"""A receiver of webhooks: a real HTTP server that keeps what comes and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

import msgspec
from typing_extensions import override

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes exactly").decode()


class Received:
    """One delivery as it came over the wire; header names are in lower case."""

    def __init__(self, headers: dict[str, str], body: bytes, answered: int) -> None:
        self.headers = headers
        self.body = body
        self.answered = answered

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def order(self) -> dict[str, Any]:
        order: dict[str, Any] = msgspec.json.decode(self.body)
        return order


class Receiver:
    """What came so far; `answers` are used up first, then all is answered with 202.

    An answer is a status, a status with Retry-After, or 0 for hanging up.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/ingest/procurement"
        self.answers: list[int | tuple[int, str]] = []
        self.received: list[Received] = []
        self.came = Condition()

    def wait_for(self, count: int, timeout_s: float = 15) -> list[Received]:
        """Everything, once so many deliveries have come."""
        with self.came:
            if not self.came.wait_for(lambda: len(self.received) >= count, timeout_s):
                raise TimeoutError(f"{len(self.received)} of {count} deliveries came")
            return list(self.received)


@contextmanager
def listening() -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    receiver = server.receiver = Receiver(server.server_address[1])  # type: ignore[attr-defined]  # ours
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]  # set above
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with receiver.came:
            answer = receiver.answers.pop(0) if receiver.answers else 202
            status, wait = answer if isinstance(answer, tuple) else (answer, "")
            receiver.received.append(Received(headers, body, status))
            receiver.came.notify_all()
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def standard_signature(received: Received) -> str:
    """What the specification of Standard Webhooks says that the header should be."""
    key = base64.b64decode(SECRET.split("_", 1)[1])
    stamp = received.headers["webhook-timestamp"]
    content = b".".join([received.id.encode(), stamp.encode(), received.body])
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
