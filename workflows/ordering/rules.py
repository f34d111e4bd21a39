"""What an order must satisfy, and where it is made: the policies that validation goes by."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from canonical.locations import LocationKind

ZERO: Final = Decimal(0)
RECEIVING: Final = frozenset(
    {LocationKind.DISTRIBUTION_CENTER, LocationKind.PLANT, LocationKind.STORE}
)
"""Kinds of locations that goods are sent to."""


class LeadTimePolicy(StrEnum):
    """What a day is that the supplier can hardly keep."""

    IGNORE = "ignore"
    WARN = "warn"
    REFUSE = "refuse"


class FollowerRefusal(StrEnum):
    """What is done where a following system refuses an order that the leading one has."""

    HOLD = "hold"
    """The order stays there, and an operator decides: try again, settle, or call it off."""
    CANCEL = "cancel"
    """The order is called off there too."""


class Period(StrEnum):
    """What a budget is for."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def span(self, day: date) -> tuple[date, date]:
        """First day of the period that a day is in, and the day after its last."""
        months = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}[self]
        first = (day.month - 1) // months * months + 1
        begin = date(day.year, first, 1)
        end = (begin + timedelta(days=31 * months)).replace(day=1)
        return begin, end


class Budget(Struct, frozen=True, kw_only=True):
    """What may be ordered in each period.

    Attributes:
        name: What messages call it.
        amount: Most of all orders of a period together.
        currency: Of the amount; orders in others do not count and are not held against it.
        period: Which periods.
        regions: Of the locations that its lines are for; empty for all.
        categories: Of the items that its lines are for; empty for all.
    """

    name: str
    amount: Decimal
    currency: str
    period: Period = Period.MONTH
    regions: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def covers(self, region: str | None, category: str | None) -> bool:
        """Whether a line counts."""
        return (not self.regions or region in self.regions) and (
            not self.categories or category in self.categories
        )


class OrderRules(Struct, frozen=True, kw_only=True):
    """What an order must satisfy.

    Attributes:
        price_percent: How far a price may be from the terms', either way.
        price_absolute: As above, in the order's currency; the greater of the two counts.
        terms_required: Whether an item must have terms with its supplier.
        decimals: Most digits behind the point of a quantity.
        most: Most of one line.
        lines: Most lines.
        lead_time: What a day before the end of the lead time is.
        receiving: Kinds of locations that goods may be sent to.
        budgets: What may be spent.
    """

    price_percent: Decimal = Decimal(5)
    price_absolute: Decimal = ZERO
    terms_required: bool = True
    decimals: int = 3
    most: Decimal = Decimal(1_000_000)
    lines: int = 200
    lead_time: LeadTimePolicy = LeadTimePolicy.WARN
    receiving: frozenset[LocationKind] = RECEIVING
    budgets: tuple[Budget, ...] = ()

    def tolerance(self, price: Decimal) -> Decimal:
        """How far another price may be from one of the terms."""
        return max(price * self.price_percent / 100, self.price_absolute)


class Route(Struct, frozen=True, kw_only=True):
    """The systems that orders are made in.

    Attributes:
        lead: Where it is made first, gets its number, and goes to the supplier from.
        follow: Where it is made then, in this order.
        regions: Of the locations that receive; empty for all.
        companies: Company that orders, by system, as the system calls it.
        refusal: What is done where a following system refuses.
    """

    lead: str
    follow: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset()
    companies: Mapping[str, str] = {}
    refusal: FollowerRefusal = FollowerRefusal.HOLD

    @property
    def systems(self) -> tuple[str, ...]:
        """All of them, the leading one first."""
        return (self.lead, *self.follow)


class Routes(Struct, frozen=True):
    """All routes; the first that a region fits counts.

    Attributes:
        routes: The routes.
        takes: Systems that take orders from this server; None for all that are named.
    """

    routes: tuple[Route, ...]
    takes: frozenset[str] | None = None

    def of(self, region: str | None) -> Route | None:
        """The route of orders to a region; None if there is none."""
        fits = (r for r in self.routes if not r.regions or region in r.regions)
        return next(fits, None)

    def out_of_reach(self, route: Route) -> tuple[str, ...]:
        """Systems of a route that take no orders from this server."""
        return () if self.takes is None else tuple(s for s in route.systems if s not in self.takes)

    @property
    def leads(self) -> frozenset[str]:
        """Systems that lead some orders."""
        return frozenset(r.lead for r in self.routes)


class Timing(Struct, frozen=True, kw_only=True):
    """How long is waited.

    Attributes:
        answer_s: For the order to be made, before a caller is told that it is still being made.
        look_s: Between two looks at it.
        write_s: For a system to answer a write.
        read_s: For a system to answer a look.
    """

    answer_s: float = 8.0
    look_s: float = 1.0
    write_s: float = 30.0
    read_s: float = 15.0
