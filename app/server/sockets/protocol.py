"""A WebSocket connection under uvicorn, made for being written to.

`websockets` does what happens once: handshake, control frames, closing; and it reads. A result goes
past it, as a finished frame, straight to the transport, which under uvloop sends it at once: no
task, no queue and no encoding for each socket, but a system call, the greater part of the cost.

uvicorn takes the class as its `ws` and makes one for each request for an upgrade. Everything else
is found in the application's lifespan state, under the name SWITCHBOARD.
"""

import asyncio
import socket
from typing import Any, Final, cast

from typing_extensions import override
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from app.server.message_rates import per_minute, takes
from app.server.sockets.handshake import SPOKEN, new_connection, respond, terms_of
from app.server.sockets.session import BAD_REQUEST, Session
from app.server.sockets.transport_ws import TransportSession
from app.server.stream_settings import StreamSettings
from app.server.switchboard import RESTARTING, Switchboard
from runtime.limits.rates import Account
from runtime.telemetry import metrics
from runtime.telemetry.metrics import StreamProtocol
from subscriptions.outlets import CloseCode

SWITCHBOARD: Final = "switchboard"

_CLOSING_S: Final = 5.0
_LONGEST_REASON: Final = 123
_ABNORMAL: Final = 1006
_BAD_TEXT: Final = 1007
_NEVER: Final = float("inf")
_SWITCHING: Final = 101
_NOT_ACCEPTABLE: Final = 4406
_INIT_TIMEOUT: Final = 4408


