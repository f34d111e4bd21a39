"""Opening a socket: which requests for an upgrade are taken, and what is spoken then."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from app.server.sockets.legacy import LegacySession
from app.server.sockets.origins import may_open
from app.server.sockets.session import Session
from app.server.sockets.transport_ws import TransportSession
from app.server.switchboard import Switchboard
from app.server.terms import HEADERS

PATH: Final = "/graphql"
SPOKEN: Final[Mapping[str, type[Session]]] = {
    s.protocol.value: s for s in (TransportSession, LegacySession)
}
"""Sessions by the name of their subprotocol, the better one first."""

_log = structlog.get_logger(__name__)


def new_connection(max_message_bytes: int) -> ServerProtocol:
    """The machine of one connection: handshake, frames, closing. Nothing is compressed."""
    return ServerProtocol(select_subprotocol=_select, max_size=max_message_bytes)


def respond(machine: ServerProtocol, request: Request, board: Switchboard | None) -> Response:
    """The response to a request for an upgrade; its status is 101 if it is taken."""
    if request.path.partition("?")[0] != PATH:
        return machine.reject(HTTPStatus.NOT_FOUND, f"sockets are opened at {PATH}\n")
    if board is None or board.drain.stopping:
        message = "this process is starting or stopping; try again shortly\n"
        response = machine.reject(HTTPStatus.SERVICE_UNAVAILABLE, message)
        response.headers["Retry-After"] = "1"
        return response
    origin, host = _only(request.headers, "Origin"), _only(request.headers, "Host")
    if not may_open(origin, host, board.settings.allowed_origins):
        _log.info("socket refused", origin=origin, host=host)
        message = "pages of this origin may not open sockets here; see `allowed_origins`\n"
        return machine.reject(HTTPStatus.FORBIDDEN, message)
    return machine.accept(request)


def terms_of(request: Request) -> dict[bytes, bytes]:
    """The headers that say who asks, and on which terms."""
    found = {name: _only(request.headers, name.decode()) for name in HEADERS}
    return {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in found.items()
        if value is not None
    }


def _select(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The best of what a client speaks; where that is none, the socket is closed with 4406."""
    return next((Subprotocol(name) for name in SPOKEN if name in offered), None)


def _only(headers: Headers, name: str) -> str | None:
    try:
        return headers.get(name)
    except MultipleValuesError:
        return "several"
