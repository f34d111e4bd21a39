"""Event streams: a subscription over plain HTTP (graphql-sse, distinct connections mode).

    event: next       data: a result, any number of times; before the end also one with `errors`
                            alone, where the stream ends for a reason
    event: complete   data: nothing more will come
    :                       a sign of life

A stream that ends without `complete` is to be asked for again: clients do so by themselves.
"""

import asyncio
from collections.abc import Awaitable
from typing import ClassVar, Final

import msgspec
from msgspec import Struct
from starlette.types import Receive, Send

from app.errors import told_request
from app.server import asking
from app.server.envelope import enveloped
from app.server.exchange import CORRELATION, Reply, as_headers
from app.server.negotiation import EVENT_STREAM, PLAIN_JSON, HTTPRefusal
from app.server.replies import NO_STORE
from app.server.requests import GraphQLRequest
from app.server.stepping import begin
from app.server.switchboard import EXPIRED, RESTARTING, Switchboard
from app.server.telling import Answer
from app.server.terms import Terms
from canonical.errors import UnauthenticatedError
from runtime.security.principal import Principal
from runtime.telemetry import metrics
from runtime.telemetry.metrics import Route, StreamProtocol, request_answered
from subscriptions.outlets import CloseCode, Subscription

_UNKNOWN: Final = "no token: send one in the header `Authorization: Bearer <token>`"
_NEXT: Final = b"event: next\ndata: "
_END: Final = b"\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"
_SIGN: Final = b":\n\n"
_TYPE: Final = {"Content-Type": f"{EVENT_STREAM}; charset=utf-8"}
_HEADERS: Final = as_headers({**NO_STORE, **_TYPE, "X-Accel-Buffering": "no"})
# Proxies are to pass on what comes; the last header says it to nginx.
_COME_AGAIN: Final = frozenset({CloseCode.GOING_AWAY, CloseCode.TRY_AGAIN_LATER})
_OK: Final = 200
_STATUS: Final = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "INTERNAL_SERVER_ERROR": 500,
    "UNAVAILABLE": 503,
}
_CODES: Final = {CloseCode.UNAUTHORIZED: UnauthenticatedError.code}
_NEVER: Final = float("inf")
_RETRY: Final = {"Retry-After": "5"}
_APART_S: Final = 0.1
# Between the last result and an end that says "come again": graphql-sse waits for ever if it learns
# of both at once.


class _Extensions(Struct, frozen=True, rename="camel"):
    code: str = ""
    retry_after: int | None = None


class _Error(Struct, frozen=True):
    extensions: _Extensions = _Extensions()


def in_events(answer: Answer) -> Reply:
    """The answer to a query or a mutation as a stream of one result."""
    return Reply(_OK, _HEADERS, b"".join((_NEXT, answer.body, _END, _COMPLETE)))


async def open_stream(
    board: Switchboard, request: GraphQLRequest, terms: Terms, receive: Receive
) -> "EventStream | Reply":
    """Begin a subscription; what comes back says it, or why there is none.

    Args:
        board: What all connections have in common; there are subscriptions.
        request: The subscription.
        terms: By whom, and on which terms.
        receive: Tells when the client hangs up; the request has been read to its end.

    Raises:
        UnauthenticatedError: if nobody said who they are.
        HTTPRefusal: 429, if the caller has too many connections.
    """
    if terms.principal is None:
        raise UnauthenticatedError(_UNKNOWN)
    if not board.admit(terms.principal):
        most = board.settings.connections_per_principal
        message = f"too many connections: {most} of one subject are taken; end some first"
        raise HTTPRefusal(429, message, _RETRY, "TOO_MANY_CONNECTIONS")
    stream = EventStream(board, terms, terms.principal, receive)
    refusal = await stream.begin(request)
    return stream if refusal is None else refusal


