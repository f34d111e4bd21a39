"""What a manifest says about approval of recommendations: `processes.approval`."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from app.manifest.part import Part
from runtime.security.principal import Role
from workflows.approval.policies import (
    ApprovalPolicy,
    Automatic,
    Deadlines,
    Escalation,
    Limit,
    Scope,
)

Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[frozenset[Name], Field(max_length=10_000)]
Amounts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0)]],
    Field(max_length=200),
]
Hours = Annotated[float, Field(gt=0, le=8_760)]
_PEOPLE: Final = "`role:buyer` or `owner:ann`, as `notifications` knows them"
_UP_TO: Final = "Highest values, by currency (ISO 4217); nothing in other currencies."
_USUAL: Final[Mapping[str, Decimal]] = dict.fromkeys(("EUR", "USD", "GBP", "CHF"), Decimal(10_000))


class ScopeConfig(Part):
    """Which recommendations something is for; all conditions that are given must hold."""

    regions: Annotated[Names, Field(description="Regions of locations; all if left out.")] = (
        frozenset()
    )
    categories: Annotated[Names, Field(description="Categories of items; all if left out.")] = (
        frozenset()
    )
    suppliers: Annotated[Names, Field(description="Codes of suppliers; all if left out.")] = (
        frozenset()
    )
    urgent: Annotated[
        bool | None,
        Field(
            description="Only those for which even an order of the same day comes too late, or "
            "only the others; both if left out."
        ),
    ] = None

    def scope(self) -> Scope:
        """The same, for those who decide."""
        return Scope(
            regions=self.regions,
            categories=self.categories,
            suppliers=self.suppliers,
            urgent=self.urgent,
        )


class AutomaticConfig(ScopeConfig):
    """What is approved without anybody."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_ -]{0,62}$",
            description="What decisions say: `decidedBy` is `rule <name>`.",
        ),
    ]
    up_to: Annotated[Amounts, Field(min_length=1, description=_UP_TO)]


class LimitConfig(ScopeConfig):
    """What callers with some role may approve."""

    roles: Annotated[
        frozenset[Role], Field(min_length=1, description="Callers with any of these roles.")
    ]
    up_to: Annotated[
        Amounts | None, Field(min_length=1, description=f"{_UP_TO} Left out: any value.")
    ] = None
    unpriced: Annotated[
        bool, Field(description="Whether also what has no known value, because no price is known.")
    ] = False


class EscalationConfig(Part):
    """Who is asked when nobody has decided."""

    after_hours: Annotated[Hours, Field(description="Hours after the proposal.")]
    to: Annotated[Name, Field(description=f"Who: {_PEOPLE}.")]


class DeadlinesConfig(ScopeConfig):
    """How long people have to decide."""

    to: Annotated[Name, Field(description=f"Who is told and reminded: {_PEOPLE}.")] = "role:buyer"
    remind_after_hours: Annotated[
        tuple[Hours, ...],
        Field(max_length=20, description="Hours after the proposal at which they are reminded."),
    ] = (8.0, 20.0)
    escalations: Annotated[
        tuple[EscalationConfig, ...],
        Field(
            max_length=20,
            description="Who is asked then; each is an exception `APPROVAL_OVERDUE` too.",
        ),
    ] = (EscalationConfig(after_hours=24.0, to="role:operator"),)
    expire_after_hours: Annotated[
        Hours, Field(description="Hours after the proposal at which it expires undecided.")
    ] = 168.0

    def deadlines(self) -> Deadlines:
        """The same, for those who decide."""
        return Deadlines(
            to=self.to,
            remind_after=tuple(timedelta(hours=each) for each in self.remind_after_hours),
            escalations=tuple(
                Escalation(timedelta(hours=each.after_hours), each.to) for each in self.escalations
            ),
            expire_after=timedelta(hours=self.expire_after_hours),
            scope=self.scope(),
        )


class ApprovalConfig(Part):
    """How recommendations are approved."""

    automatic: Annotated[
        tuple[AutomaticConfig, ...],
        Field(
            max_length=100,
            description="What is approved without anybody, each by any of these; left out: "
            "nothing. What has no known value never is.",
        ),
    ] = ()
    limits: Annotated[
        tuple[LimitConfig, ...],
        Field(
            min_length=1,
            max_length=100,
            description="Who may approve what, each by any of these. A rule for a recommendation, "
            "whatever its limit, lets reject it too.",
        ),
    ] = (
        LimitConfig(roles=frozenset({Role.PLANNER}), up_to=dict(_USUAL)),
        LimitConfig(roles=frozenset({Role.BUYER}), up_to=dict(_USUAL), unpriced=True),
    )
    two_people_above: Annotated[
        Amounts,
        Field(description="Above these values, by currency, two different people must approve."),
    ] = {}
    requester_decides: Annotated[
        bool, Field(description="Whether who has asked for a recommendation may approve it.")
    ] = False
    quiet_days: Annotated[
        int,
        Field(
            ge=0, le=365, description="Days in which just what was rejected is not proposed again."
        ),
    ] = 7
    deadlines: Annotated[
        tuple[DeadlinesConfig, ...],
        Field(
            min_length=1,
            max_length=100,
            description="How long people have: the first that is for a recommendation counts. The "
            "last is for all, so it has no conditions.",
        ),
    ] = (DeadlinesConfig(),)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.deadlines[-1].scope() != Scope():
            raise ValueError(
                "the last of `deadlines` must be for all: leave its conditions out, or add one "
                "without any"
            )
        for rule in self.automatic:
            for currency, most in rule.up_to.items():
                two = self.two_people_above.get(currency)
                if two is not None and most > two:
                    raise ValueError(
                        f"automatic rule {rule.name!r} goes up to {most} {currency}, and above "
                        f"{two} {currency} two people must approve: lower the one or raise the "
                        f"other"
                    )
        return self

    def policy(self) -> ApprovalPolicy:
        """The same, for those who decide."""
        return ApprovalPolicy(
            automatic=tuple(
                Automatic(name=each.name, up_to=each.up_to, scope=each.scope())
                for each in self.automatic
            ),
            limits=tuple(
                Limit(
                    roles=frozenset(role.value for role in each.roles),
                    up_to=each.up_to,
                    unpriced=each.unpriced,
                    scope=each.scope(),
                )
                for each in self.limits
            ),
            deadlines=tuple(each.deadlines() for each in self.deadlines),
            two_above=self.two_people_above,
            requester_decides=self.requester_decides,
            quiet=timedelta(days=self.quiet_days),
        )
