"""Answering one operation: within which bounds, and what the answer says besides its data."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import msgspec
import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from msgspec import Struct

from app.errors import Translator
from app.server.documents import Document, Documents, is_introspection
from app.server.measures import Bounds
from app.server.negotiation import HTTPRefusal
from app.server.ports import Serving
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from canonical.errors import Reason, UnauthenticatedError, UnavailableError
from canonical.ports import Ask
from execution.operation import Operation
from loaders.context import ReadContext
from loaders.journal import Journal
from resolvers.context import RequestContext
from runtime.telemetry import metrics, tracing
from runtime.telemetry.metrics import OperationKind, OperationOutcome

_SLACK_S: Final = 1.0
# Systems are given up at the deadline; the rest of the answer still has to be put together.


class Answer(Struct, frozen=True):
    """An answer, ready to be encoded.

    Attributes:
        body: The GraphQL response.
        status: HTTP status.
        outcome: How the operation ended.
    """

    body: dict[str, Any]
    status: int
    outcome: OperationOutcome


class Operator:
    """Answers operations over one installation.

    Args:
        schema: The published schema.
        serving: The installation.
        clock: The present moment, with a zone.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        serving: Serving,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._schema = schema._schema  # noqa: SLF001  # parsed and validated here, once
        self._serving = serving
        self._clock = clock
        self._documents = Documents(self._schema, Bounds(serving.operation_limits.max_depth))

    async def answer(self, request: GraphQLRequest, terms: Terms) -> Answer:
        """Answer a request.

        Raises:
            HTTPRefusal: if the operation is not one for the request's method.
            UnauthenticatedError: if nobody said who they are, and it is not about the schema alone.
        """
        started = perf_counter()
        document = self._documents.get(request.query)
        kind = OperationKind.UNKNOWN
        if document.errors:
            made = _refused(document.errors, terms)
        else:
            try:
                chosen = document.operation(request.operation_name)
            except GraphQLError as exc:
                made = _refused((exc,), terms)
            else:
                kind = OperationKind(chosen.operation.value)
                made = await self._allowed(chosen, document, request, terms)
        metrics.operation_answered(kind, made.outcome, perf_counter() - started)
        return made

    async def _allowed(
        self,
        chosen: OperationDefinitionNode,
        document: Document,
        request: GraphQLRequest,
        terms: Terms,
    ) -> Answer:
        if request.read_only and chosen.operation is not OperationType.QUERY:
            allow = {"Allow": "POST"}
            raise HTTPRefusal(405, "only queries are answered to GET; send it by POST", allow)
        if chosen.operation is OperationType.SUBSCRIPTION:
            return _refused((GraphQLError("subscriptions are not answered over HTTP here"),), terms)
        if terms.principal is None and not is_introspection(chosen):
            raise UnauthenticatedError(
                "no token: send one in the header `Authorization: Bearer <token>`"
            )
        return await self._run(document, request, terms)

    async def _run(self, document: Document, request: GraphQLRequest, terms: Terms) -> Answer:
        started = perf_counter()
        operation, journal = Operation(), Journal()
        timeout_s = self._serving.operation_limits.timeout_s
        context = self._context(operation, journal, terms, timeout_s)
        translator = Translator(terms.correlation_id)
        try:
            async with asyncio.timeout(timeout_s + _SLACK_S):
                result = await self._executed(document, request, context)
        except TimeoutError:
            message = f"the operation took longer than {timeout_s:g} s; ask for less at once"
            late = UnavailableError("supplygraph", Reason.TIMEOUT, message)
            body: dict[str, Any] = {"errors": [translator.problem(late)]}
            return Answer(body, 504, OperationOutcome.FAILED)
        finally:
            operation.scheduler.end()
        errors = translator.all(result.errors or (), operation.problems)
        if result.data is None and not any("path" in e for e in errors):
            return Answer({"errors": errors}, 400, OperationOutcome.REFUSED)
        body = {"data": result.data, **({"errors": errors} if errors else {})}
        if terms.tell_cost:
            body["extensions"] = {"supplygraph": _cost(operation, journal, terms, started)}
        return Answer(body, 200, _outcome(body))

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
        result = await outcome if inspect.isawaitable(outcome) else outcome
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
            now=self._clock(),
            correlation_id=terms.correlation_id,
            limits=self._serving.limits,
            units=self._serving.units,
        )


encode = msgspec.json.Encoder().encode
"""A GraphQL response as JSON bytes."""


def _refused(errors: tuple[GraphQLError, ...], terms: Terms) -> Answer:
    shown = Translator(terms.correlation_id).all(errors, ())
    return Answer({"errors": shown}, 400, OperationOutcome.REFUSED)


def _outcome(body: dict[str, Any]) -> OperationOutcome:
    if "errors" not in body:
        return OperationOutcome.COMPLETE
    return OperationOutcome.FAILED if body["data"] is None else OperationOutcome.PARTIAL


def _cost(operation: Operation, journal: Journal, terms: Terms, started: float) -> dict[str, Any]:
    return {
        "correlationId": terms.correlation_id,
        "milliseconds": round((perf_counter() - started) * 1000, 1),
        "levels": operation.scheduler.levels,
        "backends": journal.report(),
    }
