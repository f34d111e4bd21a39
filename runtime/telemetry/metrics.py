"""Metrics for Prometheus: this table, those of `event_metrics` and of `demand_metrics` beside it.

    name                                    labels            counts
    supplygraph_requests_total              route, status     HTTP requests answered
    supplygraph_operation_seconds           kind, outcome     time to answer a GraphQL operation
    supplygraph_operation_plans_total       outcome           how operations were run
    supplygraph_unknown_operations_total    mode              documents asked that are in no file
    supplygraph_backend_calls_total         system, outcome   requests to a system
    supplygraph_backend_call_seconds        system            time a system took to answer
    supplygraph_cache_lookups_total         layer, result     keys looked up in the record cache
    supplygraph_answer_lookups_total        layer, result     whole answers looked up
    supplygraph_breaker_state               system            0 closed, 1 half open, 2 open
    supplygraph_stream_connections          protocol          sockets, event streams open
    supplygraph_subscriptions               protocol          subscriptions open
    supplygraph_deliveries_total            protocol          results sent to subscribers
    supplygraph_socket_closes_total         code              sockets that ended, by close code

Labels take few values, for each one is a series that is kept for good: `route`, `kind`, `outcome`,
`mode`, `layer`, `result` and `protocol` come from the enumerations here, `status` is a class such
as 2xx, `code` is one that we or browsers give or `other`, and `system` is a backend's name in the
manifest. Nothing that a caller makes up becomes a label.

Several processes of one service add up when PROMETHEUS_MULTIPROC_DIR names an empty folder.
"""

import asyncio
import os
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import cache
from typing import ClassVar, Final, Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_HTTP_CLASSES: Final = 5
_WRITTEN_AFTER_S: Final = 0.25


class Route(StrEnum):
    """Where a request went; everything unknown is `other`."""

    GRAPHQL = "graphql"
    HEALTH = "health"
    METRICS = "metrics"
    PAGES = "pages"
    OTHER = "other"


class OperationKind(StrEnum):
    """What a GraphQL request wanted; `unknown` where it could not be read."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
    UNKNOWN = "unknown"


class OperationOutcome(StrEnum):
    """How a GraphQL operation ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    REFUSED = "refused"


class CallOutcome(StrEnum):
    """How a request to a system ended."""

    OK = "ok"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    THROTTLED = "throttled"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    BAD_ANSWER = "bad_answer"
    NOT_ASKED = "not_asked"


class StreamProtocol(StrEnum):
    """What carries subscriptions."""

    TRANSPORT_WS = "graphql-transport-ws"
    LEGACY_WS = "graphql-ws"
    SSE = "sse"


class BreakerState(IntEnum):
    """Whether a system is asked."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


REGISTRY: Final = CollectorRegistry()
_requests = Counter(
    "supplygraph_requests", "HTTP requests answered.", ["route", "status"], registry=REGISTRY
)
_operations = Histogram(
    "supplygraph_operation_seconds",
    "Time to answer a GraphQL operation.",
    ["kind", "outcome"],
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_plans = Counter(
    "supplygraph_operation_plans",
    "Operations by how they were run.",
    ["outcome"],
    registry=REGISTRY,
)
_unknown = Counter(
    "supplygraph_unknown_operations",
    "Documents asked that are in no file of known operations.",
    ["mode"],
    registry=REGISTRY,
)
_calls = Counter(
    "supplygraph_backend_calls", "Requests to a system.", ["system", "outcome"], registry=REGISTRY
)
_call_seconds = Histogram(
    "supplygraph_backend_call_seconds",
    "Time a system took to answer.",
    ["system"],
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_lookups = Counter(
    "supplygraph_cache_lookups",
    "Keys looked up in the record cache.",
    ["layer", "result"],
    registry=REGISTRY,
)
_answers = Counter(
    "supplygraph_answer_lookups",
    "Whole answers looked up.",
    ["layer", "result"],
    registry=REGISTRY,
)
_breakers = Gauge(
    "supplygraph_breaker_state",
    "0 closed, 1 half open, 2 open.",
    ["system"],
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
_connections = Gauge(
    "supplygraph_stream_connections",
    "Sockets and event streams that are open.",
    ["protocol"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_subscriptions = Gauge(
    "supplygraph_subscriptions",
    "Subscriptions that are open.",
    ["protocol"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_deliveries = Counter(
    "supplygraph_deliveries", "Results sent to subscribers.", ["protocol"], registry=REGISTRY
)
_closes = Counter(
    "supplygraph_socket_closes",
    "Sockets that ended, by close code.",
    ["code"],
    registry=REGISTRY,
)
_CLOSE_CODES: Final = frozenset(
    {*range(1000, 1004), *range(1005, 1014), 4400, 4401, 4403, 4406, 4408, 4409, 4429}
)


class _Often:
    """What happens so often that several at once are written down.

    Within an event loop that is after a moment, and before anything is shown.

    Args:
        write: Writes down how often it has happened, and how many seconds that took together.
    """

    unwritten: ClassVar[list["_Often"]] = []

    def __init__(self, write: Callable[[int, float], None]) -> None:
        self._write = write
        self._count = 0
        self._seconds = 0.0

    def happened(self, seconds: float = 0.0) -> None:
        """It has happened once more."""
        self._count += 1
        self._seconds += seconds
        if self._count == 1:
            self.unwritten.append(self)
            try:
                asyncio.get_running_loop().call_later(_WRITTEN_AFTER_S, write_all)
            except RuntimeError:  # no event loop that would come back to it
                write_all()

    def write(self) -> None:
        """Write down what has happened."""
        count, seconds, self._count, self._seconds = self._count, self._seconds, 0, 0.0
        self._write(count, seconds)


def write_all() -> None:
    """Write down all that has happened."""
    while _Often.unwritten:
        _Often.unwritten.pop().write()


def _counted(counter: Counter) -> _Often:
    return _Often(lambda count, _: counter.inc(count))


def _timed(histogram: Histogram) -> _Often:
    """For times within the first bucket."""

    def write(count: int, seconds: float) -> None:
        histogram._sum.inc(seconds)  # noqa: SLF001  # there is no way to observe several at once
        histogram._buckets[0].inc(count)  # noqa: SLF001  # as above

    return _Often(write)


def request_answered(route: Route, status: int) -> None:
    """An HTTP request was answered with a status code."""
    _requests_of(route, status // 100).happened()


@cache
def _requests_of(route: Route, group: int) -> _Often:
    label = f"{group}xx" if 1 <= group <= _HTTP_CLASSES else "other"
    return _counted(_requests.labels(route.value, label))


def operation_answered(kind: OperationKind, outcome: OperationOutcome, seconds: float) -> None:
    """A GraphQL operation was answered."""
    if seconds <= BUCKETS_S[0]:
        _quick_operations_of(kind, outcome).happened(seconds)
    else:
        _operations.labels(kind.value, outcome.value).observe(seconds)


@cache
def _quick_operations_of(kind: OperationKind, outcome: OperationOutcome) -> _Often:
    return _timed(_operations.labels(kind.value, outcome.value))


def operation_planned(outcome: Literal["made", "found", "walked"]) -> None:
    """An operation's plan was made or found, or the operation is walked by graphql-core."""
    _plans_of(outcome).inc()


