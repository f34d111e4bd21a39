"""What evaluations found, in the words of the other calculation, and where the two differ."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction

from bench.replenishment.independent import Answer, Buy, Lack, solve
from bench.replenishment.world import World
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.replenishment import Evaluated, Proposal

Pair = tuple[str, str]


class Found:
    """What was found, in few bytes each."""

    def __init__(self) -> None:
        self.answers: dict[Pair, Answer] = {}

    def take(self, evaluated: Iterable[Evaluated]) -> None:
        """Keep what was proposed; the last of an item at a location counts."""
        for e in evaluated:
            buy = None if e.proposal is None else buy_of(e.proposal)
            self.answers[e.item, e.location] = Answer(buy=buy, problem=e.problem is not None)

    def warn(self, troubles: Iterable[Trouble]) -> None:
        """Keep what runs out."""
        for trouble in troubles:
            if trouble.category is not ExceptionCategory.STOCKOUT_RISK:
                continue
            item, location = (s.partition(":")[2] for s in trouble.subjects[:2])
            before = self.answers[item, location]
            self.answers[item, location] = Answer(before.buy, lack_of(trouble), before.problem)


def buy_of(proposal: Proposal) -> Buy:
    """A proposal."""
    values = {line.label: line.value for line in proposal.lines}
    cost = proposal.cost
    return Buy(
        supplier=proposal.supplier,
        quantity=Fraction(proposal.quantity),
        need_by=proposal.need_by,
        order_by=date.fromisoformat(values["To be ordered by"]),
        cost=None if cost is None else (Fraction(cost.amount), cost.currency),
        urgent=proposal.urgent,
        stockout_on=proposal.stockout_on,
    )


def lack_of(trouble: Trouble) -> Lack:
    """A risk."""
    return Lack(
        date.fromisoformat(trouble.details["stockout_on"]),
        int(trouble.days_of_cover_lost or 0),
        Fraction(trouble.details["missing"].split()[0]),
    )


def differences(world: World, found: Found, skus: Sequence[str]) -> Iterator[tuple[Pair, Answer]]:
    """Items at locations of which the other calculation says something else, with what it says."""
    for sku in skus:
        for location, case in world.facts(sku).places.items():
            expected = solve(case)
            if found.answers.get((sku, location)) != expected:
                yield (sku, location), expected
