"""Metrics for Prometheus. Everything that is counted is in this table, and nothing else.

    name                                    labels            counts
    supplygraph_requests_total              route, status     HTTP requests answered
    supplygraph_operation_seconds           kind, outcome     time to answer a GraphQL operation
    supplygraph_operation_plans_total       outcome           how operations were run
    supplygraph_backend_calls_total         system, outcome   requests to a system
    supplygraph_backend_call_seconds        system            time a system took to answer
    supplygraph_cache_lookups_total         layer, result     keys looked up in the record cache
    supplygraph_answer_lookups_total        layer, result     whole answers looked up
    supplygraph_breaker_state               system            0 closed, 1 half open, 2 open

Labels take few values, for each one is a series that is kept for good: `route`, `kind`, `outcome`,
`layer` and `result` come from the enumerations here, `status` is a class such as 2xx, and `system`
is a backend's name in the manifest. Nothing that a caller makes up becomes a label.

Several processes of one service add up when PROMETHEUS_MULTIPROC_DIR names an empty folder.
"""

import os
from enum import IntEnum, StrEnum
from functools import cache
from typing import Final, Literal

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
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_HTTP_CLASSES: Final = 5


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


class BreakerState(IntEnum):
    """Whether a system is asked."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


_registry: Final = CollectorRegistry()
_requests = Counter(
    "supplygraph_requests", "HTTP requests answered.", ["route", "status"], registry=_registry
)
_operations = Histogram(
    "supplygraph_operation_seconds",
    "Time to answer a GraphQL operation.",
    ["kind", "outcome"],
    buckets=_BUCKETS_S,
    registry=_registry,
)
_plans = Counter(
    "supplygraph_operation_plans",
    "Operations by how they were run.",
    ["outcome"],
    registry=_registry,
)
_calls = Counter(
    "supplygraph_backend_calls", "Requests to a system.", ["system", "outcome"], registry=_registry
)
_call_seconds = Histogram(
    "supplygraph_backend_call_seconds",
    "Time a system took to answer.",
    ["system"],
    buckets=_BUCKETS_S,
    registry=_registry,
)
_lookups = Counter(
    "supplygraph_cache_lookups",
    "Keys looked up in the record cache.",
    ["layer", "result"],
    registry=_registry,
)
_answers = Counter(
    "supplygraph_answer_lookups",
    "Whole answers looked up.",
    ["layer", "result"],
    registry=_registry,
)
_breakers = Gauge(
    "supplygraph_breaker_state",
    "0 closed, 1 half open, 2 open.",
    ["system"],
    registry=_registry,
    multiprocess_mode="livemax",
)


def request_answered(route: Route, status: int) -> None:
    """An HTTP request was answered with a status code."""
    _requests_of(route, status // 100).inc()


@cache
def _requests_of(route: Route, group: int) -> Counter:
    return _requests.labels(route.value, f"{group}xx" if 1 <= group <= _HTTP_CLASSES else "other")


def operation_answered(kind: OperationKind, outcome: OperationOutcome, seconds: float) -> None:
    """A GraphQL operation was answered."""
    _operations_of(kind, outcome).observe(seconds)


@cache
def _operations_of(kind: OperationKind, outcome: OperationOutcome) -> Histogram:
    return _operations.labels(kind.value, outcome.value)


def operation_planned(outcome: Literal["made", "found", "walked"]) -> None:
    """An operation's plan was made or found, or the operation is walked by graphql-core."""
    _plans_of(outcome).inc()


@cache
def _plans_of(outcome: str) -> Counter:
    return _plans.labels(outcome)


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
    _answers_of(layer, hit).inc()


@cache
def _answers_of(layer: str, hit: bool) -> Counter:  # noqa: FBT001  # the name of the figure
    return _answers.labels(layer, "hit" if hit else "miss")


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
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
    return generate_latest(_registry)
