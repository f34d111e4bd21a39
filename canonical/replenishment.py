"""Replenishment: what an evaluation found, how it came to it, and how people decide on it.

An evaluation looks at one item at one location. What it proposes stands with everything that went
into it, so that it can be explained line by line and calculated again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from canonical.recommendations import ReplenishmentRecommendation
from canonical.values import Money


class ExplainedLine(Struct, frozen=True, kw_only=True):
    """One line of a calculation, as a planner reads it."""

    label: Annotated[str, Meta(description="What it is: `On hand`, `Forecast 2026-12-07`.")]
    value: Annotated[str, Meta(description="The figure or the text.")]
    unit: Annotated[str | None, Meta(description="Unit of the figure.")] = None
    source: Annotated[
        str | None, Meta(description="Where it comes from: a system, or the policy's name.")
    ] = None


class Proposal(Struct, frozen=True, kw_only=True):
    """What an evaluation proposes to buy.

    Attributes:
        item: Sku.
        location: Code of the location that needs it.
        supplier: Code of the supplier to buy from.
        quantity: In `unit`, the item's.
        unit: The item's base unit.
        need_by: Day on which stock would fall too low without it.
        cost: What it would cost; None where no price is known.
        reason: Why, in one sentence for a planner.
        lines: The calculation.
        inputs: Everything that it was calculated from, as canonical JSON: the same inputs give the
            same proposal.
        region: Of the location.
        category: Of the item.
        stockout_on: Day on which stock would be used up; None if it would not within the horizon.
        urgent: Whether even an order of today comes too late.
    """

    item: str
    location: str
    supplier: str
    quantity: Decimal
    unit: str
    need_by: date
    cost: Money | None
    reason: str
    lines: tuple[ExplainedLine, ...]
    inputs: bytes
    region: str | None = None
    category: str | None = None
    stockout_on: date | None = None
    urgent: bool = False


class Evaluated(Struct, frozen=True, kw_only=True):
    """What an evaluation of one item at one location found.

    Attributes:
        item: Sku.
        location: Code.
        proposal: What to buy; None if nothing is needed.
        problem: Why it could not be evaluated: something is missing in a system.
        correlation_id: Of what it was evaluated for.
        requested_by: Who has asked for it; None where nobody did by name. Whoever's change has its
            correlation id counts too.
    """

    item: str
    location: str
    correlation_id: str
    proposal: Proposal | None = None
    problem: str | None = None
    requested_by: str | None = None


class Proposals(Protocol):
    """Where evaluations put what they found."""

    async def take(self, evaluated: Sequence[Evaluated], *, at: datetime) -> None:
        """Make recommendations of proposals, each wholly or not at all; it may be repeated.

        A proposal takes the place of the one that is open for its item and location, unless it says
        the same; where nothing is needed any more, the open one is taken back. What could not be
        evaluated leaves things as they are.

        Args:
            evaluated: What was found.
            at: The moment: before anything was read for it.
        """


class Recommended(Struct, frozen=True, kw_only=True):
    """A recommendation of our own, with what decisions on it go by.

    Attributes:
        record: The recommendation.
        waiting_since: Since when people have been asked about its item and location, by it and by
            those that it superseded.
        region: Of the location.
        category: Of the item.
        stockout_on: Day on which stock would be used up; None if it would not within the horizon.
        urgent: Whether even an order of its day came too late.
        failed_before: Whether the last order of its item and location could not be made.
        requested_by: Who has asked for it, or whose change led to it; None if nobody did.
    """

    record: ReplenishmentRecommendation
    waiting_since: datetime
    region: str | None = None
    category: str | None = None
    stockout_on: date | None = None
    urgent: bool = False
    failed_before: bool = False
    requested_by: str | None = None

    @property
    def key(self) -> str:
        """Names it."""
        return self.record.provenance.key


class Decision(StrEnum):
    """How a recommendation was decided."""

    APPROVE = "approve"
    REJECT = "reject"


class Approver(Struct, frozen=True, kw_only=True):
    """Who decides: its name, and what its token says of it.

    Attributes:
        subject: Who, as its issuer names it.
        roles: What it is here.
        regions: The regions that it is bound to; None for all.
    """

    subject: str
    roles: frozenset[str]
    regions: tuple[str, ...] | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """What somebody says to a recommendation.

    Attributes:
        decision: What.
        approver: Who.
        note: Why.
        once: Names the request, among those of the approver: the same counts once.
    """

    decision: Decision
    approver: Approver
    note: str | None = None
    once: str | None = None


class Recalculated(Struct, frozen=True, kw_only=True):
    """What a recommendation would be if it were made now.

    Attributes:
        recommended: As it stands.
        proposal: What would be proposed; None if nothing would be.
        lines: The calculation.
        same: Whether it says the same as the recommendation.
    """

    recommended: Recommended
    proposal: Proposal | None = None
    lines: tuple[ExplainedLine, ...] = ()
    same: bool


class RecommendationDesk(Protocol):
    """Recommendations of our own, to decide on and to explain."""

    async def decide(
        self, key: str, verdict: Verdict, *, correlation_id: str
    ) -> ReplenishmentRecommendation:
        """Decide on a recommendation, once: the same approver saying the same changes nothing.

        Where two people have to approve, the first leaves it as it is but for its name.

        Raises:
            NotFoundError: if there is no such recommendation.
            ConflictError: if it was decided, has expired or was taken back, and it says by whom; or
                if the approver's request of that name was another.
            RefusedError: if the approver may not: the value is above its limit, the region is
                another's, or it asked for the recommendation itself.
        """

    async def explain(self, keys: Collection[str]) -> Mapping[str, Sequence[ExplainedLine]]:
        """How recommendations were calculated, by key; those that are not ours are left out."""

    async def recalculate(self, key: str, *, today: bool, correlation_id: str) -> Recalculated:
        """Calculate a recommendation again, on the figures that it was made of or on today's.

        Nothing is changed by it.

        Raises:
            NotFoundError: if there is no such recommendation, or its item is no more.
            InvalidInputError: if it cannot be calculated: it says what is missing, and where.
            UnavailableError: if today's figures cannot be read.
        """
