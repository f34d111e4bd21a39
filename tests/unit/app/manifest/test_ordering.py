"""What a manifest says of ordering, and what it does not need to say."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.manifest.ordering import OrderingConfig
from workflows.ordering.assembly import OrderPolicy
from workflows.ordering.rules import (
    Budget,
    FollowerRefusal,
    LeadTimePolicy,
    OrderRules,
    Period,
    Route,
    Routes,
    Timing,
)


def test_a_leading_system_is_enough_and_the_rest_is_as_the_processes_have_it() -> None:
    policy = OrderingConfig.model_validate({"lead": "procurement", "follow": ["erp"]}).policy()
    route = Route(lead="procurement", follow=("erp",))
    assert policy == OrderPolicy(rules=OrderRules(), routes=Routes((route,)), timing=Timing())


def test_what_is_said_counts() -> None:
    said = {
        "lead": "procurement",
        "follow": ["erp"],
        "when_refused": "cancel",
        "routes": [{"regions": ["US"], "lead": "erp-us", "companies": {"erp-us": "1710"}}],
        "price_percent": 2.5,
        "price_absolute": "0.10",
        "quantity_decimals": 0,
        "lead_time": "refuse",
        "receiving": ["PLANT"],
        "budgets": [
            {
                "name": "tools",
                "amount": 50_000,
                "currency": "EUR",
                "period": "quarter",
                "categories": ["Tools"],
            }
        ],
        "answer_within_s": 3,
    }
    config = OrderingConfig.model_validate(said)
    policy = config.policy()
    american = policy.routes.of("US")
    assert american is not None
    assert (american.lead, american.companies) == ("erp-us", {"erp-us": "1710"})
    european = policy.routes.of("EU")
    assert european is not None
    assert (european.systems, european.refusal) == (("procurement", "erp"), FollowerRefusal.CANCEL)
    assert policy.routes.leads == {"procurement", "erp-us"}
    assert config.systems == {"procurement", "erp", "erp-us"}
    assert policy.rules.tolerance(Decimal(1)) == Decimal("0.10")
    assert (policy.rules.decimals, policy.rules.lead_time) == (0, LeadTimePolicy.REFUSE)
    assert policy.rules.receiving == {"PLANT"}
    assert policy.rules.budgets == (
        Budget(
            name="tools",
            amount=Decimal(50_000),
            currency="EUR",
            period=Period.QUARTER,
            categories=frozenset({"Tools"}),
        ),
    )
    assert policy.timing.answer_s == 3


BUDGET: dict[str, Any] = {"name": "a", "amount": 1, "currency": "EUR"}


@pytest.mark.parametrize(
    "said, why",
    [
        ({}, "Field required"),
        ({"lead": "erp", "follow": ["erp"]}, "a system is named twice"),
        ({"lead": "erp", "companies": {"crm": "1"}}, "crm neither leads nor follows here"),
        ({"lead": "erp", "routes": [{"lead": "x"}]}, "Field required"),
        ({"lead": "erp", "routes": [{"lead": "x", "regions": []}]}, "at least 1 item"),
        ({"lead": "erp", "budgets": [{**BUDGET, "currency": "EURO"}]}, "'EURO' is no currency of"),
        ({"lead": "erp", "budgets": [BUDGET, BUDGET]}, "a is there twice"),
        ({"lead": "erp", "budgets": [{**BUDGET, "amount": 0}]}, "greater than 0"),
        ({"lead": "erp", "price_percent": -1}, "greater than or equal to 0"),
        ({"lead": "erp", "answer_within_s": 0}, "greater than 0"),
        ({"lead": "erp", "receiving": []}, "at least 1 item"),
        ({"lead": "erp", "leads": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        OrderingConfig.model_validate(said)
