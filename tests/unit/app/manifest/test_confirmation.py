"""What a manifest says of confirmations, and what it does not need to say."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.manifest.confirmation import ConfirmationConfig
from workflows.confirmation.policies import Patience, Policies, Tolerance


def test_defaults_are_those_of_the_processes() -> None:
    assert ConfirmationConfig().policies() == Policies()


def test_what_is_said_counts_for_whom_it_is_said() -> None:
    said = {
        "patience": [{"hours": 8, "countries": ["DE"]}, {"hours": 24, "reminders": 2}],
        "tolerances": [{"percent": 2.5, "days_late": 1, "categories": ["Oils"]}],
        "calendars": {
            "DE": {"time_zone": "Europe/Berlin", "holidays": ["2026-12-25", "2026-12-26"]},
            "AE": {"time_zone": "Asia/Dubai", "working_days": ["sun", "mon", "tue", "wed", "thu"]},
        },
    }
    policies = ConfirmationConfig.model_validate(said).policies()
    assert policies.patience_with("S", "DE").hours == 8
    assert policies.patience_with("S", "FR") == Patience(hours=24, reminders=2)
    assert policies.tolerance_of("S", "Oils").percent == Decimal("2.5")
    assert policies.tolerance_of("S", "Tools") == Tolerance()
    assert policies.calendars["DE"].holidays == {date(2026, 12, 25), date(2026, 12, 26)}
    assert policies.calendars["AE"].weekdays == {6, 0, 1, 2, 3}
    friday = datetime(2026, 11, 27, 6, tzinfo=UTC)
    assert policies.after(friday, 24, "DE") == datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert policies.after(friday, 24, "AE") == datetime(2026, 11, 29, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "said, why",
    [
        ({"patience": [{"hours": 0}]}, "greater than 0"),
        ({"patience": [{}, {"suppliers": ["S-1"]}]}, "rule 1 is for all, so those behind it never"),
        ({"tolerances": [{"suppliers": ["A"]}, {}, {}]}, "rule 2 is for all"),
        ({"tolerances": [{"percent": -1}]}, "greater than or equal to 0"),
        ({"calendar": {"time_zone": "Mars/Olympus"}}, "is no time zone: name one of the IANA list"),
        ({"calendar": {"time_zone": "../etc"}}, "is no time zone"),
        ({"calendar": {"working_days": []}}, "at least 1 item"),
        ({"calendars": {"Germany": {}}}, "pattern"),
        ({"hours": 3}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ConfirmationConfig.model_validate(said)
