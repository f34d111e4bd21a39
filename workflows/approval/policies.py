"""Policies of approval: what needs nobody, who may decide on the rest, and until when.

Values are compared within their own currency; nothing is converted. A recommendation whose value is
not known, because no price is, is above every limit but of those who may decide on such.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from canonical.errors import RefusedError
from canonical.replenishment import Approver, Decision, Proposal, Recommended, Verdict
from canonical.values import ZERO, Money
from workflows.approval.telling import shown

Amounts = Mapping[str, Decimal]
"""Amounts by currency."""


class Scope(Struct, frozen=True, kw_only=True):
    """Which recommendations a rule is for; all conditions that are given must hold.

    Attributes:
        regions: Regions of locations; all if empty.
        categories: Categories of items; all if empty.
        suppliers: Codes of suppliers; all if empty.
        urgent: Whether those that come late, or the others; None for both.
    """

    regions: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    urgent: bool | None = None

    def covers(self, asked: Proposal | Recommended) -> bool:
        """Whether it is for a proposal, or for the recommendation made of one."""
        supplier = asked.supplier if isinstance(asked, Proposal) else asked.record.supplier
        return (
            (not self.regions or asked.region in self.regions)
            and (not self.categories or asked.category in self.categories)
            and (not self.suppliers or supplier in self.suppliers)
            and self.urgent in {None, asked.urgent}
        )


class Automatic(Struct, frozen=True, kw_only=True):
    """What is approved without anybody.

    Attributes:
        name: What decisions say.
        up_to: Up to these values, inclusive.
        scope: For these.
    """

    name: str
    up_to: Amounts
    scope: Scope = Scope()


class Limit(Struct, frozen=True, kw_only=True):
    """What callers with some role may approve.

    Attributes:
        roles: Any of these.
        up_to: Up to these values, inclusive; None for any.
        unpriced: Whether also what has no known value.
        scope: For these.
    """

    roles: frozenset[str]
    up_to: Amounts | None
    unpriced: bool = False
    scope: Scope = Scope()

    def covers(self, cost: Money | None) -> bool:
        """Whether it is high enough."""
        if cost is None:
            return self.unpriced
        return self.up_to is None or _within(cost, self.up_to)


class Escalation(Struct, frozen=True):
    """Who is asked when nobody has decided for so long."""

    after: timedelta
    to: str


class Deadlines(Struct, frozen=True, kw_only=True):
    """How long people have, from the proposal on.

    Attributes:
        to: Who is told that a decision is waited for.
        remind_after: When they are reminded.
        escalations: Who is asked instead, and when.
        expire_after: When it is too late.
        scope: For these.
    """

    to: str
    remind_after: tuple[timedelta, ...]
    escalations: tuple[Escalation, ...]
    expire_after: timedelta
    scope: Scope = Scope()


class ApprovalPolicy(Struct, frozen=True, kw_only=True):
    """How recommendations are approved.

    Attributes:
        automatic: What needs nobody; any of them is enough.
        limits: Who may approve what; any of them is enough.
        deadlines: How long people have: the first that is for a recommendation; the last is for
            all.
        two_above: Above these values two people have to approve.
        requester_decides: Whether who has asked for a recommendation may approve it.
        quiet: How long what was rejected is not proposed again.
    """

    automatic: tuple[Automatic, ...]
    limits: tuple[Limit, ...]
    deadlines: tuple[Deadlines, ...]
    two_above: Amounts
    requester_decides: bool
    quiet: timedelta

    def expires_at(self, proposal: Proposal, at: datetime) -> datetime:
        """When a proposal made at a moment expires."""
        return at + self.deadlines_of(proposal).expire_after

    def deadlines_of(self, asked: Proposal | Recommended) -> Deadlines:
        """How long people have for it."""
        return next(d for d in self.deadlines if d.scope.covers(asked))

    def automatic_for(self, found: Recommended) -> str | None:
        """The rule by which it needs nobody; None if it needs somebody.

        Where the last order could not be made, somebody looks first, or it would be tried for ever.
        """
        cost = found.record.estimated_cost
        if cost is None or found.failed_before or self._needs_two(cost):
            return None
        fitting = (r for r in self.automatic if _within(cost, r.up_to) and r.scope.covers(found))
        return next((rule.name for rule in fitting), None)

    def judge(self, found: Recommended, verdict: Verdict) -> int:
        """How many people must approve a recommendation on which somebody decides.

        Raises:
            RefusedError: if this one may not decide so.
        """
        approver, cost = verdict.approver, found.record.estimated_cost
        if approver.regions is not None and found.region not in approver.regions:
            raise RefusedError(f"{_place(found)} is not of your regions: somebody there decides")
        fitting = [
            limit
            for limit in self.limits
            if limit.roles & approver.roles and limit.scope.covers(found)
        ]
        if not fitting:
            raise RefusedError(
                f"{_roles(approver)} may not decide on recommendations for {_place(found)}, "
                f"category {found.category or 'unknown'}: see `approval.limits` in the manifest"
            )
        if verdict.decision is Decision.APPROVE:
            self._may_approve(found, approver, fitting)
        return 2 if cost is not None and self._needs_two(cost) else 1

    def _may_approve(self, found: Recommended, approver: Approver, fitting: list[Limit]) -> None:
        if not self.requester_decides and found.requested_by == approver.subject:
            raise RefusedError("you have asked for this yourself: somebody else has to approve it")
        cost = found.record.estimated_cost
        if any(limit.covers(cost) for limit in fitting):
            return
        if cost is None:
            raise RefusedError(
                f"the value is not known, for no price is: {_roles(approver)} may not approve that"
            )
        highest = max((_most(limit, cost.currency) for limit in fitting), default=ZERO)
        raise RefusedError(
            f"the value is above {shown(Money(highest, cost.currency))}, the most that "
            f"{_roles(approver)} may approve: ask somebody with a higher limit"
        )

    def _needs_two(self, cost: Money) -> bool:
        above = self.two_above.get(cost.currency)
        return above is not None and cost.amount > above


def _within(cost: Money, up_to: Amounts) -> bool:
    most = up_to.get(cost.currency)
    return most is not None and cost.amount <= most


def _most(limit: Limit, currency: str) -> Decimal:
    return ZERO if limit.up_to is None else limit.up_to.get(currency, ZERO)


def _place(found: Recommended) -> str:
    place = f"location {found.record.location}"
    return place if found.region is None else f"{place} (region {found.region})"


def _roles(approver: Approver) -> str:
    return " and ".join(sorted(approver.roles))
