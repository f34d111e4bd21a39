"""Metrics for Prometheus. Everything that is counted is in this table, and nothing else.

Those of events and dead letters are kept in `event_metrics`, the others here.

    name                                    labels            counts
    supplygraph_requests_total              route, status     HTTP requests answered
    supplygraph_operation_seconds           kind, outcome     time to answer a GraphQL operation
    supplygraph_operation_plans_total       outcome           how operations were run
    supplygraph_backend_calls_total         system, outcome   requests to a system
    supplygraph_backend_call_seconds        system            time a system took to answer
    supplygraph_cache_lookups_total         layer, result     keys looked up in the record cache
    supplygraph_answer_lookups_total        layer, result     whole answers looked up
    supplygraph_breaker_state               system            0 closed, 1 half open, 2 open
    supplygraph_events_appended_total       type              events that the log took
    supplygraph_event_write_seconds                           time of a write to the log
    supplygraph_event_log_reads_total                         questions put to the log
    supplygraph_events_behind                                 events not applied in this process
    supplygraph_event_lag_seconds                             from the log to the process's caches
    supplygraph_dead_letters_open                             what waits for somebody to decide
    supplygraph_stream_delivery_seconds     topic             events delivered, from the log on
    supplygraph_stream_executions_total     topic             executions of a subscription operation
    supplygraph_stream_coalesced_total      topic             events left out for a later one
    supplygraph_stream_gaps_total           topic             gaps told to clients
    supplygraph_stream_subscribers          topic             subscriptions that are open
    supplygraph_stream_groups               topic             different ones among them

Labels take few values, for each one is a series that is kept for good: `route`, `kind`, `outcome`,
`layer` and `result` come from the enumerations here, `status` is a class such as 2xx, `type` is one
of the types of events, `topic` a field of Subscription, and `system` is a backend's name in the
manifest. Nothing that a caller makes up becomes a label.

Several processes of one service add up when PROMETHEUS_MULTIPROC_DIR names an empty folder.
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Callable, Sequence
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any, ClassVar, Final, Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from runtime.telemetry.registry import BUCKETS_S, REGISTRY

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
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


class BreakerState(IntEnum):
    """Whether a system is asked."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


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
_deliveries = Histogram(
    "supplygraph_stream_delivery_seconds",
    "Time from the log's taking an event to its delivery to a subscriber.",
    ["topic"],
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_executions = Counter(
    "supplygraph_stream_executions",
    "Executions of a subscription operation.",
    ["topic"],
    registry=REGISTRY,
)
_coalesced = Counter(
    "supplygraph_stream_coalesced",
    "Events left out for a later one of the same key.",
    ["topic"],
    registry=REGISTRY,
)
_gaps = Counter("supplygraph_stream_gaps", "Gaps told to clients.", ["topic"], registry=REGISTRY)
_subscribers = Gauge(
    "supplygraph_stream_subscribers",
    "Subscriptions that are open.",
    ["topic"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_groups = Gauge(
    "supplygraph_stream_groups",
    "Different subscriptions that are open.",
    ["topic"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_breakers = Gauge(
    "supplygraph_breaker_state",
    "0 closed, 1 half open, 2 open.",
    ["system"],
    registry=REGISTRY,
    multiprocess_mode="livemax",
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


def breaker_moved(system: str, state: BreakerState) -> None:
    """A system's circuit breaker has a new state."""
    _breakers.labels(system).set(state.value)


def stream_delivered(topic: str, seconds: float, times: int) -> None:
    """An event was delivered to so many subscribers, so long after the log took it."""
    bounds, buckets, total = _deliveries_of(topic)
    total.inc(seconds * times)
    buckets[bisect_left(bounds, seconds)].inc(times)


@cache
def _deliveries_of(topic: str) -> tuple[Sequence[float], Sequence[Any], Any]:
    """Bounds, buckets and sum of one series: there is no way to observe several at once."""
    series = _deliveries.labels(topic)
    return series._upper_bounds, series._buckets, series._sum  # noqa: SLF001  # as said


def stream_executed(topic: str) -> None:
    """A subscription operation was executed, for one event or several."""
    _executions_of(topic).inc()


@cache
def _executions_of(topic: str) -> Counter:
    return _executions.labels(topic)


def stream_coalesced(topic: str, events: int) -> None:
    """Events were left out for a subscriber that is behind, for later ones of the same key."""
    if events:
        _coalesced.labels(topic).inc(events)


def stream_gap_told(topic: str) -> None:
    """A subscriber was told of a gap."""
    _gaps.labels(topic).inc()


def stream_subscribed(topic: str, subscribers: int, *, groups: int) -> None:
    """So many subscriptions more, or fewer if negative; and how many different ones there are."""
    _subscribers.labels(topic).inc(subscribers)
    _groups.labels(topic).set(groups)


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
