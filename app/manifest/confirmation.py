"""What a manifest says about suppliers' confirmations: `processes.confirmation`."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from app.manifest.part import Part
from workflows.confirmation.calendars import WorkingCalendar
from workflows.confirmation.policies import Patience, Policies, Tolerance

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PATIENCE: Final = Patience()
_TOLERANCE: Final = Tolerance()
_POLICIES: Final = Policies()
_YEAR_H: Final = 366 * 24


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as exc:
        raise ValueError(
            "is no time zone: name one of the IANA list, such as Europe/Berlin"
        ) from exc
    return name


Code = Annotated[str, Field(min_length=1, max_length=200)]
Codes = Annotated[tuple[Code, ...], Field(max_length=10_000)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Hours = Annotated[float, Field(gt=0, le=_YEAR_H)]


class CalendarConfig(Part):
    """When suppliers work."""

    time_zone: Annotated[
        str, AfterValidator(_zone), Field(description="Zone whose clocks count, as IANA names it.")
    ] = "UTC"
    working_days: Annotated[
        tuple[Weekday, ...], Field(min_length=1, description="Working days of a week.")
    ] = _WEEK[:5]
    holidays: Annotated[
        tuple[date, ...], Field(max_length=5_000, description="Days on which nobody works.")
    ] = ()

    def calendar(self) -> WorkingCalendar:
        """The same, for those who reckon."""
        return WorkingCalendar(
            time_zone=self.time_zone,
            weekdays=frozenset(_WEEK.index(day) for day in self.working_days),
            holidays=frozenset(self.holidays),
        )


class PatienceConfig(Part):
    """How long suppliers are waited for."""

    hours: Annotated[
        Hours,
        Field(
            description="Hours until a supplier is reminded for the first time; only those of "
            "working days count."
        ),
    ] = _PATIENCE.hours
    reminders: Annotated[
        int, Field(ge=0, le=20, description="How often it is reminded; then it is late.")
    ] = _PATIENCE.reminders
    reminder_hours: Annotated[
        Hours, Field(description="Hours from each reminder on, likewise.")
    ] = _PATIENCE.reminder_hours
    suppliers: Annotated[
        Codes, Field(description="Codes of suppliers that it is for; all if left out.")
    ] = ()
    countries: Annotated[
        tuple[Country, ...],
        Field(
            max_length=250, description="Countries (ISO 3166-1) that it is for; all if left out."
        ),
    ] = ()

    def patience(self) -> Patience:
        """The same, for those who wait."""
        return Patience(
            hours=self.hours,
            reminders=self.reminders,
            reminder_hours=self.reminder_hours,
            suppliers=frozenset(self.suppliers),
            countries=frozenset(self.countries),
        )


class ToleranceConfig(Part):
    """How far a promise may be from what was ordered without a buyer being asked."""

    percent: Annotated[
        Decimal, Field(ge=0, le=1_000, description="Of the ordered quantity, more or less.")
    ] = _TOLERANCE.percent
    quantity: Annotated[
        Decimal,
        Field(
            ge=0,
            le=1_000_000_000,
            description="In the line's unit, more or less; the greater of both counts.",
        ),
    ] = _TOLERANCE.quantity
    days_early: Annotated[
        int, Field(ge=0, le=366, description="Days before the day on which goods are wanted.")
    ] = _TOLERANCE.days_early
    days_late: Annotated[int, Field(ge=0, le=366, description="Days after it.")] = (
        _TOLERANCE.days_late
    )
    suppliers: Annotated[
        Codes, Field(description="Codes of suppliers that it is for; all if left out.")
    ] = ()
    categories: Annotated[
        Codes, Field(description="Categories of items that it is for; all if left out.")
    ] = ()

    def tolerance(self) -> Tolerance:
        """The same, for those who judge."""
        return Tolerance(
            percent=self.percent,
            quantity=self.quantity,
            days_early=self.days_early,
            days_late=self.days_late,
            suppliers=frozenset(self.suppliers),
            categories=frozenset(self.categories),
        )


def _patience_counts(rules: tuple[PatienceConfig, ...]) -> tuple[PatienceConfig, ...]:
    _each_counts([bool(r.suppliers or r.countries) for r in rules])
    return rules


def _tolerances_count(rules: tuple[ToleranceConfig, ...]) -> tuple[ToleranceConfig, ...]:
    _each_counts([bool(r.suppliers or r.categories) for r in rules])
    return rules


def _each_counts(narrow: list[bool]) -> None:
    """Refuse rules behind one that is for everybody: they never count."""
    if False in narrow[:-1]:
        at = narrow.index(False)
        raise ValueError(f"rule {at + 1} is for all, so those behind it never count; put it last")


class ConfirmationConfig(Part):
    """Confirmations of orders by their suppliers."""

    patience: Annotated[
        tuple[PatienceConfig, ...],
        AfterValidator(_patience_counts),
        Field(
            max_length=1_000,
            description="How long suppliers are waited for; the first rule that is for a supplier "
            "counts. For others: 48 hours, one reminder, 24 hours more.",
        ),
    ] = ()
    tolerances: Annotated[
        tuple[ToleranceConfig, ...],
        AfterValidator(_tolerances_count),
        Field(
            max_length=1_000,
            description="How far promises may be off; the first rule that is for a line counts. "
            "For others: the whole quantity, up to three days early, none late.",
        ),
    ] = ()
    calendar: Annotated[
        CalendarConfig, Field(description="When suppliers work; UTC, Monday to Friday.")
    ] = CalendarConfig()
    calendars: Annotated[
        dict[Country, CalendarConfig],
        Field(max_length=250, description="The same by country of the supplier."),
    ] = {}
    look_again_hours: Annotated[
        float,
        Field(
            gt=0, le=24 * 30, description="Hours after which an order is looked at again unasked."
        ),
    ] = _POLICIES.look_again_hours
    expires_days: Annotated[
        int,
        Field(ge=1, le=3_660, description="Days after which nobody waits for an answer any more."),
    ] = _POLICIES.expires_days
    past_days: Annotated[
        int, Field(ge=0, le=366, description="Days that a promised day may be past.")
    ] = _POLICIES.past_days
    absurd_factor: Annotated[
        int,
        Field(
            ge=2, le=1_000_000, description="How many times the ordered quantity may be promised."
        ),
    ] = _POLICIES.absurd_factor
    others: Annotated[
        bool,
        Field(
            description="Whether orders that were made and sent past this service are waited for "
            "too, once their leading system tells that they were sent or confirmed."
        ),
    ] = True
    answer_within_s: Annotated[
        float,
        Field(gt=0, le=60, description="Seconds that a caller waits for what comes of its answer."),
    ] = 5.0

    def policies(self) -> Policies:
        """The same, for the processes."""
        return Policies(
            patience=tuple(rule.patience() for rule in self.patience),
            tolerances=tuple(rule.tolerance() for rule in self.tolerances),
            calendar=self.calendar.calendar(),
            calendars={country: each.calendar() for country, each in self.calendars.items()},
            look_again_hours=self.look_again_hours,
            expires_days=self.expires_days,
            past_days=self.past_days,
            absurd_factor=self.absurd_factor,
        )
