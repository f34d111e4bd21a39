"""What a manifest says of ordering, and what it does not need to say."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from app.manifest.ordering import OrderingConfig
from app.manifest.problems import ManifestError
from canonical.ordering import FindingCode
from tests.unit.app.manifest.sound import SOUND, load
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

PAPER = Path(__file__).parents[4] / "docs" / "ordering.md"


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


def test_the_paper_shows_a_manifest_that_holds_and_names_every_code() -> None:
    paper = PAPER.read_text()
    shown = yaml.safe_load(paper.split("```yaml")[1].split("```")[0])
    config = OrderingConfig.model_validate(shown["processes"]["ordering"])
    assert config.systems == {"procurement", "erp", "erp-us"}
    assert [code for code in FindingCode if f"`{code.value}`" not in paper] == []


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


ORDERING = """\
processes:
  ordering:
    lead: LEAD
    follow: [erp]
"""
ENTITIES = """\
  supplier: {sources: [erp]}
  location: {sources: [erp]}
  supply_source: {sources: [erp]}
  purchase_order: {sources: [erp, procurement]}
crosswalks:
"""
PROCUREMENT = """\
  procurement:
    preset: coupa
    url: https://procurement.example
    auth: {kind: basic, username: me, password: {env: ERP_PASSWORD}}
entities:
"""
WHOLE = (
    SOUND.replace("entities:\n  item", f"{PROCUREMENT}  item").replace("crosswalks:\n", ENTITIES)
    + ORDERING
)


def test_a_manifest_with_ordering_is_sound(tmp_path: Path) -> None:
    processes = load(tmp_path, WHOLE.replace("LEAD", "procurement")).manifest.processes
    assert processes is not None
    assert processes.ordering is not None


@pytest.mark.parametrize(
    "before, after, says",
    [
        ("LEAD", "procurment", "there is no backend 'procurment'; did you mean 'procurement'"),
        (
            "    url: https://procurement.example\n",
            (
                "    url: https://procurement.example\n"
                "    entities: {purchase_order: {writes: null}}\n"
            ),
            "'procurement' takes no orders: its mapping has no `writes` with `create` under",
        ),
        (
            "purchase_order: {sources: [erp, procurement]}",
            "purchase_order: {sources: [erp]}",
            "'procurement' supplies no purchase_order, so that nobody would see what is ordered",
        ),
        (
            "  supply_source: {sources: [erp]}\n",
            "",
            "orders are checked by their supply_source: name sources of it under entities.supply",
        ),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in WHOLE
    text = WHOLE.replace(before, after).replace("LEAD", "procurement")
    with pytest.raises(ManifestError) as found:
        load(tmp_path, text)
    assert says in str(found.value)
