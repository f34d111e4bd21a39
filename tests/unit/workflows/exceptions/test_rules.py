"""How bad a trouble is, whose it is, and by when it is to be over."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.exceptions import ExceptionCategory, ExceptionSeverity, Trouble
from canonical.values import Money
from workflows.exceptions.rules import CATEGORIES, OwnerRule, Rules, Thresholds

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOW, MEDIUM, HIGH, CRITICAL = ExceptionSeverity
RULES = Rules(
    values={
        "EUR": Thresholds(Decimal(100), Decimal(1_000), Decimal(10_000)),
        "JPY": Thresholds(critical=Decimal(1_000_000)),
    }
)


def trouble(category: ExceptionCategory = ExceptionCategory.LATE_DELIVERY, **more: Any) -> Trouble:
    return Trouble(cause="x", category=category, message="x", correlation_id="c", **more)


def test_every_category_says_how_bad_it_is_at_least() -> None:
    assert set(CATEGORIES) == set(ExceptionCategory)
    for category, severity in CATEGORIES.items():
        assert Rules().severity(trouble(category)) is severity
    changed = Rules(categories={ExceptionCategory.LATE_DELIVERY: HIGH})
    assert changed.severity(trouble()) is HIGH
    assert changed.severity(trouble(ExceptionCategory.CONFLICT)) is MEDIUM


@pytest.mark.parametrize(
    "amount, currency, severity",
    [
        ("99.99", "EUR", LOW),
        ("100", "EUR", MEDIUM),
        ("999.99", "EUR", MEDIUM),
        ("1000", "EUR", HIGH),
        ("10000", "EUR", CRITICAL),
        ("999999", "JPY", LOW),
        ("1000000", "JPY", CRITICAL),
        ("99999999", "USD", LOW),
    ],
)
def test_a_value_at_risk_makes_it_worse(
    amount: str, currency: str, severity: ExceptionSeverity
) -> None:
    small = ExceptionCategory.QUANTITY_DEVIATION
    risk = Money(Decimal(amount), currency)
    assert RULES.severity(trouble(small, value_at_risk=risk)) is severity


@pytest.mark.parametrize(
    "days, severity", [("2.9", LOW), ("3", MEDIUM), ("7", HIGH), ("14", CRITICAL)]
)
def test_days_of_cover_lost_make_it_worse(days: str, severity: ExceptionSeverity) -> None:
    small = ExceptionCategory.QUANTITY_DEVIATION
    assert RULES.severity(trouble(small, days_of_cover_lost=Decimal(days))) is severity


def test_the_worst_that_is_known_counts() -> None:
    risk = Money(Decimal(1), "EUR")
    found = trouble(value_at_risk=risk, days_of_cover_lost=Decimal(8))
    assert RULES.severity(found) is HIGH
    assert RULES.severity(trouble(ExceptionCategory.STOCKOUT_RISK, value_at_risk=risk)) is HIGH


def test_the_first_owner_who_fits_in_all_has_it() -> None:
    rules = Rules(
        owners=(
            OwnerRule(owner="critical", severities=frozenset({CRITICAL})),
            OwnerRule(
                owner="eu-tools", regions=frozenset({"EU"}), item_categories=frozenset({"Tools"})
            ),
            OwnerRule(owner="eu", regions=frozenset({"EU", "UK"})),
            OwnerRule(owner="s1", suppliers=frozenset({"S-1"})),
            OwnerRule(owner="doubt", categories=frozenset({ExceptionCategory.IN_DOUBT})),
        ),
        owner="desk",
    )

    def owner(*subjects: str, severity: ExceptionSeverity = LOW, **more: Any) -> str | None:
        return rules.owner_of(trouble(subjects=subjects, **more), severity)

    assert owner() == "desk"
    assert owner("region:EU") == "eu"
    assert owner("region:EU", "category:Tools", "supplier:S-1") == "eu-tools"
    assert owner("region:US", "category:Tools", "supplier:S-1") == "s1"
    assert owner("region:US", "item:EU", "supplier:S-11") == "desk"
    assert owner(category=ExceptionCategory.IN_DOUBT) == "doubt"
    assert owner("region:EU", severity=CRITICAL) == "critical"
    assert Rules().owner_of(trouble(), LOW) is None


def test_by_when_it_is_to_be_over() -> None:
    assert Rules().due_at(CRITICAL, NOON) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert Rules().due_at(LOW, NOON) is None
    half = Rules(hours={LOW: Decimal("0.5")})
    assert half.due_at(LOW, NOON) == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
