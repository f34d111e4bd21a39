"""Stock, day by day, as far as it is known: worked out where something begins, ends or arrives.

Between two such days nothing arrives, so stock only falls, and the last day is the lowest. Days are
counted as ordinals. The same law as that of `projectedInventory` (`canonical.demand`).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from canonical.demand import fallen


class Demand(NamedTuple):
    """An amount, not negative, over the days [start, end)."""

    start: int
    end: int
    amount: Decimal

    def until(self, day: int) -> Decimal:
        """What of it has fallen before a day."""
        return fallen(self.amount, self.end - self.start, day - self.start)


class Projection:
    """Stock at the end of each of the days [first, end).

    Args:
        opening: Stock when the first day begins.
        supplies: What arrives, by day; not before the first.
        demands: What is needed. Days before the first are past.
        first: The first day.
        end: The day after the last one.
    """

    def __init__(
        self,
        opening: Decimal,
        supplies: Mapping[int, Decimal],
        demands: Sequence[Demand],
        first: int,
        end: int,
    ) -> None:
        self.first = first
        self.end = end
        self._demands = sorted(d for d in demands if d.end > first and d.start < end)
        self._bounds = _bounds(supplies, self._demands, first, end)
        self._opened: list[Decimal] = []
        self._closed: list[Decimal] = []
        self._running: list[list[tuple[Demand, Decimal]]] = []
        self._sweep(opening, supplies)

    def _sweep(self, stock: Decimal, supplies: Mapping[int, Decimal]) -> None:
        bounds, demands = self._bounds, self._demands
        active: list[tuple[Demand, Decimal]] = []
        following = 0
        for begin, end in pairwise(bounds):
            if begin in supplies:
                stock += supplies[begin]
            self._opened.append(stock)
            while following < len(demands) and demands[following].start < end:
                new = demands[following]
                active.append((new, new.until(begin)))
                following += 1
            self._running.append(active)
            remaining: list[tuple[Demand, Decimal]] = []
            for demand, before in active:
                if demand.end <= end:
                    stock -= demand.amount - before if before else demand.amount
                else:
                    fell = demand.until(end)
                    stock -= fell - before
                    remaining.append((demand, fell))
            active = remaining
            self._closed.append(stock)

    def closing(self, day: int) -> Decimal:
        """Stock at the end of a day."""
        i = bisect_right(self._bounds, day) - 1
        if day + 1 == self._bounds[i + 1]:
            return self._closed[i]
        stock = self._opened[i]
        for demand, before in self._running[i]:
            stock -= demand.until(day + 1) - before
        return stock

    def first_below(self, level: Decimal, since: int) -> int | None:
        """The first day from one on at whose end stock is below a level; None if it never is."""
        since = max(since, self.first)
        if since >= self.end:
            return None
        for i in range(bisect_right(self._bounds, since) - 1, len(self._closed)):
            if self._closed[i] < level:
                low, high = max(since, self._bounds[i]), self._bounds[i + 1] - 1
                while low < high:
                    middle = (low + high) // 2
                    if self.closing(middle) < level:
                        high = middle
                    else:
                        low = middle + 1
                return low
        return None

    def first_at(self, level: Decimal, since: int) -> int | None:
        """The first day after one at whose end stock has come up to a level; None if it never does.

        Stock is below the level on that day.
        """
        for begin in self._bounds[bisect_right(self._bounds, since) : -1]:
            if self.closing(begin) >= level:
                return begin
        return None

    def lowest(self, first: int, last: int) -> Decimal:
        """The lowest stock at the end of the days from one to another, within the projection."""
        first, last = min(first, self.end - 1), min(last, self.end - 1)
        begin = bisect_right(self._bounds, first) - 1
        end = bisect_right(self._bounds, last) - 1
        return min([*self._closed[begin:end], self.closing(last)])


def _bounds(
    supplies: Mapping[int, Decimal], demands: Sequence[Demand], first: int, end: int
) -> list[int]:
    days = {first, end, *supplies}
    for demand in demands:
        days.add(demand.start)
        days.add(demand.end)
    return sorted(day for day in days if first <= day <= end)
