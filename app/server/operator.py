"""Answering one operation: from what is kept, from what is under way, or by executing it.

kept in this process -> nothing is awaited
-> may it be asked, and by this caller? -> the same is under way: wait for it
-> kept in Redis -> executed, and kept if it may be
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any, Final

import strawberry
import structlog
from graphql import GraphQLError, OperationType, print_schema
from msgspec import Struct, structs

from app.access.judging import ALLOWED, Judge, Verdict
from app.errors import Told, Translator, codes_of
from app.governance.auditing import Change, Concerned
from app.server.attending import Attendant
from app.server.documents import Document, Documents
from app.server.envelope import enveloped, extended
from app.server.execution import Execution, Made
from app.server.flights import Flight, Flights
from app.server.gate import Gate
from app.server.measures import Bounds
from app.server.negotiation import HTTPRefusal
from app.server.ports import Serving
from app.server.requests import GraphQLRequest
from app.server.schema_questions import is_introspection
from app.server.terms import Terms
from app.server.traces import ftv1
from canonical.errors import SupplygraphError, UnauthenticatedError
from execution.engine import Engine, PlanOutcome
from runtime.cache.kept import AnswerKey, KeptAnswer
from runtime.security.principal import scope_key
from runtime.telemetry import metrics
from runtime.telemetry.metrics import OperationKind, OperationOutcome
from schema.access import access_over
from schema.scalars import COLUMN_WRITERS

_ANSWERED: Final = 200
_NOT_VALID: Final = 400
_FORBIDDEN: Final = 403
_ELSEWHERE: Final = (
    "a subscription needs a connection that stays open: a WebSocket that speaks "
    "graphql-transport-ws, or an event stream (`Accept: text/event-stream`), both at this address"
)
_IN_VAIN: Final = 5
# After so many answers in a row that could not be kept, Redis is not asked for one.
_now: Final = partial(datetime.now, UTC)
_log = structlog.get_logger(__name__)


class Answer(Struct, frozen=True):
    """An answer, ready to be sent.

    Attributes:
        body: The GraphQL response.
        status: HTTP status.
        outcome: How the operation ended.
        kept: The same as it is kept, if the body is that.
        codes: Codes of the errors in it.
    """

    body: bytes
    status: int
    outcome: OperationOutcome
    kept: KeptAnswer | None = None
    codes: tuple[str, ...] = ()


class Operator:
    """Answers operations over one installation.

    Attributes:
        schema: What they are asked of.
        engine: Runs them.
        documents: Parses and validates them.
        gate: Which documents may be asked.
        auditing: Audits them.
        judge: Says what of them a caller may see.

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
        clock: Callable[[], datetime] = _now,
    ) -> None:
        inner = schema._schema  # noqa: SLF001  # parsed and validated here, once
        self.schema = inner
        self.engine = Engine(
            inner,
            writers=COLUMN_WRITERS,
            on_plan=_planned,
            suggestions=serving.edge.suggestions,
        )
        self.judge = Judge(inner, access_over(inner, serving.access))
        self._serving = serving
        self._serves = serving.serves
        self._clock = clock
        self.auditing = serving.governance.auditing
        self._usage = serving.governance.usage
        self.documents = Documents(
            inner,
            Bounds(serving.operation_limits.max_depth),
            suggestions=serving.edge.suggestions,
        )
        self.gate = Gate(self._serves.known, self.about_schema, self._not_known)
        self._flights = Flights()
        if self._serves.answers is not None:
            self._serves.answers.of_schema(print_schema(inner))

    def kind(self, request: GraphQLRequest) -> OperationKind:
        """What a request wants to be run, allowed or not; unknown if that cannot be told."""
        document = self.documents.get(request.query)
        try:
            return OperationKind(document.operation(request.operation_name).operation.value)
        except GraphQLError:
            return OperationKind.UNKNOWN

    def about_schema(self, request: GraphQLRequest) -> bool:
        """Whether a request that is valid is about the schema alone."""
        document = self.documents.get(request.query)
        try:
            return is_introspection(document.operation(request.operation_name))
        except GraphQLError:
            return False

    async def answered(self, request: GraphQLRequest, terms: Terms, attendant: Attendant) -> Answer:
        """Answer a request that was let through, at once where its answer is at hand.

        Raises:
            HTTPRefusal: as `answer`; so for the others.
            UnauthenticatedError: as above.
            ClientGoneError: as above.
        """
        found = self.at_hand(request, terms)
        answer = found or await self.answer(request, terms, attendant)
        if request.learnable and answer.outcome is not OperationOutcome.REFUSED:
            await self.gate.learn(request)
        return answer

    def at_hand(self, request: GraphQLRequest, terms: Terms) -> Answer | None:
        """The answer that this process keeps, if it may be given; nothing is awaited for it."""
        answers = self._serves.answers
        if answers is None:
            return None
        started = perf_counter()
        if request.question is None or terms.principal is None:
            return None
        # Equal to an `AnswerKey`, and quicker to make.
        key = (request.question, scope_key(terms.principal), self._clock().toordinal())
        kept = answers.get(key, terms.max_staleness_s)
        if kept is None or kept.exported:
            return None
        self._usage.count(request.query, request.operation_name, terms.client)
        answer = _kept(kept)
        if terms.tell_cost or terms.trace:
            since = (self._clock(), started)
            answer = _extended(answer, self._besides(Made(None), terms, since, "cached"))
        metrics.operation_answered(OperationKind.QUERY, answer.outcome, perf_counter() - started)
        return answer

    async def answer(self, request: GraphQLRequest, terms: Terms, attendant: Attendant) -> Answer:
        """Answer a request whose answer is not at hand.

        Args:
            request: What is asked.
            terms: By whom, and on which terms.
            attendant: Waits for as long as the caller does.

        Raises:
            HTTPRefusal: if the operation is not one for the request's method.
            UnauthenticatedError: if nobody said who they are, and it is not about the schema alone.
            ClientGoneError: if the client hung up.
        """
        asked = _Asked(request, terms, attendant, self._clock(), perf_counter())
        try:
            kind, answer = await self._worked_out(asked)
        except (HTTPRefusal, SupplygraphError) as exc:
            self.auditing.refused(self._concerned(asked.request, asked.terms), [exc.code])
            raise
        if answer.codes:
            self.auditing.refused(self._concerned(asked.request, asked.terms), answer.codes)
        self._usage.count(request.query, request.operation_name, terms.client)
        metrics.operation_answered(kind, answer.outcome, perf_counter() - asked.started)
        return answer

    def _key(self, request: GraphQLRequest, terms: Terms, now: datetime) -> AnswerKey | None:
        """What the answer is kept under; None where it is not kept, or nobody is known to ask."""
        if request.question is None or terms.principal is None:
            return None
        return AnswerKey(request.question, scope_key(terms.principal), now.toordinal())

    async def _worked_out(self, asked: "_Asked") -> tuple[OperationKind, Answer]:
        document = self.documents.get(asked.request.query)
        if document.tree is None or document.errors:
            return OperationKind.UNKNOWN, _refused(document.errors, asked.terms)
        try:
            chosen = document.operation(asked.request.operation_name)
        except GraphQLError as exc:
            return OperationKind.UNKNOWN, _refused((exc,), asked.terms)
        kind = OperationKind(chosen.operation.value)
        if asked.request.read_only and kind is not OperationKind.QUERY:
            allow = {"Allow": "POST"}
            raise HTTPRefusal(405, "only queries are answered to GET; send it by POST", allow)
        if kind is OperationKind.SUBSCRIPTION:
            refusal = GraphQLError(_ELSEWHERE)
            return kind, _refused((refusal,), asked.terms)
        about_schema = is_introspection(chosen)
        principal = asked.terms.principal
        verdict = self.judge.verdict(
            document.judged, document.tree, chosen, principal, asked.request.variables
        )
        if principal is None and (verdict.refusals or not about_schema):
            raise UnauthenticatedError(
                "no token: send one in the header `Authorization: Bearer <token>`"
            )
        if verdict.refusals:
            status = _FORBIDDEN if verdict.openly else _NOT_VALID
            return kind, _refused(verdict.refusals, asked.terms, status)
        key = None
        if kind is OperationKind.QUERY and not about_schema and self._serves.answers is not None:
            key = self._key(asked.request, asked.terms, asked.now)
        return kind, await self._run(structs.replace(asked, verdict=verdict), document, key)

    async def _run(self, asked: "_Asked", document: Document, key: AnswerKey | None) -> Answer:
        flight = self._joined(asked, key)
        if flight is not None:
            async with flight.wanted() as work:
                made = await asked.attendant.until(work)
            if not made.personal:
                return await self._handed_over(made, asked, joined=True)
            key = None
        flight = self._begun(asked, document, key)
        async with flight.wanted() as work:
            made = await asked.attendant.until(work)
        return await self._handed_over(made, asked)

    async def _handed_over(self, made: Made, asked: "_Asked", *, joined: bool = False) -> Answer:
        """The answer for one of those who waited, an export once it is written down."""
        exported = made.exported if made.kept is None else made.kept.exported
        if exported:
            concerned = self._concerned(asked.request, asked.terms)
            await self.auditing.exported(concerned, exported)
        return self._told(made, asked, joined=joined)

    def _concerned(self, request: GraphQLRequest, terms: Terms) -> Concerned:
        """What is asked, for the audit."""
        return Concerned(
            terms.principal,
            terms.correlation_id,
            str(terms.client),
            request.query,
            self.documents.get(request.query).name(request.operation_name),
            request.variables,
        )

    def _not_known(self, request: GraphQLRequest, terms: Terms, code: str) -> None:
        """A document was refused because it is not known here; it is not looked at any further."""
        name, said = request.operation_name, str(terms.client)
        who, tied = terms.principal, terms.correlation_id
        self.auditing.refused(Concerned(who, tied, said, request.query, name), [code])

    def _joined(self, asked: "_Asked", key: AnswerKey | None) -> Flight | None:
        if key is None or asked.terms.max_staleness_s is not None:
            return None
        return self._flights.find(key) if self._serves.share_in_flight else None

    def _begun(self, asked: "_Asked", document: Document, key: AnswerKey | None) -> Flight:
        execution = Execution(
            self._serving, asked.request, asked.terms, asked.now, self.judge.access
        )
        work = self._found_or_made(asked, document, key, execution)
        return self._flights.begin(key, execution, work)

    async def _found_or_made(
        self, asked: "_Asked", document: Document, key: AnswerKey | None, execution: Execution
    ) -> Made:
        answers = self._serves.answers
        if key is not None and answers is not None and document.unkept < _IN_VAIN:
            found = await answers.find(key, asked.terms.max_staleness_s)
            if found is not None:
                return Made(None, kept=found, found=True)
        assert document.tree is not None  # noqa: S101  # refused before
        run = partial(execution.run, self.engine, document.tree, asked.verdict)
        chosen = document.operation(asked.request.operation_name)
        if chosen.operation is OperationType.MUTATION:
            change = Change(self._concerned(asked.request, asked.terms), document.tree, chosen)
            return await self.auditing.change(change, run, _codes)
        made = await run()
        if key is None:
            return made
        made = execution.keep(key, made)
        document.unkept = 0 if made.kept is not None else document.unkept + 1
        return made

    def _told(self, made: Made, asked: "_Asked", *, joined: bool = False) -> Answer:
        """The answer for one of those who waited: errors carry its own correlation id."""
        told: Sequence[Told] = ()
        if made.kept is not None:
            answer = _kept(made.kept)
        else:
            told = Translator(asked.terms.correlation_id).all(made.errors, made.problems)
            status, outcome = _verdict(made, told)
            codes = _told_codes(told)
            answer = Answer(enveloped(made.data, told), status, outcome, codes=codes)
        origin = "cached" if made.found else "shared" if joined else "made"
        since = (asked.now, asked.started)
        return _extended(answer, self._besides(made, asked.terms, since, origin, told))

    def _besides(
        self,
        made: Made,
        terms: Terms,
        since: tuple[datetime, float],
        origin: str,
        told: Sequence[Told] = (),
    ) -> dict[str, Any]:
        """What the caller wants to be told besides; `since` is when it asked, on two clocks."""
        besides: dict[str, Any] = {}
        if terms.tell_cost:
            besides["supplygraph"] = _cost(made, terms, since[1], origin)
        if terms.trace and self._serves.traces:
            timings = made.timings if origin == "made" else None
            besides["ftv1"] = ftv1(timings, told, since[0], (since[1], perf_counter()))
        return besides


