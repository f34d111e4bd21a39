"""What a manifest may say of approval."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from app.manifest.approval import ApprovalConfig
from workflows.approval.policies import Automatic, Deadlines, Escalation, Limit, Scope


def test_where_nothing_is_said_people_decide_within_finite_limits_and_times() -> None:
    policy = ApprovalConfig().policy()
    usual = dict.fromkeys(("EUR", "USD", "GBP", "CHF"), Decimal(10_000))
    assert policy.automatic == ()
    assert policy.limits == (
        Limit(roles=frozenset({"planner"}), up_to=usual),
        Limit(roles=frozenset({"buyer"}), up_to=usual, unpriced=True),
    )
    assert policy.deadlines == (
        Deadlines(
            to="role:buyer",
            remind_after=(timedelta(hours=8), timedelta(hours=20)),
            escalations=(Escalation(timedelta(hours=24), "role:operator"),),
            expire_after=timedelta(days=7),
        ),
    )
    assert (policy.two_above, policy.requester_decides) == ({}, False)
    assert policy.quiet == timedelta(days=7)


def test_all_that_is_said_is_handed_on() -> None:
    said: dict[str, Any] = {
        "automatic": [{"name": "small", "up_to": {"EUR": 250.5}, "regions": ["EU"]}],
        "limits": [{"roles": ["machine"], "categories": ["Tools"], "suppliers": ["S-1"]}],
        "two_people_above": {"EUR": 20_000},
        "requester_decides": True,
        "quiet_days": 0,
        "deadlines": [
            {
                "urgent": True,
                "to": "duty",
                "remind_after_hours": [0.5],
                "escalations": [],
                "expire_after_hours": 12,
            },
            {},
        ],
    }
    policy = ApprovalConfig.model_validate(said).policy()
    eu = Scope(regions=frozenset({"EU"}))
    assert policy.automatic == (Automatic(name="small", up_to={"EUR": Decimal("250.5")}, scope=eu),)
    scope = Scope(categories=frozenset({"Tools"}), suppliers=frozenset({"S-1"}))
    assert policy.limits == (Limit(roles=frozenset({"machine"}), up_to=None, scope=scope),)
    assert policy.deadlines[0] == Deadlines(
        to="duty",
        remind_after=(timedelta(minutes=30),),
        escalations=(),
        expire_after=timedelta(hours=12),
        scope=Scope(urgent=True),
    )
    assert (policy.two_above, policy.requester_decides) == ({"EUR": Decimal(20_000)}, True)
    assert policy.quiet == timedelta(0)


@pytest.mark.parametrize(
    "said, told",
    [
        (
            {"automatic": [{"name": "a", "up_to": {"EUR": 9}}], "two_people_above": {"EUR": 5}},
            "automatic rule 'a' goes up to 9 EUR, and above 5 EUR two people must approve",
        ),
        ({"deadlines": [{"regions": ["EU"]}]}, "the last of `deadlines` must be for all"),
        ({"limits": []}, "at least 1 item"),
        ({"limits": [{"roles": ["boss"]}]}, "planner"),
        ({"limits": [{"roles": ["buyer"], "up_to": {"euro": 1}}]}, "pattern"),
        ({"deadlines": [{"expire_after_hours": 0}]}, "greater than 0"),
        ({"escalation": []}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_told(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ApprovalConfig.model_validate(said)
    assert told in str(refused.value)


def test_the_policy_that_the_docs_show_is_one() -> None:
    text = (Path(__file__).parents[4] / "docs" / "approval.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    policy = ApprovalConfig.model_validate(shown["approval"]).policy()
    assert [rule.name for rule in policy.automatic] == ["small orders"]
    assert policy.deadlines[-1] == ApprovalConfig().policy().deadlines[0]
