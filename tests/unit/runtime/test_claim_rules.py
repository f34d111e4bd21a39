"""What a token's claims come to: roles, scopes, suppliers, regions, companies."""

from typing import Any

import pytest

from runtime.security.principal import Role, scope_key
from runtime.security.scopes import KNOWN_SCOPES
from tests.unit.runtime.tokens import CLAIMS, issuer, refused, signed, trusting, verifier

GROUPS = {
    "claim": "groups",
    "map": {"sg-planners": ["planner", "buyer"], "sg-ops": "operator", "Supply Chain": "buyer"},
}


@pytest.mark.parametrize(
    "rule, claims, roles",
    [
        ("roles", {"roles": "buyer"}, {Role.BUYER}),
        ("roles", {"roles": ["buyer", "emperor", "operator"]}, {Role.BUYER, Role.OPERATOR}),
        ("scope", {"scope": "openid planner profile"}, {Role.PLANNER}),
        ("scp", {"scp": ["openid", "planner"]}, {Role.PLANNER}),
        ("realm_access.roles", {"realm_access": {"roles": ["buyer"]}}, {Role.BUYER}),
        (GROUPS, {"groups": ["sg-planners", "domain users"]}, {Role.PLANNER, Role.BUYER}),
        (GROUPS, {"groups": ["sg-ops", "planner"]}, {Role.OPERATOR}),
        (GROUPS, {"groups": "Supply Chain"}, {Role.BUYER}),
        ({"claim": "groups", "pattern": "sg-(.+)"}, {"groups": ["sg-buyer"]}, {Role.BUYER}),
        (
            {"claim": "g", "pattern": "cn=([^,]+),.*", "map": {"Plan": ["planner"]}},
            {"g": ["cn=Plan,dc=example", "Plan", "xcn=Plan,"]},
            {Role.PLANNER},
        ),
        ({"always": "machine"}, {}, {Role.MACHINE}),
        ({"claim": "roles", "always": ["buyer"]}, {}, {Role.BUYER, Role.PLANNER}),
    ],
)
async def test_roles_are_what_the_rule_makes_of_claims(
    rule: object, claims: dict[str, Any], roles: set[Role]
) -> None:
    principal = await verifier(roles=rule).verify(signed(CLAIMS | claims))
    assert principal.roles == roles


async def test_scopes_give_no_roles_unless_a_rule_says_so() -> None:
    told = await refused(signed(CLAIMS | {"roles": [], "scope": "planner"}))
    assert told.startswith("the token gives none of the roles")


async def test_an_issuer_gives_no_role_that_it_may_not() -> None:
    by = verifier(may_be=["supplier"])
    both = CLAIMS | {"roles": ["operator", "supplier"], "suppliers": ["S1"]}
    principal = await by.verify(signed(both))
    assert (*principal.roles, principal.suppliers) == (Role.SUPPLIER, ("S1",))
    told = await refused(signed(both | {"roles": ["operator"]}), by)
    assert told.startswith("the token gives none of the roles supplier that its issuer may give")


@pytest.mark.parametrize("field", ["suppliers", "regions", "companies"])
@pytest.mark.parametrize(
    "rule, claims, bound",
    [
        ("of", {}, None),
        ("of", {"of": None}, None),
        ("of", {"of": []}, ()),
        ("of", {"of": ["B", "A", "B", ""]}, ("A", "B")),
        (
            {"claim": "of", "map": {"10": "EU", "20": ["US", "APAC"]}},
            {"of": ["20"]},
            ("APAC", "US"),
        ),
        ({"claim": "of", "map": {"10": "EU"}}, {"of": ["20"]}, ()),
        ({"claim": "of", "pattern": "/x/(.+)"}, {"of": ["/x/A", "/y/B"]}, ("A",)),
        ({"always": ["S1"]}, {"of": ["S2"]}, ("S1",)),
        ({"claim": "of", "required": True}, {"of": "A"}, ("A",)),
    ],
)
async def test_bounds_are_what_the_rule_makes_of_claims(
    field: str, rule: object, claims: dict[str, Any], bound: tuple[str, ...] | None
) -> None:
    principal = await verifier(**{field: rule}).verify(signed(CLAIMS | claims))
    assert getattr(principal, field) == bound


@pytest.mark.parametrize("claims", [{}, {"of": []}, {"of": ["20"]}, {"of": ""}])
@pytest.mark.parametrize(
    "field, what", [("suppliers", "supplier"), ("regions", "region"), ("companies", "company")]
)
async def test_what_is_required_must_come_to_something(
    field: str, what: str, claims: dict[str, Any]
) -> None:
    by = verifier(**{field: {"claim": "of", "map": {"10": "EU"}, "required": True}})
    told = f"the token names no {what} that is known here: claim 'of' is required"
    assert await refused(signed(CLAIMS | claims), by) == told


async def test_scopes_are_words_that_mean_something_here_and_no_others() -> None:
    assert {"orders:read", "orders:write", "audit:read", "catalog:read"} <= KNOWN_SCOPES
    said = {"scope": "openid orders:read email items:read unknown:read"}
    principal = await verifier().verify(signed(CLAIMS | said))
    assert principal.scopes == {"orders:read", "items:read"}
    same = {"scope": ["items:read", "offline_access", "orders:read"], "sub": "somebody else"}
    assert scope_key(await verifier().verify(signed(CLAIMS | same))) == scope_key(principal)


async def test_scopes_of_another_vocabulary_are_mapped() -> None:
    mapped = {"claim": "scp", "map": {"api://sg/Orders.Read": ["orders:read"]}}
    claims = CLAIMS | {"scp": "api://sg/Orders.Read orders:write"}
    assert (await verifier(scopes=mapped).verify(signed(claims))).scopes == {"orders:read"}
    own = trusting(issuer(), known_scopes=frozenset({"ours:see"}))
    ours = CLAIMS | {"scope": "ours:see orders:read"}
    assert (await own.verify(signed(ours))).scopes == {"ours:see"}
