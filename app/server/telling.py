"""From what came of an execution to what one caller is told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, Final

from graphql import GraphQLError
from msgspec import Struct, structs

from app.access.judging import ALLOWED, Verdict
from app.demand.control import KEPT, Priced
from app.errors import Told, Translator, told_codes
from app.server.attending import Attendant
from app.server.envelope import enveloped, extended
from app.server.execution import Made
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from app.server.traces import ftv1
from runtime.cache.kept import KeptAnswer
from runtime.telemetry.metrics import OperationOutcome

_ANSWERED: Final = 200
_NOT_VALID: Final = 400
_TOO_LATE: Final = 504


class Asked(Struct, frozen=True):
    """A request on its way to its answer.

    Attributes:
        request: What is asked.
        terms: By whom, and on which terms.
        attendant: Waits for as long as the caller does.
        now: When it came.
        started: The same on the clock that never goes back.
        verdict: What its caller may see of it.
    """

    request: GraphQLRequest
    terms: Terms
    attendant: Attendant
    now: datetime
    started: float
    verdict: Verdict = ALLOWED


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


def refused(errors: Sequence[GraphQLError], terms: Terms, status: int = _NOT_VALID) -> Answer:
    """The answer to what is not executed."""
    shown = Translator(terms.correlation_id).all(errors, ())
    return Answer(enveloped(None, shown), status, OperationOutcome.REFUSED, codes=told_codes(shown))


def of_kept(kept: KeptAnswer) -> Answer:
    """An answer as it is kept."""
    return Answer(kept.body, _ANSWERED, OperationOutcome.COMPLETE, kept)


class Teller:
    """Tells each of those who waited.

    Args:
        traces: Whether callers may be told how long each field took.
    """

    def __init__(self, *, traces: bool) -> None:
        self._traces = traces

    def told(self, made: Made, asked: Asked, priced: Priced, *, joined: bool = False) -> Answer:
        """The answer for one of those who waited: errors carry its own correlation id."""
        told: Sequence[Told] = ()
        if made.kept is not None:
            answer = of_kept(made.kept)
        else:
            told = Translator(asked.terms.correlation_id).all(made.errors, made.problems)
            status, outcome = _verdict(made, told)
            answer = Answer(enveloped(made.data, told), status, outcome, codes=told_codes(told))
        origin = "cached" if made.found else "shared" if joined else "made"
        since = (asked.now, asked.started)
        return _extended(answer, self._besides(made, asked.terms, since, origin, told, priced))

    def at_hand(self, answer: Answer, terms: Terms, since: tuple[datetime, float]) -> Answer:
        """An answer that was at hand; `since` is when the caller asked, on two clocks."""
        return _extended(answer, self._besides(Made(None), terms, since, "cached"))

    def _besides(
        self,
        made: Made,
        terms: Terms,
        since: tuple[datetime, float],
        origin: str,
        told: Sequence[Told] = (),
        priced: Priced | None = None,
    ) -> dict[str, Any]:
        """What the caller wants to be told besides."""
        besides: dict[str, Any] = {}
        if terms.tell_cost:
            besides["supplygraph"] = _cost(made, terms, since[1], origin, priced)
        if terms.trace and self._traces:
            timings = made.timings if origin == "made" else None
            besides["ftv1"] = ftv1(timings, told, since[0], (since[1], perf_counter()))
        return besides


def _extended(answer: Answer, besides: Mapping[str, Any]) -> Answer:
    """An answer with extensions, unless it is none or there are none."""
    if not besides or answer.status != _ANSWERED:
        return answer
    return structs.replace(answer, body=extended(answer.body, besides), kept=None)


def _verdict(made: Made, told: Sequence[Mapping[str, Any]]) -> tuple[int, OperationOutcome]:
    if made.late:
        return _TOO_LATE, OperationOutcome.FAILED
    if made.data is None:
        return _NOT_VALID, OperationOutcome.REFUSED
    if not told:
        return _ANSWERED, OperationOutcome.COMPLETE
    nothing = made.data == b"null"
    return _ANSWERED, OperationOutcome.FAILED if nothing else OperationOutcome.PARTIAL


def _cost(
    made: Made, terms: Terms, started: float, origin: str, priced: Priced | None = None
) -> dict[str, Any]:
    cost: dict[str, int] = {"charged": KEPT}
    if priced is not None:
        cost = {"estimated": priced.estimate, "limit": priced.limit}
    if made.cost is not None:
        cost["actual"] = made.cost
    return {
        "correlationId": terms.correlation_id,
        "milliseconds": round((perf_counter() - started) * 1000, 1),
        "answer": origin,
        "cost": cost,
        "levels": made.levels,
        "backends": made.backends,
    }
