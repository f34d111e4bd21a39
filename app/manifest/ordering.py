"""What a manifest says about ordering: `processes.ordering`."""

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from app.manifest.part import Part
from canonical.locations import LocationKind
from workflows.ordering.assembly import OrderPolicy
from workflows.ordering.currencies import CODES
from workflows.ordering.rules import (
    Budget,
    FollowerRefusal,
    LeadTimePolicy,
    OrderRules,
    Period,
    Route,
    Routes,
    Timing,
)

_RULES: Final = OrderRules()
_TIMING: Final = Timing()
_MOST: Final = 1_000_000_000_000


def _currency(code: str) -> str:
    if code not in CODES:
        raise ValueError(f"{code!r} is no currency of ISO 4217: write it like EUR")
    return code


Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=10_000)]


class RouteConfig(Part):
    """The systems that orders are made in."""

    lead: Annotated[
        Name,
        Field(
            description="Backend in which an order is made first, that gives it its number, and "
            "from which it goes to the supplier."
        ),
    ]
    follow: Annotated[
        tuple[Name, ...],
        Field(max_length=10, description="Backends that are to have it too, in this order."),
    ] = ()
    companies: Annotated[
        dict[Name, Name],
        Field(
            description="Company that orders, by backend, as the backend calls it; its usual one "
            "where left out."
        ),
    ] = {}
    when_refused: Annotated[
        FollowerRefusal,
        Field(
            description="Where a following system refuses what the leading one has: `hold` it for "
            "an operator, or `cancel` it there too."
        ),
    ] = FollowerRefusal.HOLD

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        systems = (self.lead, *self.follow)
        if len(set(systems)) < len(systems):
            raise ValueError("a system is named twice: each leads or follows once")
        strangers = sorted(set(self.companies) - set(systems))
        if strangers:
            raise ValueError(f"companies: {', '.join(strangers)} neither leads nor follows here")
        return self

    def route(self, regions: tuple[str, ...] = ()) -> Route:
        """The same, for those who make orders."""
        return Route(
            lead=self.lead,
            follow=self.follow,
            regions=frozenset(regions),
            companies=self.companies,
            refusal=self.when_refused,
        )


class RegionRouteConfig(RouteConfig):
    """The systems that orders to some regions are made in."""

    regions: Annotated[
        Names, Field(min_length=1, description="Regions of the locations that receive.")
    ]


class BudgetConfig(Part):
    """What may be ordered in each period."""

    name: Annotated[Name, Field(description="What messages call it.")]
    amount: Annotated[
        Decimal, Field(gt=0, le=_MOST, description="Most of all orders of a period together.")
    ]
    currency: Annotated[
        str,
        AfterValidator(_currency),
        Field(description="Its currency (ISO 4217); orders in others do not count."),
    ]
    period: Annotated[Period, Field(description="What it is for.")] = Period.MONTH
    regions: Annotated[
        Names, Field(description="Regions of locations that it is for; all if left out.")
    ] = ()
    categories: Annotated[
        Names, Field(description="Categories of items that it is for; all if left out.")
    ] = ()

    def budget(self) -> Budget:
        """The same, for those who judge."""
        return Budget(
            name=self.name,
            amount=self.amount,
            currency=self.currency,
            period=self.period,
            regions=frozenset(self.regions),
            categories=frozenset(self.categories),
        )


class OrderingConfig(RouteConfig):
    """Ordering."""

    routes: Annotated[
        tuple[RegionRouteConfig, ...],
        Field(
            max_length=100,
            description="Other systems for some regions; the first route that is for a region "
            "counts.",
        ),
    ] = ()
    price_percent: Annotated[
        Decimal,
        Field(ge=0, le=1_000, description="How far a price may be from the terms', either way."),
    ] = _RULES.price_percent
    price_absolute: Annotated[
        Decimal,
        Field(
            ge=0,
            le=_MOST,
            description="The same in the order's currency; the greater of both counts.",
        ),
    ] = _RULES.price_absolute
    terms_required: Annotated[
        bool,
        Field(description="Whether an item must have terms (supply_source) with its supplier."),
    ] = _RULES.terms_required
    quantity_decimals: Annotated[
        int, Field(ge=0, le=9, description="Most digits behind the point of a quantity.")
    ] = _RULES.decimals
    max_quantity: Annotated[Decimal, Field(gt=0, le=_MOST, description="Most of one line.")] = (
        _RULES.most
    )
    max_lines: Annotated[int, Field(ge=1, le=1_000, description="Most lines of an order.")] = (
        _RULES.lines
    )
    lead_time: Annotated[
        LeadTimePolicy,
        Field(description="What is done where a supplier can hardly deliver by the day wanted."),
    ] = _RULES.lead_time
    receiving: Annotated[
        tuple[LocationKind, ...],
        Field(min_length=1, description="Kinds of locations that goods may be sent to."),
    ] = tuple(sorted(_RULES.receiving))
    budgets: Annotated[
        tuple[BudgetConfig, ...],
        Field(
            max_length=1_000,
            description="What may be spent. With a budget, the orders of its period are read from "
            "the leading systems for each order.",
        ),
    ] = ()
    answer_within_s: Annotated[
        float,
        Field(
            gt=0,
            le=60,
            description="Seconds that a caller waits for its order, before it is told that the "
            "order is being made.",
        ),
    ] = _TIMING.answer_s
    write_within_s: Annotated[
        float,
        Field(
            gt=0,
            le=300,
            description="Seconds that a system may take for what it is told; then it is in doubt.",
        ),
    ] = _TIMING.write_s
    read_within_s: Annotated[
        float, Field(gt=0, le=300, description="Seconds that a system may take to be asked.")
    ] = _TIMING.read_s

    @model_validator(mode="after")
    def _each_budget_once(self) -> Self:
        names = [budget.name for budget in self.budgets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"budgets: {', '.join(twice)} is there twice; messages name budgets")
        return self

    @property
    def systems(self) -> frozenset[str]:
        """Backends that must take orders."""
        return frozenset(s for route in self._routes() for s in route.systems)

    def policy(self) -> OrderPolicy:
        """The same, for the processes."""
        return OrderPolicy(
            rules=OrderRules(
                price_percent=self.price_percent,
                price_absolute=self.price_absolute,
                terms_required=self.terms_required,
                decimals=self.quantity_decimals,
                most=self.max_quantity,
                lines=self.max_lines,
                lead_time=self.lead_time,
                receiving=frozenset(self.receiving),
                budgets=tuple(budget.budget() for budget in self.budgets),
            ),
            routes=Routes(self._routes()),
            timing=Timing(
                answer_s=self.answer_within_s,
                write_s=self.write_within_s,
                read_s=self.read_within_s,
            ),
        )

    def _routes(self) -> tuple[Route, ...]:
        """Those for regions first: the one for all others is the last."""
        return (*(each.route(each.regions) for each in self.routes), self.route())
