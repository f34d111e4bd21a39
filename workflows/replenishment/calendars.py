"""Working days: when a supplier sends, and when a location receives."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

_DAY: Final = timedelta(days=1)


class Calendar(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Days on which somebody works.

    Attributes:
        working_days: Days of the week, Monday is 0; at least one.
        holidays: Days that are free all the same.
    """

    working_days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    holidays: tuple[date, ...] = ()


EVERY_DAY: Final = Calendar()


def is_working(calendar: Calendar, day: date) -> bool:
    """Whether a day is worked."""
    return day.weekday() in calendar.working_days and day not in calendar.holidays


def from_on(calendar: Calendar, day: date) -> date:
    """The first day worked from a day on."""
    while not is_working(calendar, day):
        day += _DAY
    return day


def until(calendar: Calendar, day: date) -> date:
    """The last day worked until a day."""
    while not is_working(calendar, day):
        day -= _DAY
    return day


class Calendars(Struct, frozen=True, kw_only=True):
    """Who goes by which calendar: its own, else its country's, else the house's.

    Attributes:
        default: The house's.
        countries: By ISO 3166-1 code.
        suppliers: By code.
        locations: By code.
    """

    default: Calendar = EVERY_DAY
    countries: Mapping[str, Calendar] = {}
    suppliers: Mapping[str, Calendar] = {}
    locations: Mapping[str, Calendar] = {}

    def of_supplier(self, code: str, country: str | None) -> tuple[str, Calendar]:
        """A supplier's calendar, and what it is called."""
        if code in self.suppliers:
            return f"supplier {code}", self.suppliers[code]
        return self._of_country(country)

    def of_location(self, code: str, country: str | None) -> tuple[str, Calendar]:
        """A location's calendar, and what it is called."""
        if code in self.locations:
            return f"location {code}", self.locations[code]
        return self._of_country(country)

    def _of_country(self, country: str | None) -> tuple[str, Calendar]:
        if country is not None and country in self.countries:
            return f"country {country}", self.countries[country]
        return "default", self.default
