"""Hours of working days, by the clocks of a place."""

from datetime import UTC, date, datetime

import pytest

from workflows.confirmation.calendars import WorkingCalendar

BERLIN = WorkingCalendar(time_zone="Europe/Berlin", holidays=frozenset({date(2026, 12, 25)}))


@pytest.mark.parametrize(
    "begins, hours, ends",
    [
        ("2026-11-23T08:00", 0, "2026-11-23T08:00"),
        ("2026-11-23T08:00", 48, "2026-11-25T08:00"),
        ("2026-11-27T14:00", 48, "2026-12-01T14:00"),
        ("2026-11-28T10:00", 1.5, "2026-11-30T00:30"),  # midnight there is 23:00 here
        ("2026-11-27T11:00", 12, "2026-11-27T23:00"),
        ("2026-12-24T11:00", 24, "2026-12-28T11:00"),
        ("2026-10-23T10:00", 24, "2026-10-26T11:00"),  # clocks went back on the 25th
    ],
)
def test_hours_of_working_days(begins: str, hours: float, ends: str) -> None:
    begun = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert BERLIN.after(begun, hours) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_who_never_works_is_waited_for_all_the_same() -> None:
    never = WorkingCalendar(weekdays=frozenset())
    begun = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert (never.after(begun, 1) - begun).days == 399
