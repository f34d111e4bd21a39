"""The GraphQL route: an HTTP request in, an HTTP answer out.

    200  the operation was run; what could not be answered stands under `errors`
    304  the client has this answer already (GET alone)
    400  the request, the document or its variables are wrong, or ask for too much
    401  no token, or none that is valid       405  anything but POST, or a query by GET
    406  no media type of ours is accepted     408  the body did not arrive in time
    413  414  too large                        415  not JSON in UTF-8
    429  the caller asks for more than its share, or has too many connections
    500  a fault of ours
    503  stopping, or tokens cannot be checked now
    504  the operation took too long

An answer without `data` comes with 200 in three cases: a document is named by a digest that nobody
knows, where clients expect what Apollo does; one of several requests of a body is wrong; and where
a client asks for `application/json` by name, whose rules want 200 for every request that could be
read. The draft of August 2026 recommends 422 for some of what is 400 here, and 294 for a partial
answer; clients, proxies and the audit suite of graphql-http do not know these yet.
"""

from typing import Final

from starlette.types import Receive, Scope, Send

from app.errors import told_request
from app.server.attending import Attendant, stopping
from app.server.batches import Batches
from app.server.credentials import has_credential
from app.server.event_streams import EventStream, in_events, open_stream
from app.server.exchange import CORRELATION, ClientGoneError, Inbound, Reply
from app.server.forgery import check_intended
from app.server.negotiation import (
    EVENT_STREAM,
    PLAIN_JSON,
    HTTPRefusal,
    media_type,
    takes_events,
)
from app.server.ports import Serving
from app.server.refusals import refusal_of
from app.server.replies import Replies, refused
from app.server.requests import READ, GraphQLRequest, Requests
from app.server.switchboard import Switchboard
from app.server.terms import Terms, read_terms
from runtime.telemetry.correlation import accepted, correlate, correlated, new_correlation_id
from runtime.telemetry.metrics import OperationKind, OperationOutcome
from runtime.telemetry.tracing import hand_on, operation_span, recording

_CLIENT_GONE: Final = 499


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
        self._edge = serving.edge
        self._methods = {"GET", "HEAD", "POST"} if self._edge.get else {"POST"}
        self._requests = Requests(serving.operation_limits.max_bytes, self._edge)
        self._replies = Replies(serving.serves, board.operator.demand)
        self._batches = Batches(self._operator, self._drain)

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
        except ClientGoneError:
            return Reply(_CLIENT_GONE, ())
        except Exception as exc:  # noqa: BLE001  # the last border before the client
            named = has_credential(inbound.headers)
            said = refusal_of(exc, correlation_id, named=named)
            return refused(said.told, said.status, form, said.headers)

    async def _answered(
        self, inbound: Inbound, correlation_id: str, wanted: str
    ) -> Reply | EventStream:
        self._check_method(inbound)
        asked = await self._requests.read(inbound)
        terms = await read_terms(inbound, self._serving.tokens, correlation_id)
        if isinstance(asked, tuple):
            answers = await self._batches.answer(asked, terms, inbound)
            return await self._replies.reply(answers, inbound, wanted, terms)
        gate = self._operator.gate
        request = gate.now(asked, terms) or await gate.later(asked, terms)
        if self._streams(request, terms, inbound):
            return await open_stream(self._board, request, terms, inbound.receive)
        answer = self._operator.at_hand(request, terms)
        if answer is None:
            attendant = Attendant(inbound.receive, self._drain)
            answer = await self._operator.answer(request, terms, attendant)
        if request.learnable:
            await gate.learn(request, answer.outcome)
        if wanted == EVENT_STREAM and answer.outcome is not OperationOutcome.REFUSED:
            return in_events(answer)
        return await self._replies.reply(answer, inbound, wanted, terms)

    def _check_method(self, inbound: Inbound) -> None:
        if inbound.method not in self._methods:
            allowed = {"Allow": ", ".join(sorted(self._methods))}
            also = ", queries also by GET" if self._edge.get else ""
            raise HTTPRefusal(405, f"questions are asked by POST{also}", allowed)
        if inbound.method in READ and self._edge.csrf_prevention:
            check_intended(inbound)

    def _streams(self, request: GraphQLRequest, terms: Terms, inbound: Inbound) -> bool:
        """Whether a request is for a subscription that can be begun."""
        if self._board.streams is None or not takes_events(inbound.header(b"accept")):
            return False
        subscribes = self._operator.kind(request, terms) is OperationKind.SUBSCRIPTION
        return subscribes and inbound.method != "HEAD"


async def answer_later(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer while there is nothing that could answer: an ASGI application."""
    refusal, correlation_id = stopping(), new_correlation_id()
    told = told_request(refusal.message, refusal.code, correlation_id)
    reply = refused(told, refusal.status, PLAIN_JSON, refusal.headers)
    await reply.send(send, correlation_id)
