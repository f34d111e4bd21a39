"""A whole answer written at once, where the connection under it is uvicorn's own.

ASGI sends an answer as two messages, whose headers uvicorn checks and joins one by one: a good
third of what a kept answer costs. Here the head is made in one piece and goes out with the body.
"""

from collections.abc import Sequence
from typing import Final

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = Sequence[tuple[bytes, bytes]]
_JOINED_UP_TO: Final = 64 * 1024
"""Bytes of a body that are rather copied behind its head than written apart."""


def cycle_of(send: Send, headers: Headers) -> RequestResponseCycle | None:
    """The request under a `send` that can be answered at once; None if ASGI must do it."""
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or not cycle.keep_alive
        or cycle.scope["method"] == "HEAD"
        or any(name == b"connection" for name, _ in headers)
    ):
        return None
    return cycle


def write_whole(cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
    """Answer a request.

    Args:
        cycle: As `cycle_of` gave it a moment ago.
        status: HTTP status.
        headers: All but the server's own, with names in lower case; the length is among them if
            the status has a body.
        body: The bytes.

    Raises:
        ValueError: if a header would break the head.
    """
    lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
    head = b"".join((STATUS_LINE[status], *lines))
    if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
        raise ValueError("a header has a line break in it")
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    if len(body) <= _JOINED_UP_TO:
        cycle.transport.write(b"%b\r\n%b" % (head, body))
    else:
        cycle.transport.write(b"%b\r\n" % head)
        cycle.transport.write(body)
    cycle.message_event.set()
    cycle.on_response()
