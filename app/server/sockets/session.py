"""What both subprotocols have in common: who it is, and the operations under way."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec
from msgspec import Struct

from app.errors import told_fault
from app.server import asking
from app.server.exchange import Inbound
from app.server.negotiation import HTTPRefusal
from app.server.requests import request_of
from app.server.sockets.frames import text
from app.server.sockets.operations import Operation, Wire
from app.server.switchboard import EXPIRED, RESTARTING, Switchboard
from app.server.terms import HEADERS, Terms, read_terms
from canonical.errors import SupplygraphError, UnauthenticatedError, UnavailableError
from runtime.telemetry.correlation import new_correlation_id
from runtime.telemetry.metrics import StreamProtocol
from subscriptions.outlets import CloseCode

BAD_REQUEST: Final = 4400
UNKNOWN: Final = 'no token: send {"authorization": "Bearer <token>"} with connection_init'

_FAULT: Final = 1011


class Message(Struct):
    """A message of a client, in either subprotocol."""

    type: str
    id: str | None = None
    payload: Any = None


decode_message: Final = msgspec.json.Decoder(Message).decode


class Session(ABC):
    """What is said on one socket.

    Args:
        wire: The socket.
        board: What all connections have in common.
        headers: Those of the upgrade that say who asks, and on which terms.
    """

    __slots__ = ("_headers", "_initialised", "_operations", "board", "expires_at", "terms", "wire")

    protocol: ClassVar[StreamProtocol]

    def __init__(self, wire: Wire, board: Switchboard, headers: Mapping[bytes, bytes]) -> None:
        self.wire = wire
        self.board = board
        self.terms: Terms | None = None
        self.expires_at: float | None = None
        self._headers = headers
        self._initialised = False
        self._operations: dict[str, Operation] = {}

    @property
    def initialised(self) -> bool:
        """Whether the client has said who it is, be it checked yet or not."""
        return self._initialised

    def within_allowance(self, now: float) -> bool:
        """Count a message of the client's, unless it sends too many on all its sockets.

        As long as nobody knows whose it is, it is the socket's own allowance that bounds it.
        """
        if self.terms is None or self.terms.principal is None:
            return True
        return self.board.messages.takes(self.terms.principal.identity, now)

    @abstractmethod
    def receive(self, message: bytes) -> None:
        """Take a message of the client."""

    @abstractmethod
    def lead(self, name: str) -> bytes:
        """The message of a result, up to the result."""

    @abstractmethod
    def say_failed(self, name: str, errors: bytes) -> None:
        """Tell the client that an operation is refused."""

    @abstractmethod
    def keep_alive(self) -> None:
        """Say what the subprotocol wants to be said from time to time."""

    @abstractmethod
    def _welcome(self) -> None:
        """Tell the client that it is connected."""

    @abstractmethod
    def _unwelcome(self, code: int, reason: str) -> None:
        """Tell the client that it may not connect."""

    def say_complete(self, name: str) -> None:
        """Tell the client that an operation is complete."""
        self.send({"id": name, "type": "complete"})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self.wire.write(text(msgspec.json.encode(message)))

    def ended(self, operation: Operation) -> None:
        """An operation is over."""
        if self._operations.get(operation.name) is operation:
            del self._operations[operation.name]
        if self.board.drain.stopping:
            self.leave()

    def resumed(self) -> None:
        """The socket is congested no longer: those who were told of it last hear of it first."""
        for name, operation in tuple(self._operations.items()):
            if self.wire.congested:
                break
            if self._operations.get(name) is operation:
                self._operations[name] = self._operations.pop(name)
                operation.resumed()

    def lost(self) -> None:
        """The socket is closed: nothing is wanted any more."""
        for operation in tuple(self._operations.values()):
            operation.stop()
        if self.terms is not None and self.terms.principal is not None:
            self.board.dismiss(self.terms.principal)
            self.terms = None

    def leave(self) -> None:
        """Close the socket, unless a query or a mutation is under way: then after that."""
        if not any(o.asks for o in self._operations.values()):
            self.wire.close(CloseCode.GOING_AWAY, RESTARTING)

    def expire(self) -> None:
        """The client's token has expired.

        Clients of graphql-ws come again after 4403, asking for new connection parameters, and give
        up after 4401.
        """
        self.wire.close(CloseCode.FORBIDDEN, EXPIRED)

    def _initialise(self, said: Any) -> None:
        self._initialised = True
        self.board.spawn(self._admit(said))

    async def _admit(self, said: Any) -> None:
        correlation_id = new_correlation_id()
        try:
            inbound = Inbound("GET", b"", {**self._headers, **_as_headers(said)}, _nothing)
            terms = await read_terms(inbound, self.board.tokens, correlation_id)
            if terms.principal is None:
                raise UnauthenticatedError(UNKNOWN)
        except UnavailableError as exc:
            self._unwelcome(CloseCode.TRY_AGAIN_LATER, exc.message)
        except (HTTPRefusal, SupplygraphError) as exc:
            self._unwelcome(CloseCode.FORBIDDEN, exc.message)
        except Exception as exc:  # noqa: BLE001  # the last border before the client
            self._unwelcome(_FAULT, told_fault(exc, correlation_id)["message"])
        else:
            self._admitted(terms, self.board.expiry(terms.principal))

    def _admitted(self, terms: Terms, expires_at: float) -> None:
        if self.wire.closed:
            return
        assert terms.principal is not None  # noqa: S101  # see `_admit`
        if not self.board.admit(terms.principal):
            most = self.board.settings.connections_per_principal
            reason = f"too many connections: {most} of one subject are taken"
            self._unwelcome(CloseCode.TOO_MANY_REQUESTS, reason)
            return
        self.terms, self.expires_at = terms, expires_at
        self._headers = {}
        self._welcome()
        self.wire.reschedule()

    def _start(self, name: str, said: Any) -> None:
        """Begin an operation; what it is to do is told as long as it can be understood.

        Raises:
            HTTPRefusal: if it cannot be.
        """
        if not isinstance(said, dict):
            raise HTTPRefusal(400, '`payload` must be an object like {"query": "..."}')
        request = request_of(said, read_only=False)
        if self.board.drain.stopping:  # the client asks again elsewhere
            self.leave()
            return
        assert self.terms is not None  # noqa: S101  # nothing is begun before
        terms = msgspec.structs.replace(self.terms, correlation_id=new_correlation_id())
        refused = self._refused(terms)
        if refused is not None:
            self.say_failed(name, refused)
            return
        operation = self._operations[name] = Operation(self, name)
        operation.begin(request, terms)

    def _refused(self, terms: Terms) -> bytes | None:
        most = self.board.settings.operations_per_connection
        if len(self._operations) >= most:
            message = f"too many operations: {most} on one connection are taken; end some first"
            return asking.refusal(message, "TOO_MANY_OPERATIONS", terms.correlation_id)
        return None


def _as_headers(said: Any) -> dict[bytes, bytes]:
    """What stands in connection parameters as it could in headers, at the top or in `headers`."""
    if not isinstance(said, dict):
        return {}
    nested = said.get("headers")
    both = {**said, **nested} if isinstance(nested, dict) else said
    names = {name: name.lower().encode("utf-8", "surrogatepass") for name in both}
    return {
        names[name]: value.encode("utf-8", "surrogatepass")
        for name, value in both.items()
        if names[name] in HEADERS and isinstance(value, str)
    }


async def _nothing() -> Any:
    return {"type": "http.disconnect"}
