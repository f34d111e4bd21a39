"""The journal of an operation: what was read, from where, and how old it was.

It becomes `extensions.supplygraph`.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class _Cost(Struct):
    calls: int = 0
    failed: int = 0
    milliseconds: float = 0.0
    rows: int = 0
    fresh_from_cache: int = 0
    stale: int = 0
    oldest_s: float = 0.0


class Journal:
    """Counts what an operation cost, system by system. Implements `canonical.ports.Meter`."""

    def __init__(self) -> None:
        self._costs: dict[str, _Cost] = {}

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request to a system has ended."""
        cost = self._of(system)
        cost.calls += 1
        cost.failed += failed
        cost.milliseconds += milliseconds
        cost.rows += rows

    def read(self, system: str, *, rows: int) -> None:
        """Records were read from a system."""
        self._of(system).rows += rows

    def cached(self, system: str, *, keys: int, stale: int, oldest_s: float) -> None:
        """Keys were answered from the cache, some of them with stale records."""
        cost = self._of(system)
        cost.fresh_from_cache += keys - stale
        cost.stale += stale
        cost.oldest_s = max(cost.oldest_s, oldest_s)

    def calls(self, system: str | None = None) -> int:
        """Requests so far, to one system or to all."""
        return sum(c.calls for s, c in self._costs.items() if system in (None, s))

    def report(self) -> Mapping[str, Any]:
        """Costs by system, for people."""
        return {
            system: {
                "calls": cost.calls,
                "failedCalls": cost.failed,
                "milliseconds": round(cost.milliseconds, 1),
                "rows": cost.rows,
                "cacheHits": cost.fresh_from_cache,
                "stale": cost.stale,
                "oldestSeconds": round(cost.oldest_s, 1),
            }
            for system, cost in sorted(self._costs.items())
        }

    def _of(self, system: str) -> _Cost:
        return self._costs.setdefault(system, _Cost())
