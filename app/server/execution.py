"""One execution of one operation, for whoever has asked for it."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from graphql import DocumentNode, GraphQLError
from msgspec import Struct
from msgspec.structs import replace

from app.access.judging import Verdict
from app.errors import codes_of
from app.governance.objects import exported, refused_in_words
from app.server.contexts import begin_operation
from app.server.envelope import enveloped
from app.server.ports import Serving
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from canonical.errors import Reason, SupplygraphError, UnavailableError
from execution.engine import Engine
from execution.timings import Timing
from runtime.cache.kept import AnswerKey, KeptAnswer
from runtime.security.access import Access

_SLACK_S: Final = 1.0
# Systems are given up at the deadline; the rest of the answer still has to be put together.
_JOINED_WITHIN: Final = 1 / 2
_ASKED_NOW: Final = b'"LIVE"'


class Made(Struct, frozen=True):
    """What came of an execution.

    Attributes:
        data: JSON of the response's `data`; None if there is none.
        errors: What the engine reports.
        problems: What is incomplete, with paths.
        late: Whether it was given up because of its length.
        personal: Whether it is the answer of its own caller alone.
        kept: The whole answer, if it is kept.
        found: Whether it was kept already, and nothing was executed.
        levels: Levels that were read one after the other.
        backends: What each system cost.
        timings: How long each field took, where its own caller asked for that.
        exported: How many objects it has, by type, if it is an export.
        refused: Codes of what its payloads say was refused.
        objects: What was worked on: objects by the field that led to them; None if not counted.
        cost: The same in units of cost; None as above.
    """

    data: bytes | None
    errors: Sequence[GraphQLError] = ()
    problems: Sequence[tuple[SupplygraphError, Sequence[str | int]]] = ()
    late: bool = False
    personal: bool = False
    kept: KeptAnswer | None = None
    found: bool = False
    levels: int = 0
    backends: Mapping[str, Any] = {}
    timings: Timing | None = None
    exported: Mapping[str, int] = {}
    refused: Sequence[str] = ()
    objects: Sequence[tuple[str, str, int]] | None = None
    cost: int | None = None

    def codes(self) -> list[str]:
        """Codes of what was refused, or went wrong, in it."""
        return [*codes_of(self.errors, self.problems), *self.refused]


class Execution:
    """One execution. Several callers with the same question and rights may wait for it.

    Args:
        serving: The installation.
        request: The question.
        terms: Of the caller that asked first.
        now: The moment that it is answered for.
        access: Who may see what of the schema.
    """

    def __init__(
        self,
        serving: Serving,
        request: GraphQLRequest,
        terms: Terms,
        now: datetime,
        access: Access,
    ) -> None:
        self.now = now
        self._serving = serving
        self._request = request
        self._started = perf_counter()
        self._timeout_s = serving.operation_limits.timeout_s
        self._noted = ExitStack()
        begun = begin_operation(
            serving, terms.principal, terms.correlation_id, terms.max_staleness_s, now, access
        )
        self._operation, self._journal = begun.operation, begun.journal
        if terms.trace and serving.serves.traces:
            self._operation.timer = perf_counter_ns
        self._reading, self._context = begun.reading, begun.context
        self._answers = serving.serves.answers
        self._made_at, self._watch = 0.0, None
        if self._answers is not None:
            self._made_at = self._answers.now()
            self._watch = self._noted.enter_context(self._answers.watch())

    def close(self) -> None:
        """It is over; what changes is noted no longer."""
        self._noted.close()

    @property
    def may_be_joined(self) -> bool:
        """Whether who asks the same now may wait for this answer.

        Not where something may have changed since it began, or where somebody minds the age of
        records: what was read before the question is older than it seems. Nor late, for the time
        that it has left is all that the caller would get.
        """
        young = perf_counter() - self._started < self._timeout_s * _JOINED_WITHIN
        if not young or self._operation.personal or self._reading.max_staleness_s is not None:
            return False
        return self._watch is not None and not (self._watch.keys or self._watch.everything)

    async def run(self, engine: Engine, tree: DocumentNode, verdict: Verdict) -> Made:
        """Run it, within its time, as far as its caller may see it."""
        request = self._request
        try:
            async with asyncio.timeout(self._timeout_s + _SLACK_S):
                outcome = await engine.run(
                    request.query,
                    tree,
                    request.operation_name,
                    request.variables,
                    self._context,
                    mask=verdict.mask,
                )
        except TimeoutError:
            message = f"the operation took longer than {self._timeout_s:g} s; ask for less at once"
            late = UnavailableError("supplygraph", Reason.TIMEOUT, message)
            return Made(None, problems=[(late, ())], late=True)
        finally:
            self._operation.scheduler.end()
        return Made(
            outcome.data,
            outcome.errors if outcome.data is None else [*outcome.errors, *verdict.notes],
            self._operation.problems,
            personal=self._operation.personal,
            levels=self._operation.scheduler.levels,
            backends=self._journal.report(),
            timings=outcome.timings,
            exported=exported(outcome, self._serving.governance.auditing.exports_from),
            refused=refused_in_words(outcome),
            objects=self._operation.objects,
        )

    def keep(self, key: AnswerKey, made: Made) -> Made:
        """Keep the answer, if it may be kept.

        An answer that says of a list that it was asked for just now would not be true later.
        """
        journal, limit_s = self._journal, self._reading.max_staleness_s
        if self._answers is None or self._watch is None or not self._may_be_kept(made):
            return made
        answer = KeptAnswer(
            enveloped(made.data),
            self._made_at,
            min(journal.good_until, math.inf if limit_s is None else journal.oldest_at + limit_s),
            journal.oldest_at,
            frozenset(journal.depends),
            exported=made.exported,
        )
        return replace(made, kept=answer) if self._answers.keep(key, answer, self._watch) else made

    def _may_be_kept(self, made: Made) -> bool:
        if made.data is None or made.errors or made.problems or made.personal:
            return False
        if not (self._journal.whole and math.isfinite(self._journal.good_until)):
            return False
        return not ("state" in self._request.query and _ASKED_NOW in made.data)
