"""The subprotocol graphql-ws, of subscriptions-transport-ws: older, and still spoken by many.

Its clients send `start` without waiting for `connection_ack`: what comes early is held until then.
A message that cannot be understood is answered by `connection_error`, and the connection goes on.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
from typing_extensions import override

from app.server import asking
from app.server.negotiation import HTTPRefusal
from app.server.sockets.frames import text
from app.server.sockets.operations import Wire
from app.server.sockets.session import Message, Session, decode_message
from app.server.switchboard import Switchboard
from runtime.telemetry.correlation import new_correlation_id
from runtime.telemetry.metrics import StreamProtocol
from subscriptions.outlets import CloseCode

_NORMAL: Final = 1000
_ACK: Final = text(b'{"type":"connection_ack"}')
_KEEP_ALIVE: Final = text(b'{"type":"ka"}')


class LegacySession(Session):
    """A session in the older graphql-ws."""

    __slots__ = ("_early",)

    protocol: ClassVar[StreamProtocol] = StreamProtocol.LEGACY_WS

    def __init__(self, wire: Wire, board: Switchboard, headers: Mapping[bytes, bytes]) -> None:
        super().__init__(wire, board, headers)
        self._early: list[Message] = []

    @override
    def receive(self, message: bytes) -> None:
        try:
            self._guarded(decode_message(message))
        except msgspec.DecodeError as exc:
            self._say_wrong(f"invalid message: {exc}")
        except RecursionError:
            self._say_wrong("invalid message: nested too deeply")

    @override
    def lead(self, name: str) -> bytes:
        return b'{"id":%b,"type":"data","payload":' % msgspec.json.encode(name)

    @override
    def say_failed(self, name: str, errors: bytes) -> None:
        """Tell the first error: the subprotocol has room for one."""
        first = msgspec.json.decode(errors, type=list[msgspec.Raw])[0]
        self.send({"id": name, "type": "error", "payload": first})

    @override
    def keep_alive(self) -> None:
        if self.terms is not None:
            self.wire.write(_KEEP_ALIVE)

    @override
    def _welcome(self) -> None:
        self.wire.write(_ACK + _KEEP_ALIVE)
        early, self._early = self._early, []
        for message in early:
            self._guarded(message)

    @override
    def _unwelcome(self, code: int, reason: str) -> None:
        self._say_wrong(reason)
        self.wire.close(code, reason)

    def _guarded(self, message: Message) -> None:
        try:
            self._take(message)
        except HTTPRefusal as exc:
            self._say_wrong(exc.message)

    def _take(self, message: Message) -> None:
        match message.type:
            case "connection_init":
                if self.initialised:
                    raise HTTPRefusal(400, "connection_init is sent once")
                self._initialise(message.payload)
            case "start" | "stop" if self.terms is None:
                self._hold(message)
            case "start":
                self._restart(message)
            case "stop":
                if (operation := self._operations.get(message.id or "")) is not None:
                    operation.stop()
                    self.say_complete(operation.name)
            case "connection_terminate":
                self.wire.close(_NORMAL, "")
            case _:
                raise HTTPRefusal(400, f"`{message.type[:40]}` is no type of a client's message")

    def _hold(self, message: Message) -> None:
        if not self.initialised:
            reason = "unauthorized: start only after connection_init"
            self._unwelcome(CloseCode.UNAUTHORIZED, reason)
        elif len(self._early) >= self.board.settings.operations_per_connection:
            self._unwelcome(CloseCode.TOO_MANY_REQUESTS, "too many operations before the ack")
        else:
            self._early.append(message)

    def _restart(self, message: Message) -> None:
        """Begin an operation; another one of the same id ends."""
        name = message.id
        if not name:
            raise HTTPRefusal(400, "`start` must have an `id`, a string that is not empty")
        if (former := self._operations.get(name)) is not None:
            former.stop()
        try:
            self._start(name, message.payload)
        except HTTPRefusal as exc:
            self.say_failed(name, asking.refusal(exc.message, exc.code, new_correlation_id()))

    def _say_wrong(self, message: str) -> None:
        self.send({"type": "connection_error", "payload": {"message": message}})
