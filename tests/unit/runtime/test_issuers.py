"""Several issuers: each with its own keys, audience, algorithms and cap; none with another's."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr

from canonical.errors import Reason, UnauthenticatedError, UnavailableError
from runtime.security.config import Issuer, TokenConfig
from runtime.security.keys import FetchJWKS
from runtime.security.principal import Role
from runtime.security.tokens import TokenVerifier
from tests.unit.runtime.tokens import ANY, CLAIMS, NOW, RSA, issuer, part, publishing, refused

STAFF, PARTNERS, TOOLS = "https://login.example", "https://partners.example", "tools"
THEIRS = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})  # of the same name as ours
SHARED = "another-shared-key-of-more-than-32-bytes"


class World:
    """Staff and partners with published keys, and a tool with a shared one."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.reads: list[str] = []
        issuers = (
            publishing("RS256"),
            publishing(
                "RS256", "PS256", name="partners", issuer=PARTNERS, audience="portal",
                may_be=["supplier"], leeway_s=0, suppliers={"claim": "vendor", "required": True},
            ),
            issuer(name="tools", issuer=TOOLS, static_key=SecretStr(SHARED)),
        )  # fmt: skip
        self.verifier = TokenVerifier(
            TokenConfig(issuers=issuers), self.keys_of, clock=lambda: NOW, monotonic=lambda: NOW
        )

    def keys_of(self, issuer: Issuer) -> FetchJWKS:
        key = RSA if issuer.name == "staff" else THEIRS

        async def read() -> Mapping[str, Any]:
            self.reads.append(issuer.name)
            if issuer.name in self.down:
                raise UnavailableError("identity provider", Reason.TIMEOUT, "no answer")
            return {"keys": [key.as_dict(private=False)]}

        return read


@pytest.fixture
def world() -> World:
    return World()


def token(key: Any, alg: str = "RS256", header: Mapping[str, Any] = {}, **claims: Any) -> str:
    head = {"alg": alg, "kid": "rsa", **header}
    return jws.serialize_compact(head, json.dumps(CLAIMS | claims).encode(), key, registry=ANY)


def partner(**claims: Any) -> dict[str, Any]:
    return {"iss": PARTNERS, "aud": "portal", "roles": ["supplier"], "vendor": "S1", **claims}


async def test_each_token_is_judged_by_the_terms_of_its_issuer(world: World) -> None:
    planner = await world.verifier.verify(token(RSA))
    supplier = await world.verifier.verify(token(THEIRS, **partner()))
    tool = await world.verifier.verify(token(OctKey.import_key(SHARED), "HS256", iss=TOOLS))
    assert [(p.issuer, *p.roles) for p in (planner, supplier, tool)] == [
        (STAFF, Role.PLANNER),
        (PARTNERS, Role.SUPPLIER),
        (TOOLS, Role.PLANNER),
    ]
    assert (planner.suppliers, supplier.suppliers) == (None, ("S1",))
    assert world.reads == ["staff", "partners"]


@pytest.mark.parametrize("key, claims", [(THEIRS, {}), (RSA, partner())])
async def test_a_key_of_one_issuer_signs_for_no_other(
    world: World, key: Any, claims: dict[str, Any]
) -> None:
    """Both call their key `rsa`: the name chooses among the keys of the issuer alone."""
    assert await refused(token(key, **claims), world.verifier) == "the token's signature is wrong"


@pytest.mark.parametrize(
    "text, told",
    [
        (token(THEIRS, **partner(aud="supplygraph")), "claim 'aud' must name 'portal'"),
        (token(RSA, aud="portal"), "claim 'aud' must name 'supplygraph'"),
        (token(THEIRS, **partner(exp=NOW - 1)), "expired"),
        (token(THEIRS, **partner(nbf=NOW + 1)), "not valid before"),
        (token(THEIRS, **partner(roles=["operator"])), "none of the roles supplier"),
        (token(THEIRS, **partner(vendor=[])), "claim 'vendor' is required"),
        (token(RSA, iss="https://evil.example"), "an issuer that this service does not know"),
        (token(RSA, iss=STAFF + "/"), "an issuer that this service does not know"),
        (token(RSA, "RS256", iss=TOOLS), "accepted: HS256"),
        (token(OctKey.import_key(SHARED), "HS256"), "accepted: RS256"),
        (f"{part({'alg': 'PS256', 'kid': 'rsa'})}.{part(CLAIMS)}.AAAA", "accepted: RS256"),
        (f"{part({'alg': 'none'})}.{part(CLAIMS)}.", "accepted: RS256"),
        (f"{part({'alg': 'none'})}.{part(CLAIMS | {'iss': TOOLS})}.", "accepted: HS256"),
    ],
)
async def test_the_terms_of_another_issuer_do_not_help(world: World, text: str, told: str) -> None:
    assert told in await refused(text, world.verifier)


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": THEIRS.as_dict(private=False)},
        {"x5c": ["MIIB"]},
        {"kid": "../../dev/null"},
        {"kid": "rsa' OR 1=1 --"},
        {"kid": "https://evil.example/keys#rsa"},
        {"kid": "rsa\x00"},
    ],
)
async def test_a_token_does_not_choose_its_key(world: World, header: dict[str, Any]) -> None:
    told = await refused(token(THEIRS, header=header), world.verifier)
    wrong = "the token is signed with a key that its issuer does not publish"
    assert told == (wrong if "kid" in header else "the token's signature is wrong")
    assert world.reads == ["staff"]  # and nothing is fetched from where it says


async def test_an_issuer_that_cannot_be_asked_costs_the_others_nothing(world: World) -> None:
    world.down = {"partners"}
    with pytest.raises(UnavailableError):
        await world.verifier.verify(token(THEIRS, **partner()))
    assert (await world.verifier.verify(token(RSA))).issuer == STAFF
    assert world.verifier.health() == {
        "staff": {"keys": "known", "read_s_ago": 0},
        "partners": {"keys": "unavailable"},
        "tools": {"keys": "shared"},
    }


async def test_rubbish_makes_nobody_fetch_anything(world: World) -> None:
    for n in range(50):
        for claims in ({"iss": f"https://evil{n}.example"}, {"iss": [STAFF]}, {"iss": None}):
            with pytest.raises(UnauthenticatedError):
                await world.verifier.verify(token(RSA, **claims))
    assert world.reads == []
