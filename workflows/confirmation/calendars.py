"""Working time: hours that count on working days alone, by the clocks of a place."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

_DAY: Final = timedelta(days=1)
_LONGEST_REST_DAYS: Final = 400
MONDAY_TO_FRIDAY: Final = frozenset(range(5))


class WorkingCalendar(Struct, frozen=True, kw_only=True):
    """When somebody works.

    Attributes:
        time_zone: IANA name of the zone whose clocks count.
        weekdays: Working days of a week, Monday being 0.
        holidays: Days on which nobody works.
    """

    time_zone: str = "UTC"
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Whether somebody works on a day."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def after(self, moment: datetime, hours: float) -> datetime:
        """The moment at which so many hours of working days have passed, in UTC.

        A working day has 24 hours: 48 hours from a Friday at three are over on Tuesday at three.
        Where more than a year has no working day, all days count.
        """
        zone = ZoneInfo(self.time_zone)
        here = moment.astimezone(zone).replace(tzinfo=None)
        left, rested = timedelta(hours=hours), 0
        while left:
            midnight = datetime.combine(here.date() + _DAY, time())
            if not self.works_on(here.date()) and rested < _LONGEST_REST_DAYS:
                here, rested = midnight, rested + 1
                continue
            passes = min(left, midnight - here)
            here, left = here + passes, left - passes
        return here.replace(tzinfo=zone).astimezone(UTC)
