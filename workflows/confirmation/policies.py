"""How long suppliers have to answer, and how far an answer may be from what was ordered."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from workflows.confirmation.calendars import WorkingCalendar


class Patience(Struct, frozen=True, kw_only=True):
    """How long a supplier is waited for, in hours of working days.

    Attributes:
        hours: Until it is reminded for the first time.
        reminders: How often it is reminded; then it is late.
        reminder_hours: From each reminder on.
        suppliers: Codes that it is for; all if there are none.
        countries: Countries of suppliers that it is for; all if there are none.
    """

    hours: float = 48.0
    reminders: int = 1
    reminder_hours: float = 24.0
    suppliers: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()


class Tolerance(Struct, frozen=True, kw_only=True):
    """How far a promise may be from what was ordered without a buyer being asked.

    Attributes:
        percent: Of the ordered quantity, more or less.
        quantity: In the line's unit, more or less; the greater of both counts.
        days_early: Calendar days before the day on which the goods are wanted.
        days_late: Calendar days after it.
        suppliers: Codes that it is for; all if there are none.
        categories: Categories of items that it is for; all if there are none.
    """

    percent: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    days_early: int = 3
    days_late: int = 0
    suppliers: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


class Policies(Struct, frozen=True, kw_only=True):
    """What confirmation goes by. Of several rules the first that is for somebody counts.

    Attributes:
        patience: How long suppliers have.
        tolerances: How far promises may be off.
        calendar: When suppliers work.
        calendars: The same by country.
        look_again_hours: After so many hours without a word an order is looked at again.
        expires_days: After so many days without an answer nobody waits any more.
        past_days: A promised day may be so many days past.
        absurd_factor: A promised quantity may be so many times the ordered one.
    """

    patience: tuple[Patience, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    calendar: WorkingCalendar = WorkingCalendar()
    calendars: Mapping[str, WorkingCalendar] = {}
    look_again_hours: float = 24.0
    expires_days: int = 180
    past_days: int = 7
    absurd_factor: int = 10

    def patience_with(self, supplier: str, country: str | None) -> Patience:
        """How long a supplier has."""
        for rule in self.patience:
            if _is_for(rule.suppliers, supplier) and _is_for(rule.countries, country):
                return rule
        return Patience()

    def tolerance_of(self, supplier: str, category: str | None) -> Tolerance:
        """How far promises of a supplier for items of a category may be off."""
        for rule in self.tolerances:
            if _is_for(rule.suppliers, supplier) and _is_for(rule.categories, category):
                return rule
        return Tolerance()

    def after(self, moment: datetime, hours: float, country: str | None) -> datetime:
        """When so many hours have passed for a supplier of a country."""
        return self.calendars.get(country or "", self.calendar).after(moment, hours)


def _is_for(named: frozenset[str], one: str | None) -> bool:
    return not named or one in named
