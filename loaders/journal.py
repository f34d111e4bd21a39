"""The journal of an operation: what was read, from where, and how old it was.

It becomes `extensions.supplygraph`, and tells for how long and until which change the answer as a
whole may be kept.
"""

import math
from collections.abc import Iterable, Mapping
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
    """Counts what an operation cost, system by system. Implements `canonical.ports.Meter`.

    Attributes:
        depends: Slots of the record cache that the answer is made of; it is wrong once one of them
            changes. Not complete where `good_until` is 0.
        good_until: Epoch seconds at which the first thing that was read stops being fresh; 0 where
            something must not be kept at all, infinite where nothing was read.
        oldest_at: Epoch seconds when the oldest thing was read from its system; infinite where
            nothing was read.
        whole: Whether nothing was stale, missing or failed.
    """

    def __init__(self) -> None:
        self._costs: dict[str, _Cost] = {}
        self.depends: set[str] = set()
        self.good_until = math.inf
        self.oldest_at = math.inf
        self.whole = True

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

    def rests_on(self, slots: Iterable[str], *, good_until: float, oldest_at: float) -> None:
        """Slots were read, all fresh until then, the oldest from then."""
        if good_until > 0:
            self.depends.update(slots)
        self.good_until = min(self.good_until, good_until)
        self.oldest_at = min(self.oldest_at, oldest_at)

    def incomplete(self) -> None:
        """Something is stale, missing or failed."""
        self.whole = False

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