class _Asked(Struct, frozen=True):
    """A request on its way to its answer."""

    request: GraphQLRequest
    terms: Terms
    attendant: Attendant
    now: datetime
    started: float
    verdict: Verdict = ALLOWED


def _planned(outcome: PlanOutcome, reason: str | None) -> None:
    metrics.operation_planned(outcome.value)
    if reason is not None:
        _log.info("operation not planned", reason=reason)


def _refused(errors: Sequence[GraphQLError], terms: Terms, status: int = _NOT_VALID) -> Answer:
    shown = Translator(terms.correlation_id).all(errors, ())
    return Answer(
        enveloped(None, shown), status, OperationOutcome.REFUSED, codes=_told_codes(shown)
    )


def _told_codes(told: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(error["extensions"]["code"] for error in told))


def _codes(made: Made) -> list[str]:
    """Codes of what came of a change."""
    return [*codes_of(made.errors, made.problems), *made.refused]


def _kept(kept: KeptAnswer) -> Answer:
    return Answer(kept.body, _ANSWERED, OperationOutcome.COMPLETE, kept)


def _extended(answer: Answer, besides: Mapping[str, Any]) -> Answer:
    """An answer with extensions, unless it is none or there are none."""
    if not besides or answer.status != _ANSWERED:
        return answer
    return structs.replace(answer, body=extended(answer.body, besides), kept=None)


def _verdict(made: Made, told: Sequence[Mapping[str, Any]]) -> tuple[int, OperationOutcome]:
    if made.late:
        return 504, OperationOutcome.FAILED
    if made.data is None:
        return 400, OperationOutcome.REFUSED
    if not told:
        return _ANSWERED, OperationOutcome.COMPLETE
    nothing = made.data == b"null"
    return _ANSWERED, OperationOutcome.FAILED if nothing else OperationOutcome.PARTIAL


def _cost(made: Made, terms: Terms, started: float, origin: str) -> dict[str, Any]:
    return {
        "correlationId": terms.correlation_id,
        "milliseconds": round((perf_counter() - started) * 1000, 1),
        "answer": origin,
        "levels": made.levels,
        "backends": made.backends,
    }
