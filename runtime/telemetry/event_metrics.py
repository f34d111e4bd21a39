"""Metrics of the log of events; they stand in the table of `runtime.telemetry.metrics`."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from runtime.telemetry.registry import BUCKETS_S, REGISTRY

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