class EventStream:
    """One stream; keeps the promises of `subscriptions.outlets.Outlet`.

    It is pushed at, and hands over what came within one turn of the event loop at once. The server
    takes it without a wait until the client is behind with reading.

    Args:
        board: What all connections have in common.
        terms: Of the subscription.
        principal: Who is asking; was admitted.
        receive: Tells when the client hangs up.
    """

    __slots__ = (
        "_blocked",
        "_board",
        "_count",
        "_expires_at",
        "_finished",
        "_lingers",
        "_over",
        "_principal",
        "_receive",
        "_refusal",
        "_scheduled",
        "_send",
        "_subscription",
        "_terms",
        "_waiting",
        "_waiting_bytes",
        "_wrote_at",
        "due",
    )

    protocol: ClassVar[StreamProtocol] = StreamProtocol.SSE

    def __init__(
        self, board: Switchboard, terms: Terms, principal: Principal, receive: Receive
    ) -> None:
        self.due = 0.0
        self._board = board
        self._terms = terms
        self._principal = principal
        self._receive = receive
        self._send: Send | None = None
        self._subscription: Subscription = asking.NOTHING
        self._refusal: bytes | None = None
        self._waiting: list[bytes] = [_SIGN]
        self._waiting_bytes = 0
        self._over = self._finished = self._scheduled = self._blocked = self._lingers = False
        self._count = metrics.deliveries(self.protocol)
        self._expires_at = board.expiry(principal)
        self._wrote_at = _now()

    @property
    def congested(self) -> bool:
        """Whether the client is behind with reading."""
        return self._blocked or self._waiting_bytes >= self._board.settings.write_buffer_bytes

    def deliver(self, payload: bytes) -> None:
        """Send a result."""
        if not self._over:
            self._write(_NEXT, payload, _END)
            self._count()

    def fail(self, errors: bytes) -> None:
        """Refuse the subscription: by a status, as long as nothing was said."""
        if self._over:
            return
        if self._send is None:
            self._refusal = errors
        else:
            self._write(_NEXT, b'{"errors":', errors, b"}", _END, _COMPLETE)
        self._end()

    def complete(self) -> None:
        """Say that nothing more will come."""
        if not self._over:
            self._write(_COMPLETE)
            self._end()

    def close(self, code: CloseCode, reason: str) -> None:
        """End the stream, saying why unless it simply goes on elsewhere."""
        if self._over:
            return
        if code is not CloseCode.GOING_AWAY:
            told = told_request(reason, _CODES.get(code, code.name), self._terms.correlation_id)
            self._write(_NEXT, enveloped(None, [told]), _END)
        if code in _COME_AGAIN:
            self._lingers = True
            asyncio.get_running_loop().call_later(_APART_S, self._let_go)
        else:
            self._write(_COMPLETE)
        self._end()
        self._subscription.end()

    async def begin(self, request: GraphQLRequest) -> Reply | None:
        """Begin the subscription; the reply says why there is none."""
        self._board.opened(self, self._next_due(_now()))
        metrics.subscription_begun(self.protocol)
        try:
            subscription = await asking.subscribe(self._board, request, self._terms, self)
        except BaseException:
            self._gone()
            raise
        self._subscription = subscription
        if self._over:
            subscription.end()
        if self._refusal is None:
            return None
        self._gone()
        return _refused(self._refusal)

    async def send(self, send: Send, correlation_id: str) -> None:
        """Send all that comes, until the stream has ended or the client is gone."""
        self._send = send
        request_answered(Route.GRAPHQL, _OK)
        headers = [*_HEADERS, (CORRELATION, correlation_id.encode("ascii"))]
        try:
            await send({"type": "http.response.start", "status": _OK, "headers": headers})
            self._flush()
            while (await self._receive())["type"] != "http.disconnect":
                pass
        finally:
            self._gone()

    def leave(self) -> None:
        """End the stream; the client is to come again."""
        self.close(CloseCode.GOING_AWAY, RESTARTING)

    def give_up(self) -> None:
        """End the stream."""
        self.leave()

    def look(self, now: float) -> float | None:
        """See to what is due."""
        if self._over:
            return None
        if now >= self._expires_at:
            self.close(CloseCode.UNAUTHORIZED, EXPIRED)
            return None
        if now >= self._next_sign() and not self.congested:
            self._write(_SIGN)
            self._wrote_at = now
        return self._next_due(now)

    def _next_due(self, now: float) -> float:
        """When to look again: at once for what is overdue would be too often."""
        sign = self._next_sign()
        again = sign if sign > now else now + self._board.settings.keep_alive_s
        return min(self._expires_at, again)

    def _next_sign(self) -> float:
        return self._wrote_at + self._board.settings.keep_alive_s

    def _write(self, *parts: bytes) -> None:
        self._waiting += parts
        self._waiting_bytes += sum(map(len, parts))
        if self._send is not None:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._scheduled and not self._blocked:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand over what waits; what comes while the server does not take it goes on waiting."""
        held, self._scheduled, self._blocked = self.congested, False, False
        if self._send is None or self._finished:
            return
        body, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
        self._finished, self._wrote_at = self._over and not self._lingers, _now()
        message = {"type": "http.response.body", "body": body, "more_body": not self._finished}
        rest, _ = begin(self._send(message))
        if rest is not None:
            self._blocked = True
            self._board.spawn(self._taken(rest))
        elif held:
            self._subscription.resumed()

    async def _taken(self, rest: Awaitable[None]) -> None:
        await rest
        self._flush()

    def _let_go(self) -> None:
        self._lingers = False
        self._flush_soon()

    def _end(self) -> None:
        """Nothing more is written, but for what waits."""
        self._over = True
        metrics.subscription_ended(self.protocol)
        if self._send is not None:
            self._flush_soon()

    def _gone(self) -> None:
        """The connection is at its end: nothing is wanted any more."""
        if not self._over:
            self._end()
            self._subscription.end()
        self._finished = True
        self.due = _NEVER
        self._board.ended(self)
        self._board.dismiss(self._principal)


def _refused(errors: bytes) -> Reply:
    """The reply to a subscription that is refused; its status is that of the first error."""
    first = msgspec.json.decode(errors, type=list[_Error])[0].extensions
    headers = {**NO_STORE, "Content-Type": f"{PLAIN_JSON}; charset=utf-8"}
    if first.retry_after is not None:
        headers["Retry-After"] = f"{first.retry_after}"
    body = b'{"errors":' + errors + b"}"
    return Reply(_STATUS.get(first.code, 400), as_headers(headers), body)


def _now() -> float:
    return asyncio.get_running_loop().time()
