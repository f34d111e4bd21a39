"""What callers may ask for, by what they are: the manifest's figures, ready to be looked up."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from app.demand.bounds import Bounds
from runtime.limits.rates import Rate
from runtime.limits.turns import TurnRules
from runtime.security.principal import Role


class Figures(Struct, frozen=True):
    """What one caller may ask for.

    Attributes:
        bounds: What its documents may hold.
        max_cost: What one operation may cost, by estimate.
        rate: What it may spend; None without limit.
        turns: Operations of its at a time.
    """

    bounds: Bounds = Bounds()
    max_cost: int = 1_000_000
    rate: Rate | None = Rate(50_000.0, 2_000_000)
    turns: TurnRules = TurnRules()

    def most(self, other: "Figures") -> "Figures":
        """Of each figure the one that allows more."""
        rates = (self.rate, other.rate)
        return Figures(
            self.bounds.loosest(other.bounds),
            max(self.max_cost, other.max_cost),
            None
            if None in rates
            else max((r for r in rates if r), key=lambda r: (r.per_s, r.burst)),
            max(self.turns, other.turns, key=lambda t: (t.running, t.waiting)),
        )


STRANGERS: Final = Figures(
    max_cost=50_000, rate=Rate(2_000.0, 100_000), turns=TurnRules(running=4, waiting=16)
)
"""Of callers who do not say who they are: enough for a tool that reads the schema."""


class Demand(Struct, frozen=True):
    """Figures of all callers. A caller that has several roles gets the most that any of them gets.

    Attributes:
        base: Of roles of which nothing is said.
        roles: Of the others.
        strangers: Of those who do not say who they are, by their address.
    """

    base: Figures = Figures()
    roles: Mapping[Role, Figures] = {}
    strangers: Figures = STRANGERS
    _found: dict[frozenset[Role], Figures] = msgspec.field(default_factory=dict)

    def of(self, roles: frozenset[Role]) -> Figures:
        """The figures of a caller with some roles; the same object each time."""
        found = self._found.get(roles)
        if found is None:
            found = self._found[roles] = _most([self.roles.get(r, self.base) for r in roles])
        return found

    def loosest(self) -> Bounds:
        """Bounds that hold whatever anybody may ask for."""
        return _most([self.base, self.strangers, *self.roles.values()]).bounds


def _most(each: Sequence[Figures]) -> Figures:
    found, *others = each
    for other in others:
        found = found.most(other)
    return found
