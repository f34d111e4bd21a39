"""The GraphQL route: an HTTP request in, an HTTP answer out.

    200  the operation was run; what could not be answered stands under `errors`
    304  the client has this answer already (GET alone)
    400  the request, the document or its variables are wrong, or ask for too much
    401  no token, or none that is valid       405  anything but POST, or a query by GET
    406  no media type of ours is accepted     408  the body did not arrive in time
    413  414  too large                        415  not JSON in UTF-8
    429  too many connections of the subject   500  a fault of ours
    503  stopping, or tokens cannot be checked now
    504  the operation took too long

It is the same for all media types: an answer without `data` never comes with 200, but for one: a
document that is named by a digest that nobody knows, where clients expect what Apollo does. The
draft of August 2026 recommends 422 for some of what is 400 here, and 294 for a partial answer;
clients, proxies and the audit suite of graphql-http do not know these yet.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope, Send

from app.errors import told_fault, told_refusal, told_request
from app.server.attending import Attendant, stopping
from app.server.credentials import has_credential
from app.server.event_streams import EventStream, in_events, open_stream
from app.server.exchange import CORRELATION, ClientGoneError, Inbound, Reply
from app.server.negotiation import (
    EVENT_STREAM,
    PLAIN_JSON,
    HTTPRefusal,
    media_type,
    takes_events,
)
from app.server.ports import Serving
from app.server.replies import Replies, refused
from app.server.requests import GraphQLRequest, Requests
from app.server.switchboard import Switchboard
from app.server.terms import read_terms
from canonical.errors import (
    RefusedError,
    SupplygraphError,
    UnauthenticatedError,
    UnavailableError,
)
from runtime.telemetry.correlation import accepted, correlate, correlated, new_correlation_id
from runtime.telemetry.metrics import OperationKind, OperationOutcome
from runtime.telemetry.tracing import hand_on, operation_span, recording

_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_CLIENT_GONE: Final = 499
_RETRY_S: Final = 5.0


class Endpoint:
    """Answers GraphQL over HTTP for one installation: an ASGI application.

    Args:
        board: What event streams have in common with all connections that stay open.
        serving: The installation.
    """

    def __init__(self, board: Switchboard, serving: Serving) -> None:
        self._board = board
        self._operator = board.operator
        self._drain = board.drain
        self._serving = serving
        self._requests = Requests(serving.operation_limits.max_bytes)
        self._replies = Replies(serving.serves)
        self._persisted = serving.serves.persisted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        inbound = Inbound.of(scope, receive)
        correlation_id = accepted(inbound.header(CORRELATION))
        traceparent = inbound.header(b"traceparent")
        if recording():
            with correlated(correlation_id), operation_span("graphql", traceparent):
                reply = await self._guarded(inbound, correlation_id)
        else:  # the task ends with the request, so that nothing need be taken back
            correlate(correlation_id)
            hand_on(traceparent)
            reply = await self._guarded(inbound, correlation_id)
        await reply.send(send, correlation_id)

    async def _guarded(self, inbound: Inbound, correlation_id: str) -> Reply | EventStream:
        form = PLAIN_JSON
        try:
            wanted = media_type(inbound.header(b"accept"))
            form = PLAIN_JSON if wanted == EVENT_STREAM else wanted
            if self._drain.stopping:
                raise stopping()
            self._drain.begin()
            try:
                return await self._answered(inbound, correlation_id, wanted)
            finally:
                self._drain.end()
        except HTTPRefusal as exc:
            told = told_request(exc.message, exc.code, correlation_id)
            return refused(told, exc.status, form, exc.headers)
        except SupplygraphError as exc:
            status, headers = _refusal(exc, named=has_credential(inbound.headers))
            return refused(told_refusal(exc, correlation_id), status, form, headers)
        except ClientGoneError:
            return Reply(_CLIENT_GONE, ())
        except Exception as exc:  # noqa: BLE001  # the last border before the client
            return refused(told_fault(exc, correlation_id), 500, form)

    async def _answered(
        self, inbound: Inbound, correlation_id: str, wanted: str
    ) -> Reply | EventStream:
        if inbound.method not in _METHODS:
            allowed = {"Allow": ", ".join(sorted(_METHODS))}
            raise HTTPRefusal(405, "questions are asked by POST, queries also by GET", allowed)
        request = await self._requests.read(inbound)
        terms = await read_terms(inbound, self._serving.tokens, correlation_id)
        if not request.query:
            request = await self._with_text(request)
        if self._streams(request, inbound):
            return await open_stream(self._board, request, terms, inbound.receive)
        answer = self._operator.at_hand(request, terms)
        if answer is None:
            attendant = Attendant(inbound.receive, self._drain)
            answer = await self._operator.answer(request, terms, attendant)
        if request.persisted is not None and answer.outcome is not OperationOutcome.REFUSED:
            await self._persisted.put(request.query)
        if wanted != EVENT_STREAM:
            return await self._replies.reply(answer, inbound, wanted, terms)
        if answer.outcome is not OperationOutcome.REFUSED:
            return in_events(answer)
        return await self._replies.reply(answer, inbound, PLAIN_JSON, terms)

    def _streams(self, request: GraphQLRequest, inbound: Inbound) -> bool:
        """Whether a request is for a subscription that can be begun."""
        if self._board.streams is None or not takes_events(inbound.header(b"accept")):
            return False
        subscribes = self._operator.kind(request) is OperationKind.SUBSCRIPTION
        return subscribes and inbound.method != "HEAD"

    async def _with_text(self, request: GraphQLRequest) -> GraphQLRequest:
        """The request with the text that its digest names."""
        text = await self._persisted.get(request.persisted or "")
        if text is None:
            raise HTTPRefusal(200, "PersistedQueryNotFound", code="PERSISTED_QUERY_NOT_FOUND")
        return request.of_text(text)


async def answer_later(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer while there is nothing that could answer: an ASGI application."""
    refusal, correlation_id = stopping(), new_correlation_id()
    told = told_request(refusal.message, refusal.code, correlation_id)
    reply = refused(told, refusal.status, PLAIN_JSON, refusal.headers)
    await reply.send(send, correlation_id)


def _refusal(error: SupplygraphError, *, named: bool) -> tuple[int, Mapping[str, str]]:
    if isinstance(error, UnauthenticatedError):
        return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"' if named else "Bearer"}
    if isinstance(error, UnavailableError):
        return 503, {"Retry-After": f"{max(1, round(error.retry_after_s or _RETRY_S))}"}
    return (403 if isinstance(error, RefusedError) else 400), {}
