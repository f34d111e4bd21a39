"""Cutting a page out of candidates: in order, strictly after a position."""

from collections.abc import Callable, Sequence
from typing import Any

from canonical.criteria import Sort, compare, position_of
from canonical.errors import BadAnswerError
from connectors.kit.source_core import Candidate, Core
from connectors.kit.source_stream import folded

Rank = tuple[tuple[Any, ...], Candidate]
"""Where a candidate stands in an order, and the candidate."""

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

    def fill(self, candidates: Sequence[Candidate]) -> bool:
        """Take candidates; true once the page is known to be full and to have more behind it."""
        return any(map(self.full, candidates))

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


class GivenOrder:
    """Takes candidates that come in the ascending order of their keys without being asked to.

    Args:
        core: The entity.
        beyond: Values of the key that they are to lie beyond; None to begin with the first.

    Attributes:
        chosen: Those that lie beyond it.
    """

    def __init__(self, core: Core, beyond: tuple[Any, ...] | None) -> None:
        self.chosen: list[Candidate] = []
        self._core = core
        self._beyond = beyond
        self._last: tuple[Any, ...] | None = None
        self._seen: set[str] = set()

    def take(self, candidates: Sequence[Candidate]) -> None:
        """Take the next candidates.

        Raises:
            BadAnswerError: if they come in another order: then some might never be shown.
        """
        for candidate in candidates:
            if candidate.key in self._seen:
                continue  # rows that came in before it moved it to a later page
            values = self._core.keys.values(candidate.key)
            if values is None or (self._last is not None and values < self._last):
                raise BadAnswerError(
                    self._core.system,
                    f"{self._core.entity} {candidate.key!r} does not come in the order of "
                    f"{', '.join(self._core.keys.paths)}, as `sort.given` says of the list",
                )
            self._seen.add(candidate.key)
            self._last = values
            if self._beyond is None or values > self._beyond:
                self.chosen.append(candidate)


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
    if len(candidates) == 1 and after is None:
        return list(candidates)
    ranks = [(position_of(c.slim, order), c) for c in candidates]
    if after is not None:
        ranks = [r for r in ranks if compare(r[0], after, order) > 0]
    ranks.sort(key=_by_key)
    for at in reversed(range(len(order))):
        ranks.sort(key=_by_value(at, order[at]), reverse=order[at].descending)
    return [c for _, c in ranks]


def _by_key(rank: Rank) -> Any:
    return rank[0][-1]


def _by_value(at: int, sort: Sort) -> Callable[[Rank], tuple[bool, Any]]:
    """What ranks are sorted by for one column, so that those without a value come last."""
    null_is = not sort.descending

    def key(rank: Rank) -> tuple[bool, Any]:
        value = rank[0][at]
        return (value is None) is null_is, value

    return key
