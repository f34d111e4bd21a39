"""One operation on a socket: the outlet of a subscription, or a question and its answer."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from app.server import asking
from app.server.negotiation import HTTPRefusal
from app.server.requests import GraphQLRequest
from app.server.sockets.frames import head
from app.server.switchboard import Switchboard
from app.server.terms import Terms
from runtime.telemetry import metrics
from runtime.telemetry.metrics import OperationKind, StreamProtocol
from subscriptions.outlets import CloseCode, Subscription


class Wire(Protocol):
    """A socket as operations see it. Nothing is sent once it is closed."""

    @property
    def congested(self) -> bool:
        """Whether what is written now only queues up."""

    @property
    def closed(self) -> bool:
        """Whether nothing is sent any more."""

    def reschedule(self) -> None:
        """What there is to look after has changed."""

    def write(self, frame: bytes) -> None:
        """Send a frame."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection; what was written before goes out first."""


class Owner(Protocol):
    """The session that an operation belongs to."""

    board: Switchboard
    wire: Wire

    @property
    def protocol(self) -> StreamProtocol:
        """What is spoken."""

    def lead(self, name: str) -> bytes:
        """The message of a result, up to the result."""

    def say_failed(self, name: str, errors: bytes) -> None:
        """Tell the client that an operation is refused."""

    def say_complete(self, name: str) -> None:
        """Tell the client that an operation is complete."""

    def ended(self, operation: "Operation") -> None:
        """An operation is over."""


class Operation:
    """Keeps the promises of `subscriptions.outlets.Outlet`.

    Args:
        owner: The session.
        name: What the client calls it.
    """

    __slots__ = (
        "_count",
        "_lead",
        "_owner",
        "_resumed",
        "_subscribes",
        "_subscription",
        "_task",
        "_wire",
        "asks",
        "name",
        "over",
    )

    def __init__(self, owner: Owner, name: str) -> None:
        self.name = name
        self.over = False
        self.asks = False
        self._owner = owner
        self._wire = owner.wire
        self._lead = owner.lead(name)
        self._count: Callable[[], None] = metrics.deliveries(owner.protocol)
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._subscribes = False
        self._resumed = False

    @property
    def congested(self) -> bool:
        """Whether the client is behind with reading."""
        return self._wire.congested

    def deliver(self, payload: bytes) -> None:
        """Send a result."""
        if self.over:
            return
        lead = self._lead
        self._wire.write(b"".join((head(len(lead) + len(payload) + 1), lead, payload, b"}")))
        self._count()

    def fail(self, errors: bytes) -> None:
        """Refuse the operation."""
        if not self.over:
            self._owner.say_failed(self.name, errors)
            self._end()

    def complete(self) -> None:
        """Say that nothing more will come."""
        if not self.over:
            self._owner.say_complete(self.name)
            self._end()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the whole connection."""
        self._wire.close(code, reason)

    def begin(self, request: GraphQLRequest, terms: Terms) -> None:
        """Answer, or begin to."""
        gate = self._owner.board.operator.gate
        try:
            settled = gate.now(request, terms)
        except HTTPRefusal as exc:
            self.fail(asking.refusal(exc.message, exc.code, terms.correlation_id))
            return
        if settled is None:
            self._task = self._owner.board.spawn(self._begin_later(request, terms))
        else:
            self._begin(settled, terms)

    async def _begin_later(self, request: GraphQLRequest, terms: Terms) -> None:
        settled = await asking.settled(self._owner.board, request, terms, self)
        if settled is not None and not self.over:
            self._begin(settled, terms)

    def _begin(self, request: GraphQLRequest, terms: Terms) -> None:
        board = self._owner.board
        subscribes = board.operator.kind(request, terms) is OperationKind.SUBSCRIPTION
        if subscribes and board.streams is not None:
            self._subscribes = True
            metrics.subscription_begun(self._owner.protocol)
            board.spawn(self._subscribe(request, terms))
            return
        self.asks = True
        if (kept := board.operator.at_hand(request, terms)) is not None:
            asking.tell(kept, self)
            if request.learnable:
                board.spawn(board.operator.gate.learn(request, kept.outcome))
        else:
            self._task = board.spawn(asking.answer(board, request, terms, self))

    def resumed(self) -> None:
        """The socket is congested no longer."""
        if self._subscription is None:
            self._resumed = True
        else:
            self._subscription.resumed()

    def stop(self) -> None:
        """The client wants no more, or is gone."""
        if self.over:
            return
        self._end()
        if self._task is not None:
            self._task.cancel()
        if self._subscription is not None:
            self._subscription.end()

    async def _subscribe(self, request: GraphQLRequest, terms: Terms) -> None:
        subscription = await asking.subscribe(self._owner.board, request, terms, self)
        if self.over:
            subscription.end()
            return
        self._subscription = subscription
        if self._resumed and not self.congested:
            subscription.resumed()

    def _end(self) -> None:
        self.over = True
        if self._subscribes:
            metrics.subscription_ended(self._owner.protocol)
        self._owner.ended(self)