@cache
def _plans_of(outcome: str) -> Counter:
    return _plans.labels(outcome)


def unknown_operation(mode: Literal["log", "known_only"]) -> None:
    """A document was asked that is in no file; it was answered (`log`) or refused."""
    _unknown_of(mode).happened()


@cache
def _unknown_of(mode: str) -> _Often:
    return _counted(_unknown.labels(mode))


def backend_called(system: str, outcome: CallOutcome, seconds: float) -> None:
    """A request to a system ended. Requests that were never sent (`not_asked`) have no duration."""
    _calls_of(system, outcome).inc()
    if outcome is not CallOutcome.NOT_ASKED:
        _seconds_of(system).observe(seconds)


def cache_looked_up(layer: Literal["l1", "l2"], *, hits: int, misses: int) -> None:
    """Keys were looked up in one layer of the record cache."""
    _lookups_of(layer, "hit").inc(hits)
    _lookups_of(layer, "miss").inc(misses)


@cache
def _lookups_of(layer: str, result: str) -> Counter:
    return _lookups.labels(layer, result)


def answer_looked_up(layer: Literal["l1", "l2"], *, hit: bool) -> None:
    """A whole answer was looked up in one layer of the answer cache."""
    _answers_of(layer, hit).happened()


@cache
def _answers_of(layer: str, hit: bool) -> _Often:  # noqa: FBT001  # the name of the figure
    return _counted(_answers.labels(layer, "hit" if hit else "miss"))


def stream_connection_opened(protocol: StreamProtocol) -> None:
    """A socket or an event stream was opened."""
    _connections.labels(protocol.value).inc()


def stream_connection_ended(protocol: StreamProtocol) -> None:
    """A socket or an event stream has ended."""
    _connections.labels(protocol.value).dec()


def socket_closed(code: int) -> None:
    """A socket has ended with a close code; 1006 if the connection broke off."""
    _closes.labels(str(code) if code in _CLOSE_CODES else "other").inc()


def subscription_begun(protocol: StreamProtocol) -> None:
    """A subscription was begun."""
    _subscriptions.labels(protocol.value).inc()


def subscription_ended(protocol: StreamProtocol) -> None:
    """A subscription has ended."""
    _subscriptions.labels(protocol.value).dec()


@cache
def deliveries(protocol: StreamProtocol) -> Callable[[], None]:
    """What is called for each result that is sent to a subscriber."""
    return _counted(_deliveries.labels(protocol.value)).happened


def breaker_moved(system: str, state: BreakerState) -> None:
    """A system's circuit breaker has a new state."""
    _breakers.labels(system).set(state.value)


@cache
def _calls_of(system: str, outcome: CallOutcome) -> Counter:
    """One series, which prometheus_client looks for each time it is asked."""
    return _calls.labels(system, outcome.value)


@cache
def _seconds_of(system: str) -> Histogram:
    """As `_calls_of`."""
    return _call_seconds.labels(system)


def render() -> bytes:
    """All metrics in the text form that /metrics answers with, of type `CONTENT_TYPE`."""
    write_all()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
    return generate_latest(REGISTRY)
