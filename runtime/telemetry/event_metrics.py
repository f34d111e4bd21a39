"""Metrics of the event log and of those who listen to it; served with the others.

    name                                    labels            counts
    supplygraph_events_appended_total       type              events that the log took
    supplygraph_event_write_seconds                           time of a write to the log
    supplygraph_event_log_reads_total                         questions put to the log
    supplygraph_events_behind                                 events not applied in this process
    supplygraph_event_lag_seconds                             from the log to the process's caches
    supplygraph_dead_letters_open                             what waits for somebody to decide
    supplygraph_stream_delivery_seconds     topic             events delivered, from the log on
    supplygraph_stream_age_seconds          topic             the same, from the source's time on
    supplygraph_stream_executions_total     topic             executions of a subscription operation
    supplygraph_stream_coalesced_total      topic             events left out for a later one
    supplygraph_stream_gaps_total           topic             gaps told to clients
    supplygraph_stream_subscribers          topic             subscriptions that are open
    supplygraph_stream_groups               topic             different ones among them

`type` is one of the types of events, `topic` a field of Subscription.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from runtime.telemetry.metrics import BUCKETS_S, REGISTRY

_deliveries = Histogram(
    "supplygraph_stream_delivery_seconds",
    "Time from the log's taking an event to its delivery to a subscriber.",
    ["topic"],
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_ages = Histogram(
    "supplygraph_stream_age_seconds",
    "Time from what happened in its system to its delivery to a subscriber.",
    ["topic"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400),
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
_appended = Counter(
    "supplygraph_events_appended", "Events that the log took.", ["type"], registry=REGISTRY
)
_writes = Histogram(
    "supplygraph_event_write_seconds",
    "Time of a write to the log, waiting included.",
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_log_reads = Counter("supplygraph_event_log_reads", "Questions put to the log.", registry=REGISTRY)
_behind = Gauge(
    "supplygraph_events_behind",
    "Events in the log that a process has not applied.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
_lags = Histogram(
    "supplygraph_event_lag_seconds",
    "Time from the log to the caches of a process.",
    buckets=BUCKETS_S,
    registry=REGISTRY,
)
_letters = Gauge(
    "supplygraph_dead_letters_open",
    "Dead letters that wait for somebody to decide.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)


def events_appended(type_name: str, count: int) -> None:
    """The log took events of one type."""
    _appended_of(type_name).inc(count)


@cache
def _appended_of(type_name: str) -> Counter:
    return _appended.labels(type_name)


def log_written(seconds: float) -> None:
    """A write to the log ended well, so long after somebody asked for it."""
    _writes.observe(seconds)


def log_read() -> None:
    """The log was asked for events."""
    _log_reads.inc()


def follower_applied(behind: int, seconds: float) -> None:
    """A process applied events: how many more there are, and how old the last was."""
    _behind.set(behind)
    _lags.observe(max(seconds, 0.0))


def dead_letters_open(count: int) -> None:
    """So many dead letters wait for somebody to decide."""
    _letters.set(count)


def stream_delivered(topic: str, seconds: float, times: int) -> None:
    """An event was delivered to so many subscribers, so long after the log took it."""
    _observe(_deliveries, topic, seconds, times)


def stream_told(topic: str, seconds: float, times: int) -> None:
    """An event was delivered to so many subscribers, so long after it happened in its system."""
    _observe(_ages, topic, seconds, times)


def _observe(histogram: Histogram, topic: str, seconds: float, times: int) -> None:
    bounds, buckets, total = _parts_of(histogram, topic)
    total.inc(seconds * times)
    buckets[bisect_left(bounds, seconds)].inc(times)


@cache
def _parts_of(histogram: Histogram, topic: str) -> tuple[Sequence[float], Sequence[Any], Any]:
    """Bounds, buckets and sum of one series: there is no way to observe several at once."""
    series = histogram.labels(topic)
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
