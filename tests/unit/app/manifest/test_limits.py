"""Limits in the manifest: safe where nothing is said, and different by role."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.demand.bounds import Bounds
from app.demand.figures import STRANGERS, Demand, Figures
from app.manifest.limits import LimitsConfig
from runtime.limits.rates import Rate
from runtime.security.principal import Role


def demand(**said: Any) -> Demand:
    return LimitsConfig.model_validate(said).demand()


def of(found: Demand, *roles: Role) -> Figures:
    return found.of(frozenset(roles))


def test_the_defaults_of_the_manifest_are_those_of_the_code() -> None:
    found = demand()
    assert (found.base, found.strangers) == (Figures(), STRANGERS)
    assert found.loosest() == Bounds()


def test_a_role_has_what_is_said_of_it_and_else_what_all_have() -> None:
    found = demand(
        max_aliases=7,
        rate_per_s=100,
        roles={"supplier": {"max_cost": 500, "max_query_depth": 4, "rate_per_s": None}},
        anonymous={"max_cost": 9, "operations_at_once": 1},
    )
    supplier, buyer = of(found, Role.SUPPLIER), of(found, Role.BUYER)
    assert (supplier.max_cost, supplier.rate) == (500, None)
    assert (supplier.bounds.depth, supplier.bounds.aliases) == (4, 7)
    assert (buyer.max_cost, buyer.rate) == (1_000_000, Rate(100, 2_000_000))
    assert (buyer.bounds.depth, buyer.bounds.aliases) == (15, 7)
    assert (found.strangers.max_cost, found.strangers.turns.running) == (9, 1)


def test_of_several_roles_a_caller_gets_the_most() -> None:
    found = demand(
        max_cost=1_000,
        roles={"supplier": {"max_cost": 10, "max_aliases": 500}, "machine": {"rate_per_s": 1}},
    )
    both = of(found, Role.SUPPLIER, Role.BUYER)
    assert (both.max_cost, both.bounds.aliases) == (1_000, 500)
    assert both is of(found, Role.BUYER, Role.SUPPLIER)
    assert of(found, Role.SUPPLIER).max_cost == 10
    assert of(found, Role.MACHINE, Role.BUYER).rate == Rate(50_000, 2_000_000)
    assert found.loosest().aliases == 500


@pytest.mark.parametrize(
    "said, words",
    [
        ({"burst": 10}, "burst is lower than max_cost"),
        ({"roles": {"supplier": {"burst": 10}}}, "roles.supplier: burst is lower than max_cost"),
        ({"anonymous": {"max_cost": 200_000}}, "burst is lower than max_cost"),
        ({"roles": {"supplier": {"max_page_size": 10}}}, "Extra inputs"),
        ({"roles": {"king": {}}}, "Input should be"),
        ({"roles": {"supplier": {"max_aliases": -1}}}, "greater than or equal to 0"),
        ({"max_tokens": 10**6}, "less than or equal to 20000"),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LimitsConfig.model_validate(said)
