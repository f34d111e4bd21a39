"""Call policies are finite, closed and described."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.kit.policy import BreakerPolicy, CallPolicy
from connectors.kit.transport_open import rules_of


@pytest.mark.parametrize("model", [CallPolicy, BreakerPolicy])
def test_every_number_has_a_finite_default_and_bounds(model: type[Any]) -> None:
    properties = model.model_json_schema()["properties"]
    for name, schema in properties.items():
        assert schema.get("description"), name
        for form in schema.get("anyOf", [schema]):
            if form.get("type") in {"integer", "number"}:
                assert "maximum" in form, name
                assert {"minimum", "exclusiveMinimum"} & form.keys(), name


@pytest.mark.parametrize(
    "given",
    [
        {"timeout_s": math.inf},
        {"timeout_s": 0},
        {"timeout_s": "forever"},
        {"timeout_s": None},
        {"max_concurrency": 0},
        {"max_keys_per_request": -1},
        {"max_response_mb": math.nan},
        {"rate_per_s": None},
        {"max_scanned_rows": 10**12},
        {"retries": 1000},
        {"timeouts": 3},
    ],
)
def test_nothing_unlimited_can_be_said(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CallPolicy.model_validate(given)


def test_a_burst_is_one_seconds_calls_unless_said() -> None:
    assert rules_of(CallPolicy(rate_per_s=25)).burst == 25
    assert rules_of(CallPolicy(rate_per_s=0.2)).burst == 1
    assert rules_of(CallPolicy(rate_per_s=25, burst=20)).burst == 20


def test_cost_is_not_counted_unless_said_and_ten_seconds_worth_may_come_at_once() -> None:
    assert rules_of(CallPolicy()).cost_per_s is None
    rules = rules_of(CallPolicy(cost_per_s=25))
    assert (rules.cost_per_s, rules.cost_burst) == (25, 250)
    assert rules_of(CallPolicy(cost_per_s=0.01)).cost_burst == 1
    assert rules_of(CallPolicy(cost_per_s=25, cost_burst=20)).cost_burst == 20


def test_a_slot_outlives_the_longest_try() -> None:
    assert rules_of(CallPolicy(timeout_s=30)).lease_s > 30


def test_shares_together_keep_the_limits() -> None:
    part = rules_of(CallPolicy(rate_per_s=10, max_concurrency=15, per_day=100)).divided(4)
    assert (part.rate_per_s, part.burst, part.slots, part.per_day) == (2.5, 2, 3, 25)
    assert rules_of(CallPolicy(max_concurrency=2)).divided(5).slots == 1
    part = rules_of(CallPolicy(cost_per_s=10, cost_burst=30)).divided(4)
    assert (part.cost_per_s, part.cost_burst) == (2.5, 7)
    assert rules_of(CallPolicy(cost_per_s=1, cost_burst=2)).divided(4).cost_burst == 1
