"""The subprotocol graphql-transport-ws, as graphql-ws 6 defines it.

4400  a message that is none, or a message out of place    4408  no connection_init in time
4401  subscribe before connection_ack                      4409  the id is in use
4403  no token, or none that is valid (any longer)         4429  connection_init again; too much
4406  no subprotocol that is spoken here
"""

from typing import Any, ClassVar, Final

import msgspec
from typing_extensions import override

from app.server.negotiation import HTTPRefusal
from app.server.sockets.frames import text
from app.server.sockets.session import BAD_REQUEST, Message, Session, decode_message
from runtime.telemetry.metrics import StreamProtocol
from subscriptions.outlets import CloseCode

_IN_USE: Final = 4409
_PONG: Final = text(b'{"type":"pong"}')
_ACK: Final = text(b'{"type":"connection_ack"}')


class TransportSession(Session):
    """A session in graphql-transport-ws."""

    __slots__ = ()

    protocol: ClassVar[StreamProtocol] = StreamProtocol.TRANSPORT_WS

    @override
    def receive(self, message: bytes) -> None:
        try:
            self._take(decode_message(message))
        except HTTPRefusal as exc:
            self.wire.close(BAD_REQUEST, f"invalid message: {exc.message}")
        except msgspec.DecodeError as exc:
            self.wire.close(BAD_REQUEST, f"invalid message: {exc}")
        except RecursionError:
            self.wire.close(BAD_REQUEST, "invalid message: nested too deeply")

    @override
    def lead(self, name: str) -> bytes:
        return b'{"id":%b,"type":"next","payload":' % msgspec.json.encode(name)

    @override
    def say_failed(self, name: str, errors: bytes) -> None:
        self.send({"id": name, "type": "error", "payload": msgspec.Raw(errors)})

    @override
    def keep_alive(self) -> None:
        """Ping frames are enough."""

    @override
    def _welcome(self) -> None:
        self.wire.write(_ACK)

    @override
    def _unwelcome(self, code: int, reason: str) -> None:
        self.wire.close(code, reason)

    def _take(self, message: Message) -> None:
        match message.type:
            case "connection_init":
                self._connect(_object(message.payload))
            case "subscribe":
                self._subscribe(_named(message), message.payload)
            case "complete":
                if (operation := self._operations.get(_named(message))) is not None:
                    operation.stop()
            case "ping":
                self._pong(_object(message.payload))
            case "pong":
                _object(message.payload)
            case _:
                raise HTTPRefusal(400, f"`{message.type[:40]}` is no type of a client's message")

    def _connect(self, said: Any) -> None:
        if self.initialised:
            reason = "too many initialisation requests: connection_init is sent once"
            self.wire.close(CloseCode.TOO_MANY_REQUESTS, reason)
        else:
            self._initialise(said)

    def _subscribe(self, name: str, said: Any) -> None:
        if self.terms is None:
            reason = "unauthorized: subscribe only after connection_ack"
            self.wire.close(CloseCode.UNAUTHORIZED, reason)
        elif name in self._operations:
            self.wire.close(_IN_USE, f"subscriber for {name} already exists")
        else:
            self._start(name, said)

    def _pong(self, said: Any) -> None:
        if said is None:
            self.wire.write(_PONG)
        else:
            self.send({"type": "pong", "payload": said})


def _named(message: Message) -> str:
    if not message.id:
        raise HTTPRefusal(400, f"`{message.type}` must have an `id`, a string that is not empty")
    return message.id


def _object(payload: Any) -> Any:
    if payload is not None and not isinstance(payload, dict):
        raise HTTPRefusal(400, "`payload` must be an object or left out")
    return payload
