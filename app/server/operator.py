"""Answering one operation: from what is kept, from what is under way, or by executing it.

kept in this process -> nothing is awaited
-> may it be asked, and by this caller? -> the same is under way: wait for it
-> kept in Redis -> executed, and kept if it may be
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Final

import strawberry
import structlog
from graphql import GraphQLError, OperationType, print_schema
from msgspec import Struct, structs

from app.access.judging import Judge
from app.demand.control import DemandControl, Priced
from app.governance.auditing import Change, Concerned
from app.server.attending import Attendant
from app.server.concerning import concerned
from app.server.documents import Document, Documents
from app.server.execution import Execution, Made
from app.server.flights import Flight, Flights
from app.server.gate import Gate
from app.server.negotiation import HTTPRefusal
from app.server.ports import Serving
from app.server.requests import GraphQLRequest
from app.server.schema_questions import is_introspection
from app.server.telling import Answer, Asked, Teller, of_kept, refused
from app.server.terms import Terms
from canonical.errors import LimitedError, RefusedError, SupplygraphError, UnauthenticatedError
from execution.engine import Engine, PlanOutcome
from runtime.cache.kept import AnswerKey
from runtime.security.principal import scope_key
from runtime.telemetry import metrics
from runtime.telemetry.metrics import OperationKind
from schema.access import access_over
from schema.api import types_of
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


class Operator:
    """Answers operations over one installation.

    Attributes:
        schema: What they are asked of.
        engine: Runs them.
        documents: Parses and validates them.
        gate: Which documents may be asked.
        auditing: Audits them.
        judge: Says what of them a caller may see.
        demand: Keeps the limits of all who ask.

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
        inner = types_of(schema)
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
        demand = serving.operation_limits.demand
        self.documents = Documents(inner, demand.loosest(), suggestions=serving.edge.suggestions)
        page_size = serving.limits.default_page_size
        self.demand = DemandControl(inner, self.documents, demand, serving.serves.rates, page_size)
        self.gate = Gate(self._serves.known, self.about_schema, self._turned_away)
        self._teller = Teller(traces=self._serves.traces)
        self._flights = Flights()
        if self._serves.answers is not None:
            self._serves.answers.of_schema(print_schema(inner))

    def kind(self, request: GraphQLRequest, terms: Terms) -> OperationKind:
        """What a request wants to be run, allowed or not; unknown if that cannot be told."""
        if self.demand.blocked(terms):
            return OperationKind.UNKNOWN
        document = self.demand.look(request, terms)
        try:
            return OperationKind(document.operation(request.operation_name).operation.value)
        except GraphQLError:
            return OperationKind.UNKNOWN

    def about_schema(self, request: GraphQLRequest, terms: Terms) -> bool:
        """Whether a request that is valid is about the schema alone."""
        if self.demand.blocked(terms):
            return False
        document = self.demand.look(request, terms)
        try:
            return is_introspection(document.operation(request.operation_name))
        except GraphQLError:
            return False

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
        if kept is None or kept.exported or not self.demand.kept(terms.principal):
            return None
        self._usage.count(request.query, request.operation_name, terms.client)
        answer = of_kept(kept, at_hand=True)
        if terms.tell_cost or terms.trace:
            answer = self._teller.at_hand(answer, terms, (self._clock(), started))
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
            LimitedError: if the caller has asked for too much already.
            TooLargeError: if the request is larger than the caller's may be.
            CostLimitError: if it would cost more than the caller's may.
            ClientGoneError: if the client hung up.
        """
        asked = Asked(request, terms, attendant, self._clock(), perf_counter())
        try:
            kind, answer = await self._worked_out(asked)
        except (HTTPRefusal, SupplygraphError) as exc:
            self._turned_away(request, terms, exc.code)
            raise
        if answer.codes:
            self.auditing.refused(self._concerned(asked.request, asked.terms), answer.codes)
        self._usage.count(request.query, request.operation_name, terms.client)
        metrics.operation_answered(kind, answer.outcome, perf_counter() - asked.started)
        return answer

    async def subscribe(self, request: GraphQLRequest, terms: Terms) -> None:
        """Let a subscription pass the gate; what is wrong with the document is told later.

        Raises:
            LimitedError: if the caller has asked for too much already.
            TooLargeError: if the request is larger than the caller's may be.
            CostLimitError: if it would cost more than the caller's may.
        """
        document = await self.demand.enter(request, terms)
        if document.errors or document.tree is None:
            return
        with suppress(GraphQLError):
            chosen = document.operation(request.operation_name)
            verdict = self.judge.verdict(
                document.judged, document.tree, chosen, terms.principal, request.variables
            )
            if not verdict.refusals:  # what may not be asked has no price, for it is not there
                await self.demand.open(self.demand.priced(document, chosen, request, terms), terms)

    def _key(self, request: GraphQLRequest, terms: Terms, now: datetime) -> AnswerKey | None:
        """What the answer is kept under; None where it is not kept, or nobody is known to ask."""
        if request.question is None or terms.principal is None:
            return None
        return AnswerKey(request.question, scope_key(terms.principal), now.toordinal())

    async def _worked_out(self, asked: Asked) -> tuple[OperationKind, Answer]:
        document = await self.demand.enter(asked.request, asked.terms)
        if document.tree is None or document.errors:
            return OperationKind.UNKNOWN, refused(document.errors, asked.terms)
        try:
            chosen = document.operation(asked.request.operation_name)
        except GraphQLError as exc:
            return OperationKind.UNKNOWN, refused((exc,), asked.terms)
        kind = OperationKind(chosen.operation.value)
        if asked.request.read_only and kind is not OperationKind.QUERY:
            allow = {"Allow": "POST"}
            raise HTTPRefusal(405, "only queries are answered to GET; send it by POST", allow)
        if kind is OperationKind.SUBSCRIPTION:
            refusal = GraphQLError(_ELSEWHERE)
            return kind, refused((refusal,), asked.terms)
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
            answer = refused(verdict.refusals, asked.terms, status)
            # Whatever the caller is told, on record it is what it is.
            return kind, structs.replace(answer, codes=(RefusedError.code,))
        priced = self.demand.priced(document, chosen, asked.request, asked.terms)
        asked = structs.replace(asked, verdict=verdict)
        key = None
        if kind is OperationKind.QUERY and not about_schema and self._serves.answers is not None:
            key = self._key(asked.request, asked.terms, asked.now)
        return kind, await self._run(asked, _Chosen(document, priced), key)

    async def _run(self, asked: Asked, chosen: "_Chosen", key: AnswerKey | None) -> Answer:
        flight = self._joined(asked, key)
        if flight is not None:
            made = await self._shared(flight, asked)
            if made is not None:
                return await self._handed_over(made, asked, chosen.priced, joined=True)
            key = None
        flight = self._begun(asked, chosen, key)
        async with flight.wanted() as work:
            made = await asked.attendant.until(work)
        return await self._handed_over(made, asked, chosen.priced)

    async def _shared(self, flight: Flight, asked: Asked) -> Made | None:
        """What came of an execution that another caller began; None if it is that caller's alone.

        So is a refusal for want of the other's allowance.
        """
        try:
            async with flight.wanted() as work:
                made = await asked.attendant.until(work)
        except LimitedError:
            return None
        return None if made.personal else made

    async def _handed_over(
        self, made: Made, asked: Asked, priced: Priced, *, joined: bool = False
    ) -> Answer:
        """The answer for one of those who waited, an export once it is written down."""
        exported = made.exported if made.kept is None else made.kept.exported
        if exported and not self.about_schema(asked.request, asked.terms):
            whole = self._concerned(asked.request, asked.terms)
            await self.auditing.exported(whole, exported)
        return self._teller.told(made, asked, priced, joined=joined)

    def _concerned(self, request: GraphQLRequest, terms: Terms) -> Concerned:
        """What is asked, for the audit."""
        name = self.documents.get(request.query).name(request.operation_name)
        return concerned(request, terms, name)

    def _turned_away(self, request: GraphQLRequest, terms: Terms, code: str) -> None:
        """A request was refused, perhaps unread; nothing more is spent on its document."""
        self.auditing.refused(concerned(request, terms, request.operation_name), [code])

    def _joined(self, asked: Asked, key: AnswerKey | None) -> Flight | None:
        if key is None or asked.terms.max_staleness_s is not None:
            return None
        return self._flights.find(key) if self._serves.share_in_flight else None

    def _begun(self, asked: Asked, chosen: "_Chosen", key: AnswerKey | None) -> Flight:
        execution = Execution(
            self._serving, asked.request, asked.terms, asked.now, self.judge.access
        )
        work = self._found_or_made(asked, chosen, key, execution)
        return self._flights.begin(key, execution, work)

    async def _found_or_made(
        self, asked: Asked, chosen: "_Chosen", key: AnswerKey | None, execution: Execution
    ) -> Made:
        answers, document = self._serves.answers, chosen.document
        if key is not None and answers is not None and document.unkept < _IN_VAIN:
            found = await answers.find(key, asked.terms.max_staleness_s)
            if found is not None:
                return Made(None, kept=found, found=True)
        async with self.demand.running(chosen.priced, asked.terms) as running:
            made = await self._executed(asked, document, execution)
            if made.objects is not None:
                running.cost = self.demand.cost(chosen.priced, made.objects)
                made = structs.replace(made, cost=running.cost)
        if key is None:
            return made
        made = execution.keep(key, made)
        document.unkept = 0 if made.kept is not None else document.unkept + 1
        return made

    async def _executed(self, asked: Asked, document: Document, execution: Execution) -> Made:
        """What comes of an execution; a change is audited before it is made, and after."""
        assert document.tree is not None  # noqa: S101  # refused before
        run = partial(execution.run, self.engine, document.tree, asked.verdict)
        chosen = document.operation(asked.request.operation_name)
        if chosen.operation is not OperationType.MUTATION:
            return await run()
        change = Change(self._concerned(asked.request, asked.terms), document.tree, chosen)
        return await self.auditing.change(change, run, Made.codes)


class _Chosen(Struct, frozen=True):
    """A document of which one operation is to be run, and what that costs."""

    document: Document
    priced: Priced


def _planned(outcome: PlanOutcome, reason: str | None) -> None:
    metrics.operation_planned(outcome.value)
    if reason is not None:
        _log.info("operation not planned", reason=reason)