class SocketProtocol(asyncio.Protocol):
    """One connection.

    Args:
        config: The server's; not used.
        server_state: Holds the connections of the server.
        app_state: The application's lifespan state.
    """

    __slots__ = (
        "_account",
        "_asked_at",
        "_board",
        "_connections",
        "_heard_at",
        "_init_due",
        "_machine",
        "_next_sign",
        "_parts",
        "_rate",
        "_session",
        "_settings",
        "_transport",
        "closed",
        "congested",
        "due",
    )

    def __init__(
        self,
        config: Config,  # noqa: ARG002  # uvicorn gives it
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._board: Switchboard | None = app_state.get(SWITCHBOARD)
        self._settings = StreamSettings() if self._board is None else self._board.settings
        self._connections: set[Any] = server_state.connections
        self._machine = new_connection(self._settings.max_message_bytes)
        self._session: Session | None = None
        self._parts: list[bytes] = []
        self._asked_at = self._heard_at = self._init_due = self._next_sign = 0.0
        self._account, self._rate = Account(), per_minute(self._settings.messages_per_minute)
        self.closed = True
        self.congested = False
        self.due = 0.0

    @property
    def protocol(self) -> StreamProtocol:
        """What is spoken; the newer one where the client named none that is."""
        return StreamProtocol.TRANSPORT_WS if self._session is None else self._session.protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(_ABNORMAL)
        self._connections.discard(self)
        self.due = _NEVER
        if self._board is not None and self._session is not None:
            self._board.ended(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard_at = _now()
        self._machine.receive_data(data)
        for event in self._machine.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif not self.closed:
                self._take(cast("Frame", event))
        if self._machine.parser_exc is not None:
            sent = self._machine.close_sent
            self._end(_ABNORMAL if sent is None else sent.code)
        self._flush()

    @override
    def eof_received(self) -> None:
        self._transport.close()

    @override
    def pause_writing(self) -> None:
        """Whoever does not read what it is sent is not listened to either."""
        self.congested = True
        if not self.closed:
            self._transport.pause_reading()

    @override
    def resume_writing(self) -> None:
        self.congested = False
        self._heard_at = _now()
        if not self._transport.is_closing():
            self._transport.resume_reading()
        if self._session is not None and not self.closed:
            self._session.resumed()

    def shutdown(self) -> None:
        """The server stops (uvicorn)."""
        self.give_up()

    def leave(self) -> None:
        """End once the questions under way are answered."""
        if self._session is not None:
            self._session.leave()

    def give_up(self) -> None:
        """End at once."""
        self.close(CloseCode.GOING_AWAY, RESTARTING)
        if self.congested:
            self._transport.abort()
        else:
            self._transport.close()

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        if not self.closed:
            self._transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        """Close the connection; what was written before goes out first.

        Args:
            code: The close code.
            reason: Why, in 123 bytes; what is longer is cut off.
        """
        if not self.closed:
            short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
            self._machine.send_close(code, short)
            self._flush()
            self._end(code)

    def reschedule(self) -> None:
        """What there is to look after has changed."""
        assert self._board is not None  # noqa: S101  # there is a session
        self._board.rounds.set(self, self._next_due())

    def look(self, now: float) -> float | None:
        """See to what is due."""
        session = self._session
        if self.closed or session is None:
            self._transport.abort()
            return None
        if not session.initialised and now >= self._init_due:
            seconds = self._settings.connection_init_s
            self.close(_INIT_TIMEOUT, f"connection_init did not come within {seconds:g} s")
        elif session.expires_at is not None and now >= session.expires_at:
            session.expire()
        elif now >= self._next_sign:
            self._seek_life(session, now)
        return now + _CLOSING_S if self.closed else self._next_due()

    def _seek_life(self, session: Session, now: float) -> None:
        """Ask a silent client for a sign of life; drop it if it gave none since the last time."""
        self._next_sign = now + self._settings.keep_alive_s
        session.keep_alive()
        if self._heard_at < self._asked_at:
            self._transport.abort()
        elif now - self._heard_at >= self._settings.keep_alive_s:
            self._machine.send_ping(b"")
            self._flush()
            self._asked_at = now

    def _next_due(self) -> float:
        session = self._session
        due = self._next_sign
        if session is not None and not session.initialised:
            due = min(due, self._init_due)
        if session is not None and session.expires_at is not None:
            due = min(due, session.expires_at)
        return due

    def _open(self, request: Request) -> None:
        response = respond(self._machine, request, self._board)
        self._machine.send_response(response)
        self._flush()
        if response.status_code == _SWITCHING and self._board is not None:
            self._begin(self._board, request)
        else:
            asyncio.get_running_loop().call_later(_CLOSING_S, self._transport.abort)

    def _begin(self, board: Switchboard, request: Request) -> None:
        self.closed = False
        self._transport.set_write_buffer_limits(self._settings.write_buffer_bytes)
        self._keep_little_in_the_kernel()
        now = _now()
        self._asked_at = now - 1
        self._init_due = now + self._settings.connection_init_s
        self._next_sign = now + self._settings.keep_alive_s
        kind = SPOKEN.get(self._machine.subprotocol or "")
        self._session = (kind or TransportSession)(self, board, terms_of(request))
        board.opened(self, self._next_due())
        if kind is None:
            self.close(_NOT_ACCEPTABLE, f"subprotocol not acceptable: speak {' or '.join(SPOKEN)}")

    def _keep_little_in_the_kernel(self) -> None:
        """Have it take no more than can go out soon: only what waits here is seen to wait."""
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        under = self._transport.get_extra_info("socket")
        if option is not None and under is not None:
            under.setsockopt(socket.IPPROTO_TCP, option, self._settings.write_buffer_bytes)

    def _take(self, frame: Frame) -> None:
        if not takes(self._account, self._rate, _now()):
            most = self._settings.messages_per_minute
            self.close(CloseCode.TOO_MANY_REQUESTS, f"too many messages: {most} a minute are taken")
        elif frame.opcode is Opcode.CLOSE:
            received = self._machine.close_rcvd
            self._end(_ABNORMAL if received is None else received.code)
        elif frame.opcode is Opcode.BINARY:
            self.close(BAD_REQUEST, "invalid message: it must be text, not binary")
        elif frame.opcode is Opcode.TEXT or frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message, self._parts = b"".join(self._parts), []
                self._hear(message)

    def _hear(self, message: bytes) -> None:
        assert self._session is not None  # noqa: S101  # it is open
        try:
            message.decode()
        except UnicodeDecodeError:
            self.close(_BAD_TEXT, "text must be UTF-8")
            return
        if self._session.within_allowance(_now()):
            self._session.receive(message)
        else:
            most = self._settings.messages_per_principal
            reason = f"too many messages: {most} a minute of one subject are taken"
            self.close(CloseCode.TOO_MANY_REQUESTS, reason)

    def _flush(self) -> None:
        """Send what the machine has to say; after an empty part of it comes nothing more."""
        for part in self._machine.data_to_send():
            if part:
                self._transport.write(part)
            elif self._transport.can_write_eof():
                self._transport.write_eof()  # and read on, lest a reset overtake the close frame
            else:
                self._transport.close()

    def _end(self, code: int) -> None:
        """Nothing more is said here; the connection itself is given a moment to end."""
        if self.closed:
            return
        self.closed = True
        metrics.socket_closed(code)
        if self._session is not None and self._board is not None:
            self._session.lost()
            self._board.rounds.set(self, _now() + _CLOSING_S)


def _now() -> float:
    return asyncio.get_running_loop().time()
