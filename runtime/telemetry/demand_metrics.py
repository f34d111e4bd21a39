"""Metrics of what callers ask for and what is refused to them; served with the others.

    name                                    labels            counts
    supplygraph_operation_cost              known             cost of operations that were executed
    supplygraph_operation_cost_ratio                          actual cost by estimated cost
    supplygraph_limited_total               limit             operations refused, by which limit

`known` is `estimated` (before) or `actual` (after); `limit` is one of document, cost, rate,
operations.
"""

from functools import cache
from typing import Any, Final, Literal

from prometheus_client import Counter, Histogram

from runtime.telemetry.metrics import REGISTRY

_COSTS: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_RATIOS: Final = (0.01, 0.03, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 3.0, 10.0)
_cost = Histogram(
    "supplygraph_operation_cost",
    "Cost of operations that were executed, in units of one object.",
    ["known"],
    buckets=_COSTS,
    registry=REGISTRY,
)
_ratio = Histogram(
    "supplygraph_operation_cost_ratio",
    "Actual cost of an operation divided by its estimated cost.",
    buckets=_RATIOS,
    registry=REGISTRY,
)
_limited = Counter(
    "supplygraph_limited", "Operations refused, by which limit.", ["limit"], registry=REGISTRY
)


def operation_cost(estimated: int, actual: int) -> None:
    """An operation was executed."""
    _known("estimated").observe(estimated)
    _known("actual").observe(actual)
    if estimated:
        _ratio.observe(actual / estimated)


def refused(limit: Literal["document", "cost", "rate", "operations"]) -> None:
    """An operation was refused."""
    _limited.labels(limit).inc()


@cache
def _known(which: str) -> Any:
    return _cost.labels(which)
