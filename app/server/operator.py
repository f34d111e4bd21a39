"""Answering one operation: who asks, within which bounds, and what is said besides data."""

import asyncio
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import msgspec
import strawberry
from graphql import ExecutionResult, GraphQLError, OperationType, execute
from msgspec import Struct

from app.errors import Told, bounded, told, told_problem, told_refusal
from app.server.documents import Document, Documents, is_introspection
from app.server.negotiation import GraphQLRequest, HTTPRefusal
from app.server.ports import Serving
from canonical.errors import Reason, SupplygraphError, UnauthenticatedError, UnavailableError
from canonical.ports import Ask
from execution.operation import Operation
from loaders.context import ReadContext
from loaders.journal import Journal
from resolvers.context import RequestContext
from runtime.security.principal import Principal
from runtime.telemetry import metrics, tracing

_SLACK_S: Final = 1.0
# Systems are given up at the deadline; the rest of the answer still has to be put together.


class Terms(Struct, frozen=True):
    """What the request says beside the question.

    Attributes:
        principal: Who is asking; None if nobody said.
        correlation_id: Ties logs together.
        max_staleness_s: No record older than this is of use to the caller.
        tell_cost: Whether the answer says what it cost.
    """

    principal: Principal | None
    correlation_id: str
    max_staleness_s: float | None = None
    tell_cost: bool = False


class Answer(Struct, frozen=True):
    """An answer, ready to be encoded.

    Attributes:
        body: The GraphQL response.
        ran: Whether the operation was run at all.
        status: HTTP status, where it is not the usual one.
    """

    body: dict[str, Any]
    ran: bool
    status: int | None = None


class Operator:
    """Answers operations over one installation."""

    def __init__(self, schema: strawberry.Schema, serving: Serving) -> None:
        self._schema = schema._schema  # noqa: SLF001  # documents are parsed and validated here, once
        self._serving = serving
        self._documents = Documents(self._schema, serving.operation_limits.max_depth)

    async def answer(self, request: GraphQLRequest, terms: Terms) -> Answer:
        """Answer a request. Never raises, but for HTTPRefusal where the method is wrong."""
        document = self._documents.get(request.query)
        if document.tree is None or document.errors:
            return _refused(document.errors, terms)
        try:
            chosen = document.operation(request.operation_name)
        except GraphQLError as exc:
            return _refused((exc,), terms)
        kind = metrics.OperationKind(chosen.operation.value)
        if request.read_only and chosen.operation is not OperationType.QUERY:
            raise HTTPRefusal(
                405, "only queries are answered to GET; send it by POST", {"Allow": "POST"}
            )
        if chosen.operation is OperationType.SUBSCRIPTION:
            return _refused((GraphQLError("subscriptions are not answered over HTTP here"),), terms)
        if terms.principal is None and not is_introspection(chosen):
            missing = UnauthenticatedError(
                "no token: send one in the header `Authorization: Bearer <token>`"
            )
            body = {"errors": [told_refusal(missing, terms.correlation_id)]}
            return Answer(body, ran=False, status=401)
        started = perf_counter()
        made = await self._run(document, request, terms, started)
        outcome = metrics.OperationOutcome
        metrics.operation_answered(kind, _outcome(made, outcome), perf_counter() - started)
        return made

    async def _run(
        self, document: Document, request: GraphQLRequest, terms: Terms, started: float
    ) -> Answer:
        operation, journal = Operation(), Journal()
        timeout_s = self._serving.operation_limits.timeout_s
        context = self._context(operation, journal, terms, timeout_s)
        try:
            async with asyncio.timeout(timeout_s + _SLACK_S):
                result = await self._executed(document, request, context)
        except TimeoutError:
            late = UnavailableError(
                "supplygraph", Reason.TIMEOUT, f"the operation took longer than {timeout_s:g} s"
            )
            body = {"data": None, "errors": [told_refusal(late, terms.correlation_id)]}
            return Answer(body, ran=True)
        errors: list[Told] = [told(e, terms.correlation_id) for e in result.errors or ()]
        errors += [told_problem(p, at, terms.correlation_id) for p, at in operation.problems]
        ran = result.data is not None or any("path" in e for e in errors) or not errors
        answer: dict[str, Any] = {"data": result.data} if ran else {}
        if errors:
            answer["errors"] = bounded(errors, terms.correlation_id)
        if terms.tell_cost and terms.principal is not None:
            answer["extensions"] = {"supplygraph": _cost(operation, journal, terms, started)}
        return Answer(answer, ran=ran)

    async def _executed(
        self, document: Document, request: GraphQLRequest, context: RequestContext
    ) -> ExecutionResult:
        assert document.tree is not None  # noqa: S101  # refused before
        outcome = execute(
            self._schema,
            document.tree,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
        )
        result = (
            await outcome if asyncio.iscoroutine(outcome) or asyncio.isfuture(outcome) else outcome
        )
        assert isinstance(result, ExecutionResult)  # noqa: S101  # nothing is deferred
        return result

    def _context(
        self, operation: Operation, journal: Journal, terms: Terms, timeout_s: float
    ) -> RequestContext:
        ask = Ask(
            asyncio.get_running_loop().time() + timeout_s,
            terms.correlation_id,
            journal,
            tracing.traceparent(),
        )
        reading = ReadContext(ask, journal, terms.max_staleness_s)
        return RequestContext(
            operation=operation,
            principal=terms.principal,
            reads=self._serving.reads(operation.scheduler, reading),
            now=datetime.now(UTC),
            correlation_id=terms.correlation_id,
            limits=self._serving.limits,
            units=self._serving.units,
        )


def refusal(error: SupplygraphError, correlation_id: str) -> bytes:
    """The body of an answer to a request that is refused whole."""
    return encode({"errors": [told_refusal(error, correlation_id)]})


encode = msgspec.json.Encoder().encode
"""A GraphQL response as JSON bytes."""


def _refused(errors: tuple[GraphQLError, ...], terms: Terms) -> Answer:
    shown = bounded([told(e, terms.correlation_id) for e in errors], terms.correlation_id)
    return Answer({"errors": shown}, ran=False)


def _outcome(made: Answer, outcome: Any) -> Any:
    if not made.ran:
        return outcome.REFUSED
    if "errors" not in made.body:
        return outcome.COMPLETE
    return outcome.FAILED if made.body.get("data") is None else outcome.PARTIAL


def _cost(operation: Operation, journal: Journal, terms: Terms, started: float) -> dict[str, Any]:
    return {
        "correlationId": terms.correlation_id,
        "milliseconds": round((perf_counter() - started) * 1000, 1),
        "levels": operation.scheduler.levels,
        "backends": journal.report(),
    }
