"""Maintenance windows over midnight, over clock changes, and touching each other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.kit.windows import MaintenanceWindow, maintenance_ends_at


def window(**given: Any) -> MaintenanceWindow:
    plain = {"from": "22:00", "to": "02:00", "zone": "Europe/Berlin"}
    return MaintenanceWindow.model_validate(plain | given)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    "now, ends",
    [
        ("2026-01-03T21:59:59+01:00", None),
        ("2026-01-03T22:00:00+01:00", "2026-01-04T02:00:00+01:00"),
        ("2026-01-04T01:59:59+01:00", "2026-01-04T02:00:00+01:00"),
        ("2026-01-04T02:00:00+01:00", None),
        ("2026-01-04T22:30:00+01:00", None),  # begins on Saturdays only
        ("2026-01-03T01:00:00+01:00", None),  # Friday's night is not Saturday's
        ("2026-07-04T22:30:00+02:00", "2026-07-05T02:00:00+02:00"),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins(now: str, ends: str | None) -> None:
    found = window(days=["SAT"]).ends_at(at(now))
    assert found == (None if ends is None else at(ends))


def test_it_lasts_longer_when_the_clock_is_set_back() -> None:
    # On 25 October 2026 the hour from 02:00 to 03:00 comes twice.
    night = window(**{"from": "01:00", "to": "02:30"})
    assert night.ends_at(at("2026-10-24T23:30:00+00:00")) == at("2026-10-25T01:30:00+00:00")
    assert night.ends_at(at("2026-10-25T01:29:00+00:00")) == at("2026-10-25T01:30:00+00:00")
    assert night.ends_at(at("2026-10-25T01:30:00+00:00")) is None


def test_it_is_shorter_when_the_clock_is_set_forward() -> None:
    # On 29 March 2026 it is 03:00 right after 01:59.
    night = window(**{"from": "01:00", "to": "04:00"})
    assert night.ends_at(at("2026-03-29T00:30:00+00:00")) == at("2026-03-29T02:00:00+00:00")


def test_a_whole_day() -> None:
    sunday = window(**{"days": ["SUN"], "from": "00:00", "to": "24:00", "zone": "UTC"})
    assert sunday.ends_at(at("2026-01-04T23:59:59+00:00")) == at("2026-01-05T00:00:00+00:00")
    assert sunday.ends_at(at("2026-01-05T00:00:00+00:00")) is None


def test_windows_that_touch_count_as_one() -> None:
    windows = [
        window(**{"days": ["SAT"], "from": "20:00", "to": "24:00", "zone": "UTC"}),
        window(**{"days": ["SUN"], "from": "00:00", "to": "04:00", "zone": "UTC"}),
    ]
    found = maintenance_ends_at(windows, at("2026-01-03T21:00:00+00:00"))
    assert found == at("2026-01-04T04:00:00+00:00")


def test_windows_that_never_end_do_not_hang() -> None:
    always = [window(**{"from": "00:00", "to": "24:00", "zone": "UTC"})]
    assert maintenance_ends_at(always, at("2026-01-03T21:00:00+00:00")) is not None


@pytest.mark.parametrize(
    "given, message",
    [
        ({"zone": "Berlin"}, "not a time zone"),
        ({"zone": "../etc/passwd"}, "not a time zone"),
        ({"to": "22:00"}, "from 00:00 to 24:00"),
        ({"from": "25:00"}, "from"),
        ({"days": ["Saturday"]}, "MON"),
        ({"days": []}, "days"),
        ({"until": "1"}, "until"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        window(**given)
