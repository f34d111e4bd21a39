"""What a manifest says about replenishment: when is bought, how much, and from whom."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from app.manifest.part import Exact, Part
from canonical.purchase_orders import OPEN_STATUSES, PurchaseOrderStatus
from canonical.values import Money
from workflows.replenishment.assembling import House
from workflows.replenishment.calendars import Calendar, Calendars
from workflows.replenishment.policy import (
    ABOUT_A_SUPPLIER,
    Policies,
    Policy,
    Preference,
    Rounding,
    Rule,
    Sizing,
    Stock,
    Trigger,
)
from workflows.replenishment.working import Pace

_CONDITIONS: Final = ("items", "locations", "suppliers", "categories", "regions")
_DEFAULT: Final = Policy()
_EVALUATED: Final = "evaluated"
_MONEY: Final = "maximum_cost"


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class CountFrom(StrEnum):
    """From which status on an order is counted on."""

    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"


_COUNTED: Final[Mapping[CountFrom, frozenset[PurchaseOrderStatus]]] = {
    CountFrom.APPROVED: OPEN_STATUSES,
    CountFrom.PENDING_APPROVAL: OPEN_STATUSES | {PurchaseOrderStatus.PENDING_APPROVAL},
    CountFrom.DRAFT: OPEN_STATUSES
    | {PurchaseOrderStatus.PENDING_APPROVAL, PurchaseOrderStatus.DRAFT},
}


def _clock_time(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value!r} is no time of day; write one as 02:00")
    return value


def _codes(named: dict[str, Any], pattern: str, what: str) -> dict[str, Any]:
    """Refuse names of which one is no code."""
    for name in named:
        if not re.fullmatch(pattern, name):
            raise ValueError(f"{name!r} is no {what}")
    return named


def _countries(named: dict[str, Any]) -> dict[str, Any]:
    return _codes(named, "[A-Z]{2}", "country; write its two letters, as DE")


def _currencies(named: dict[str, Any]) -> dict[str, Any]:
    return _codes(named, "[A-Z]{3}", "currency; write its three letters, as EUR")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError(f"there is no time zone {name!r}; write one as Europe/Berlin") from exc
    return name


Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=10_000)]
Code = Annotated[str, Field(min_length=1)]
Positive = Annotated[Exact, Field(gt=0)]
NotNegative = Annotated[Exact, Field(ge=0)]


class CalendarConfig(Part):
    """Days on which somebody works."""

    working_days: Annotated[
        tuple[Weekday, ...], Field(min_length=1, description="Days of the week that are worked.")
    ] = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)
    holidays: Annotated[
        tuple[date, ...],
        Field(max_length=1_000, description="Days that are free all the same."),
    ] = ()

    def calendar(self) -> Calendar:
        """The same, for those who calculate."""
        order = list(Weekday)
        days = {order.index(day) for day in self.working_days}
        return Calendar(working_days=tuple(sorted(days)), holidays=tuple(sorted(self.holidays)))


class CalendarsConfig(Part):
    """Who works when. A calendar of one's own counts, else that of the country, else `default`."""

    default: Annotated[
        CalendarConfig,
        Field(description="Where nothing else is said; every day if it is left out."),
    ] = CalendarConfig(working_days=tuple(Weekday))
    countries: Annotated[
        dict[str, CalendarConfig],
        AfterValidator(_countries),
        Field(description="By ISO 3166-1 code, of suppliers and locations."),
    ] = {}
    suppliers: Annotated[
        dict[Code, CalendarConfig], Field(description="By code: when they send.")
    ] = {}
    locations: Annotated[
        dict[Code, CalendarConfig], Field(description="By code: when they receive.")
    ] = {}

    def calendars(self) -> Calendars:
        """The same, for those who calculate."""
        return Calendars(
            default=self.default.calendar(),
            countries={c: each.calendar() for c, each in self.countries.items()},
            suppliers={c: each.calendar() for c, each in self.suppliers.items()},
            locations={c: each.calendar() for c, each in self.locations.items()},
        )


