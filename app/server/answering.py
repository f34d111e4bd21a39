"""Answers the operations of subscriptions by the engine, for events that have happened."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from graphql import GraphQLError, OperationType
from typing_extensions import override

from app.access.judging import Judge
from app.errors import Told, Translator, told_fault, told_refusal
from app.governance.auditing import Concerned
from app.server.contexts import Begun, begin_operation
from app.server.documents import Documents
from app.server.envelope import encode, enveloped
from app.server.ports import Serving
from canonical.errors import Reason, RefusedError, SupplygraphError, UnavailableError
from execution.engine import Engine, Outcome
from resolvers.context import RequestContext
from resolvers.events import Shown
from runtime.telemetry.correlation import correlated
from subscriptions.answering import (
    Answering,
    Answers,
    Asker,
    Opened,
    Refused,
    SubscriptionRequest,
)

T = TypeVar("T")
_SLACK_S: Final = 1.0


class EngineAnswering(Answering):
    """Answers over one installation.

    Args:
        engine: Runs operations.
        documents: Parses and validates them.
        judge: Says what of them a caller may see.
        serving: The installation.
        clock: The present moment, with a zone.
    """

    def __init__(
        self,
        engine: Engine,
        documents: Documents,
        judge: Judge,
        serving: Serving,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._judge = judge
        self._serving = serving
        self._clock = clock

    @override
    def open(self, request: SubscriptionRequest) -> Opened | Refused:
        document = self._documents.get(request.query)
        if document.tree is None or document.errors:
            return _refused(document.errors, request)
        try:
            chosen = document.operation(request.operation_name)
        except GraphQLError as exc:
            return _refused((exc,), request)
        if chosen.operation is not OperationType.SUBSCRIPTION:
            return _refused((GraphQLError("the operation is not a subscription"),), request)
        verdict = self._judge.verdict(
            document.judged, document.tree, chosen, request.principal, request.variables
        )
        if verdict.refusals and request.principal is not None:
            self._note(RefusedError.code, request)
            return _refused(verdict.refusals, request)
        opened = self._engine.open(
            request.query, document.tree, request.operation_name, request.variables, verdict.mask
        )
        if isinstance(opened, Outcome):
            return _refused(opened.errors, request)
        given = opened.arguments
        return Opened(
            document.tree,
            opened.field,
            given.get("filter") or (),
            given.get("after"),
            bool(given.get("snapshot")),
            (opened, verdict.notes),
        )

    @override
    async def execute(self, opened: Opened, shown: Sequence[Shown], asker: Asker) -> Answers:
        handle, notes = opened.handle
        with correlated(asker.correlation_id):
            begun = self._begun(asker)
            try:
                async with asyncio.timeout(self._serving.operation_limits.timeout_s + _SLACK_S):
                    outcomes = await self._engine.events(handle, shown, begun.context)
            except TimeoutError:
                late = told_refusal(self._late(), asker.correlation_id)
                return Answers([enveloped(b"null", [late]) for _ in shown])
            except Exception as exc:  # noqa: BLE001  # the last border before the clients
                fault = told_fault(exc, asker.correlation_id)
                return Answers([enveloped(b"null", [fault]) for _ in shown])
            finally:
                begun.operation.scheduler.end()
            payloads = [
                enveloped(
                    b"null" if outcome.data is None else outcome.data,
                    Translator(asker.correlation_id).all(
                        [*outcome.errors, *notes], outcome.problems
                    ),
                )
                for outcome in outcomes
            ]
            return Answers(payloads, begun.operation.personal)

    @override
    async def read(self, reading: Callable[[RequestContext], Awaitable[T]], asker: Asker) -> T:
        with correlated(asker.correlation_id):
            begun = self._begun(asker)
            try:
                async with asyncio.timeout(self._serving.operation_limits.timeout_s + _SLACK_S):
                    return await reading(begun.context)
            except TimeoutError as exc:
                raise self._late() from exc
            finally:
                begun.operation.scheduler.end()

    @override
    def told(self, problem: Exception, correlation_id: str) -> bytes:
        if isinstance(problem, SupplygraphError):
            return encode([told_refusal(problem, correlation_id)])
        return encode([told_fault(problem, correlation_id)])

    @override
    def refused(self, problem: Exception, request: SubscriptionRequest) -> bytes:
        if isinstance(problem, SupplygraphError):
            self._note(problem.code, request)
        return self.told(problem, request.correlation_id)

    def _note(self, code: str, request: SubscriptionRequest) -> None:
        """Tell the audit that a subscription was refused."""
        asked = Concerned(
            request.principal,
            request.correlation_id,
            "",
            request.query,
            self._documents.get(request.query).name(request.operation_name),
            request.variables,
        )
        self._serving.governance.auditing.refused(asked, [code])

    def _begun(self, asker: Asker) -> Begun:
        return begin_operation(
            self._serving,
            asker.principal,
            asker.correlation_id,
            asker.max_staleness_s,
            self._clock(),
            self._judge.access,
        )

    def _late(self) -> UnavailableError:
        timeout_s = self._serving.operation_limits.timeout_s
        message = f"the operation took longer than {timeout_s:g} s; ask for less at once"
        return UnavailableError("supplygraph", Reason.TIMEOUT, message)


def _refused(errors: Iterable[GraphQLError], request: SubscriptionRequest) -> Refused:
    told: list[Told] = Translator(request.correlation_id).all(errors, ())
    return Refused(encode(told))
