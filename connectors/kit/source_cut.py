"""Cutting a page out of candidates: in order, strictly after a position."""

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

from canonical.criteria import Sort, compare, position_of
from connectors.kit.source_core import Candidate
from connectors.kit.source_stream import folded

Cut = tuple[list[Candidate], bool]
"""Candidates in order, and whether more follow."""


class ValueCut:
    """Cuts a page out of candidates that come in the order of their first sort value.

    Candidates of equal value (also by a system's own idea of it, where case does not matter) form a
    run, which is put in order when it is complete. Different values stay as the system has them,
    whatever Python thinks of their order.
    """

    def __init__(self, order: tuple[Sort, ...], after: tuple[Any, ...] | None, limit: int) -> None:
        self.order = order
        self.limit = limit
        self.after = after
        self.chosen: list[Candidate] = []
        self.more = False
        self._run: list[Candidate] = []
        self._passed = after is None

    def full(self, candidate: Candidate) -> bool:
        """Take a candidate; true once the page is known to be full and to have more behind it."""
        value = self._value(candidate)
        if value is None:
            return False
        if self._run and folded(value) != folded(self._value(self._run[-1])):
            self._close()
        self._run.append(candidate)
        self.more = len(self.chosen) > self.limit or (
            len(self.chosen) == self.limit and self._passed
        )
        return self.more

    def end(self) -> None:
        """No more candidates are taken."""
        if not self.more:
            self._close()
            self.more = len(self.chosen) > self.limit
        self.chosen = self.chosen[: self.limit]

    def _value(self, candidate: Candidate) -> Any:
        return getattr(candidate.slim, self.order[0].column)

    def _close(self) -> None:
        """Put a complete run in order, without what is at or before the position."""
        by_value: dict[Any, list[Candidate]] = {}
        for candidate in self._run:
            by_value.setdefault(self._value(candidate), []).append(candidate)
        self._run = []
        for value, same in by_value.items():
            if self._passed or self._is_beyond(value, by_value):
                self._passed = True
                self.chosen += ranked(same, self.order, None)
            elif self.after is not None and value == self.after[0]:
                self._passed = True
                self.chosen += ranked(same, self.order, self.after)

    def _is_beyond(self, value: Any, run: dict[Any, list[Candidate]]) -> bool:
        if self.after is None or value == self.after[0]:
            return False
        if isinstance(value, str):
            # The system gave the position and what follows; only it knows the order of its texts.
            return self.after[0] not in run
        return bool(value < self.after[0] if self.order[0].descending else value > self.after[0])


def cut(
    candidates: Sequence[Candidate],
    order: tuple[Sort, ...],
    after: tuple[Any, ...] | None,
    limit: int,
) -> Cut:
    """The first candidates in order after a position."""
    found = ranked(candidates, order, after)
    return found[:limit], len(found) > limit


def ranked(
    candidates: Sequence[Candidate], order: tuple[Sort, ...], after: tuple[Any, ...] | None
) -> list[Candidate]:
    """Candidates in order, without those at or before a position."""
    ranks = [(position_of(c.slim, order), c) for c in candidates]
    if after is not None:
        ranks = [r for r in ranks if compare(r[0], after, order) > 0]

    def by_position(a: tuple[Any, Candidate], b: tuple[Any, Candidate]) -> int:
        return compare(a[0], b[0], order)

    return [c for _, c in sorted(ranks, key=cmp_to_key(by_position))]