class PolicyConfig(Part):
    """When is bought, how much, and from whom. Quantities are in the item's unit."""

    # Not `off`, which YAML reads as false, even as the name of a key.
    evaluated: Annotated[
        bool, Field(description="False where planning sees to it itself: nothing is recommended.")
    ] = not _DEFAULT.off
    trigger: Annotated[
        Trigger,
        Field(
            description="What calls for an order: projected stock under the safety_stock, stock "
            "and open orders at the reorder_point or under it, or either."
        ),
    ] = _DEFAULT.trigger
    sizing: Annotated[
        Sizing,
        Field(
            description="How much is ordered: lot_for_lot until the next review, weeks_of_cover, "
            "up_to_reorder (point), or to_max (maximum_stock)."
        ),
    ] = _DEFAULT.sizing
    weeks: Annotated[int, Field(ge=1, le=104, description="Weeks of cover.")] = _DEFAULT.weeks
    maximum_stock: Annotated[
        Positive | None, Field(description="What stock is brought up to with to_max.")
    ] = None
    safety_stock: Annotated[NotNegative | None, Field(description="Instead of the item's own.")] = (
        None
    )
    reorder_point: Annotated[
        NotNegative | None, Field(description="Instead of the item's own.")
    ] = None
    review_days: Annotated[
        int, Field(ge=0, le=365, description="Days after which one looks again.")
    ] = _DEFAULT.review_days
    horizon_days: Annotated[
        int, Field(ge=1, le=730, description="How many days ahead stock is projected.")
    ] = _DEFAULT.horizon_days
    lead_time_days: Annotated[
        int | None, Field(ge=0, le=730, description="Delivery time where no system says one.")
    ] = None
    lot_size: Annotated[Positive, Field(description="Quantities are multiples of it.")] = (
        _DEFAULT.lot_size
    )
    lot_unit: Annotated[
        str | None,
        Field(min_length=1, description="Unit of lot_size that items declare; else their own."),
    ] = None
    rounding: Annotated[Rounding, Field(description="How quantities come to full lots.")] = (
        _DEFAULT.rounding
    )
    minimum_quantity: Annotated[
        NotNegative | None,
        Field(description="Least quantity of an order, beside those of item and supplier."),
    ] = None
    maximum_quantity: Annotated[
        Positive | None, Field(description="Largest quantity of an order.")
    ] = None
    maximum_cost: Annotated[
        dict[str, Positive],
        AfterValidator(_currencies),
        Field(description="Largest cost of an order, by currency."),
    ] = {}
    suppliers: Annotated[
        tuple[Preference, ...],
        Field(
            description="What puts one supplier before another, the first of these that tells them "
            "apart. Only those that are APPROVED are asked."
        ),
    ] = _DEFAULT.suppliers
    overdue_for_days: Annotated[
        int | None,
        Field(
            ge=0,
            le=730,
            description="Days that an overdue order line is still counted on; left out: for ever.",
        ),
    ] = None
    stock: Annotated[
        Stock, Field(description="Which stock counts: what is available, or all that is on_hand.")
    ] = _DEFAULT.stock
    unlocated_share: Annotated[
        NotNegative | None,
        Field(
            description="Share of forecasts that name no location, from 0 to 1. Left out: all of "
            "them where the item is at one location alone; else it has to be said."
        ),
    ] = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.unlocated_share is not None and self.unlocated_share > 1:
            raise ValueError("unlocated_share: a share is at most 1")
        point, top = self.reorder_point, self.maximum_stock
        if point is not None and top is not None and point > top:
            raise ValueError("maximum_stock: is less than reorder_point")
        return self

    def changes(self) -> dict[str, Any]:
        """What is said, as fields of a `Policy`."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        if _EVALUATED in said:
            said["off"] = not said.pop(_EVALUATED)
        if _MONEY in said:
            said[_MONEY] = tuple(Money(a, c) for c, a in sorted(self.maximum_cost.items()))
        return said

    def policy(self) -> Policy:
        """A policy where what is not said is as usual."""
        return Policy(**self.changes())


class RuleConfig(Part):
    """What is otherwise for some: where all conditions hold. The most specific rule counts."""

    name: Annotated[
        str, Field(min_length=1, max_length=100, description="What explanations call it.")
    ]
    items: Annotated[Names, Field(description="Skus; all if left out.")] = ()
    locations: Annotated[Names, Field(description="Codes of locations; all if left out.")] = ()
    suppliers: Annotated[
        Names, Field(description="Codes of suppliers that are ordered from; all if left out.")
    ] = ()
    categories: Annotated[Names, Field(description="Categories of items; all if left out.")] = ()
    regions: Annotated[Names, Field(description="Regions of locations; all if left out.")] = ()
    policy: Annotated[PolicyConfig, Field(description="What is otherwise; the rest stays.")]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = self.policy.model_fields_set
        if not said:
            raise ValueError("policy: says nothing; give what is to be otherwise")
        if not any(getattr(self, condition) for condition in _CONDITIONS):
            raise ValueError(
                f"is for everything, so say it in the `policy` beside `rules`, or give one of "
                f"{', '.join(_CONDITIONS)}"
            )
        early = sorted(said - ABOUT_A_SUPPLIER) if self.suppliers else []
        if early:
            raise ValueError(
                f"policy.{early[0]}: is settled before a supplier is chosen, so it cannot go by "
                f"`suppliers`"
            )
        return self

    def rule(self) -> Rule:
        """The same, for those who calculate."""
        conditions = {name: frozenset(getattr(self, name)) for name in _CONDITIONS}
        return Rule(name=self.name, changes=self.policy.changes(), **conditions)


class ReplenishmentConfig(Part):
    """Replenishment: stock is projected, and what falls too low is recommended to be bought."""

    debounce_s: Annotated[
        float,
        Field(ge=0, le=86_400, description="Seconds that an item is left alone after a change."),
    ] = 60.0
    wait_at_most_s: Annotated[
        float,
        Field(ge=0, le=86_400, description="Seconds that it waits however often it changes."),
    ] = 600.0
    nightly_at: Annotated[
        Annotated[str, AfterValidator(_clock_time)] | None,
        Field(description="When everything is evaluated, as 02:00; null for never."),
    ] = "02:00"
    time_zone: Annotated[
        str, AfterValidator(_zone), Field(description="Where that time, and today, are told.")
    ] = "UTC"
    retry_s: Annotated[
        float,
        Field(ge=1, le=86_400, description="Seconds until what could not be read is tried again."),
    ] = 300.0
    batch_items: Annotated[
        int, Field(ge=1, le=2_000, description="Items that are read and evaluated together.")
    ] = 250
    count_orders_from: Annotated[
        CountFrom,
        Field(
            description="From which status on orders are counted on. One that waits for its "
            "approval should be, or else the same is proposed again meanwhile."
        ),
    ] = CountFrom.PENDING_APPROVAL
    calendars: Annotated[CalendarsConfig, Field(description="Who works when.")] = CalendarsConfig()
    policy: Annotated[PolicyConfig, Field(description="Where no rule says otherwise.")] = (
        PolicyConfig()
    )
    rules: Annotated[
        tuple[RuleConfig, ...],
        Field(
            max_length=1_000,
            description="What is otherwise for some. Of those that are for an item, each thing is "
            "as the most specific says: items before locations, suppliers, categories, regions.",
        ),
    ] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.wait_at_most_s < self.debounce_s:
            raise ValueError("wait_at_most_s: is less than debounce_s")
        names = [rule.name for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"rules: two are called {twice!r}; explanations could not say which")
        default = self.policy.policy()
        for where, changes in (
            ("policy", {}),
            *((f"rules: {r.name!r}", r.policy.changes()) for r in self.rules),
        ):
            weeks = changes.get("weeks", default.weeks)
            horizon = changes.get("horizon_days", default.horizon_days)
            is_sized_so = changes.get("sizing", default.sizing) is Sizing.WEEKS_OF_COVER
            if is_sized_so and 7 * weeks > horizon:
                raise ValueError(
                    f"{where}: {weeks} weeks of cover lie beyond a horizon of {horizon} days"
                )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Where times are told."""
        return ZoneInfo(self.time_zone)

    @property
    def debounce(self) -> timedelta:
        """How long something is left alone after a change."""
        return timedelta(seconds=self.debounce_s)

    @property
    def longest(self) -> timedelta:
        """How long it waits at most."""
        return timedelta(seconds=self.wait_at_most_s)

    def house(self) -> House:
        """What is settled, for those who calculate."""
        rules = [rule.rule() for rule in self.rules]
        return House(
            policies=Policies(self.policy.policy(), rules),
            calendars=self.calendars.calendars(),
            statuses=_COUNTED[self.count_orders_from],
        )

    def pace(self) -> Pace:
        """How the worker keeps time."""
        return Pace(
            items=self.batch_items,
            later=timedelta(seconds=self.retry_s),
            nightly_at=None if self.nightly_at is None else time.fromisoformat(self.nightly_at),
            zone=self.zone,
        )
