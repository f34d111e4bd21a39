"""An HTTP connection under uvicorn, with bounds that uvicorn has none of.

    no whole head in time            408, closed       a head that is too long     431, closed
    nothing is read of what waits    cut off           frames behind an upgrade    handed on

uvicorn takes the class as its `http`. The bounds are found in the application's lifespan state,
under the name EDGE.
"""

import asyncio
import sys
from typing import Any, Final

from typing_extensions import override
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.server.edge import Edge

EDGE: Final = "edge"

_DEFAULT: Final = Edge()
_TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class HTTPConnection(HttpToolsProtocol):
    """One connection: uvicorn's, but for its bounds.

    Args:
        config: The server's.
        server_state: Holds the connections of the server.
        app_state: The application's lifespan state.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._edge: Edge = app_state.get(EDGE, _DEFAULT)
        self._awaits_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._latest = b""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._end_stall()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._awaits_head:
            self._head_bytes += len(data)
        self._latest = data
        super().data_received(data)
        self._latest = b""
        if self._awaits_head and not self.transport.is_closing():
            if self._head_bytes > self._edge.max_head_bytes:
                self._refuse(_TOO_LONG)
            elif self._head_timer is None:
                self._arm()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaits_head = True

    @override
    def on_headers_complete(self) -> None:
        self._awaits_head, self._head_bytes = False, 0
        self._disarm()
        super().on_headers_complete()

    @override
    def handle_websocket_upgrade(self) -> None:
        """Hand over to the socket's protocol, and what came behind the request with it."""
        upgrade, latest = sys.exception(), self._latest
        self._end_stall()
        super().handle_websocket_upgrade()
        rest = latest[upgrade.args[0] :] if upgrade is not None and upgrade.args else b""
        if rest:
            protocol = self.transport.get_protocol()
            assert isinstance(protocol, asyncio.Protocol)  # noqa: S101  # set a moment ago
            protocol.data_received(rest)

    @override
    def pause_writing(self) -> None:
        """The client is behind with reading (asyncio)."""
        super().pause_writing()
        self._look_at(self.transport.get_write_buffer_size())

    @override
    def resume_writing(self) -> None:
        """The client has caught up (asyncio)."""
        self._end_stall()
        super().resume_writing()

    def _look_at(self, waiting: int) -> None:
        self._stall_timer = self.loop.call_later(self._edge.stalled_s, self._seek_progress, waiting)

    def _seek_progress(self, waited: int) -> None:
        """Cut off a client that has read nothing for a while."""
        waiting = self.transport.get_write_buffer_size()
        if waiting >= waited:
            self.transport.abort()
        else:
            self._look_at(waiting)

    def _end_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(self._edge.header_s, self._refuse, _TOO_LATE)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, reply: bytes) -> None:
        """Say why, unless nothing was said or an answer is on its way, and close."""
        self._disarm()
        if self._head_bytes and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(reply)
        self.transport.close()
