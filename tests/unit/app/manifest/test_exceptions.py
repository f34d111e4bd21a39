"""Exceptions in a manifest: what is taken, what is refused and how, what comes of it."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.manifest.exceptions import ExceptionsConfig
from canonical.exceptions import ExceptionCategory, ExceptionSeverity
from workflows.exceptions.rules import CATEGORIES, Rules, Thresholds


def test_what_is_left_out_is_as_shipped() -> None:
    assert ExceptionsConfig().rules() == Rules(owners=[])


def test_what_is_declared_is_what_rules_go_by() -> None:
    rules = ExceptionsConfig.model_validate(
        {
            "severity": {"CONFLICT": "LOW"},
            "value_at_risk": {"EUR": {"high": 10_000, "critical": 99_999.5}},
            "days_of_cover_lost": {"critical": 5},
            "owners": [{"owner": "eu", "regions": ["EU"], "categories": ["IN_DOUBT"]}],
            "owner": "desk",
            "due_hours": {"HIGH": 8},
        }
    ).rules()
    assert rules.categories == {**CATEGORIES, ExceptionCategory.CONFLICT: ExceptionSeverity.LOW}
    assert rules.values == {"EUR": Thresholds(high=Decimal(10_000), critical=Decimal("99999.5"))}
    assert rules.cover == Thresholds(critical=Decimal(5))
    (owner,) = rules.owners
    assert (owner.owner, owner.regions) == ("eu", frozenset({"EU"}))
    assert owner.categories == {ExceptionCategory.IN_DOUBT}
    assert rules.owner == "desk"
    assert rules.hours == {ExceptionSeverity.HIGH: Decimal(8)}


@pytest.mark.parametrize(
    "config, message",
    [
        ({"value_at_risk": {"EUR": {"high": 9, "critical": 9}}}, "medium < high < critical"),
        ({"value_at_risk": {"EUR": {"medium": 9, "critical": 8}}}, "medium < high < critical"),
        ({"value_at_risk": {"euro": {}}}, "should match pattern"),
        ({"value_at_risk": {"EUR": {"high": -1}}}, "greater than or equal to 0"),
        ({"severity": {"LATE": "LOW"}}, "LATE_DELIVERY"),
        ({"due_hours": {"LOW": 0}}, "greater than 0"),
        ({"owners": [{"regions": ["EU"]}]}, "Field required"),
        (
            {"owners": [{"owner": "a"}, {"owner": "b", "regions": ["EU"]}]},
            "a takes all, so those behind it never count: say it as `owner`",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ExceptionsConfig.model_validate(config)
    assert message in str(caught.value)
