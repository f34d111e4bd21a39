"""Bearer tokens: what is accepted, and everything that is not, each with its reason."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey
from pydantic import SecretStr, ValidationError

from runtime.security.config import TokenConfig
from runtime.security.principal import Principal, Role
from runtime.security.tokens import TokenVerifier
from tests.unit.runtime.tokens import (
    AUDIENCE,
    CLAIMS,
    EC,
    ISSUER,
    NOW,
    OKP,
    RSA,
    SECRET,
    issuer,
    jwks_verifier,
    part,
    publishing,
    refused,
    signed,
    trusting,
    unsigned,
    verifier,
)

# Accepted.


async def test_a_good_token_gives_its_principal() -> None:
    assert await verifier().verify(signed(CLAIMS)) == Principal(
        subject="ada",
        roles=frozenset({Role.PLANNER}),
        suppliers=None,
        expires_at=datetime.fromtimestamp(NOW + 600, UTC),
        issuer=ISSUER,
    )


@pytest.mark.parametrize(
    "algorithm,key", [("RS256", RSA), ("ES256", EC), ("Ed25519", OKP), ("PS256", RSA)]
)
async def test_published_keys_verify(algorithm: str, key: Any) -> None:
    registry = jws.JWSRegistry(algorithms=[algorithm])
    token = jws.serialize_compact(
        {"alg": algorithm, "kid": key.kid, "typ": "at+JWT"},
        json.dumps(CLAIMS).encode(),
        key,
        registry=registry,
    )
    principal = await jwks_verifier("RS256", "ES256", "Ed25519", "PS256").verify(token)
    assert principal.subject == "ada"


async def test_unknown_header_fields_do_no_harm() -> None:
    token = signed(CLAIMS, header={"kid": "whatever", "x-vendor": [1], "x5t": "a" * 600})
    assert (await verifier().verify(token)).subject == "ada"


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
async def test_the_audience_may_be_one_of_several(aud: object) -> None:
    assert (await verifier().verify(signed(CLAIMS | {"aud": aud}))).subject == "ada"


@pytest.mark.parametrize("claims", [{"exp": NOW - 29}, {"nbf": NOW + 30}, {"iat": NOW + 30}])
async def test_small_differences_of_clocks_are_forgiven(claims: dict[str, Any]) -> None:
    assert (await verifier().verify(signed(CLAIMS | claims))).subject == "ada"


# Refused for the signature.


async def test_no_signature_is_no_signature() -> None:
    for alg in ("none", "None", "NONE"):
        assert "signed in a way that is not accepted" in await refused(unsigned({"alg": alg}))


async def test_a_public_key_is_no_shared_secret() -> None:
    """The classic confusion: HS256 with the RSA public key, which everyone has, as the secret."""
    pem = RSA.as_pem(private=False)
    forged_head = f"{part({'alg': 'HS256', 'kid': 'rsa', 'typ': 'JWT'})}.{part(CLAIMS)}"
    for secret in (pem, pem.strip(), json.dumps(RSA.as_dict(private=False)).encode()):
        mac = hmac.new(secret, forged_head.encode(), hashlib.sha256).digest()
        told = await refused(f"{forged_head}.{part(mac)}", jwks_verifier("RS256"))
        assert "signed in a way that is not accepted here; accepted: RS256" in told


async def test_a_key_of_another_type_than_the_algorithm_is_refused() -> None:
    by = jwks_verifier("RS256", "ES256")
    token = signed(CLAIMS, RSA, {"alg": "RS256", "kid": "ec"})
    assert await refused(token, by) == "the token's signature is wrong"


async def test_a_shared_key_among_the_published_ones_is_never_used() -> None:
    secret = OctKey.import_key(SECRET, {"kid": "oct"})

    async def with_secret() -> Mapping[str, Any]:
        return {"keys": [secret.as_dict(private=True)]}

    by = trusting(publishing("RS256"), keys=with_secret)
    assert "does not publish" in await refused(
        unsigned({"alg": "RS256", "kid": "oct"}, signature="AAAA"), by
    )


async def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = signed(CLAIMS).split(".")
    forged = f"{head}.{part(CLAIMS | {'roles': ['operator']})}.{signature}"
    assert await refused(forged) == "the token's signature is wrong"


@pytest.mark.parametrize("signature", ["", "AAAA", "A"])
async def test_a_wrong_or_missing_signature(signature: str) -> None:
    assert await refused(unsigned({"alg": "HS256"}, signature=signature)) == (
        "the token's signature is wrong"
    )


async def test_another_shared_key() -> None:
    other = OctKey.import_key(SECRET + "?")
    assert await refused(signed(CLAIMS, other)) == "the token's signature is wrong"


@pytest.mark.parametrize("header", [{"kid": None}, {"kid": 7}, {"kid": ""}, {"kid": "k" * 300}, {}])
async def test_published_keys_need_a_key_id(header: dict[str, Any]) -> None:
    told = await refused(unsigned({"alg": "RS256", **header}), jwks_verifier("RS256"))
    assert told == "the token names no key: header 'kid' is required"


async def test_extensions_are_not_guessed_at() -> None:
    for header in ({"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}):
        told = await refused(unsigned({"alg": "HS256", **header}, signature="AAAA"))
        assert told == "the token uses extensions that are not understood here"


async def test_a_token_of_another_kind() -> None:
    told = await refused(signed(CLAIMS, header={"typ": "logout+jwt"}))
    assert told == "the token is of another kind: header 'typ' must be JWT"


# Refused for what it says.


@pytest.mark.parametrize(
    "claims,told",
    [
        ({"exp": NOW - 31}, "the token expired at 2027-01-15T07:59:29Z: get a new one"),
        ({"exp": NOW - 30}, "the token expired at 2027-01-15T07:59:30Z: get a new one"),
        ({"exp": None}, "the token never ends: claim 'exp' is required"),
        ({"exp": str(NOW + 9)}, "the token is malformed: claim 'exp' must be a time in seconds"),
        ({"exp": True}, "the token is malformed: claim 'exp' must be a time in seconds"),
        ({"exp": 1e300}, "the token is malformed: claim 'exp' must be a time in seconds"),
        (
            {"nbf": NOW + 31},
            (
                "the token is not valid before 2027-01-15T08:00:31Z (claim 'nbf'); "
                "it is 2027-01-15T08:00:00Z here"
            ),
        ),
        (
            {"iat": NOW + 3600},
            (
                "the token is not valid before 2027-01-15T09:00:00Z (claim 'iat'); "
                "it is 2027-01-15T08:00:00Z here"
            ),
        ),
        (
            {"aud": "other"},
            "the token is for another audience: claim 'aud' must name 'supplygraph'",
        ),
        (
            {"aud": ["a", 1]},
            "the token is for another audience: claim 'aud' must name 'supplygraph'",
        ),
        ({"aud": None}, "the token is for another audience: claim 'aud' must name 'supplygraph'"),
        (
            {"iss": "https://evil"},
            "the token was made by an issuer that this service does not know",
        ),
        ({"iss": None}, "the token was made by an issuer that this service does not know"),
        ({"iss": [ISSUER]}, "the token was made by an issuer that this service does not know"),
        ({"sub": None}, "the token names no subject: claim 'sub' must be a text"),
        ({"sub": ""}, "the token names no subject: claim 'sub' must be a text"),
        ({"sub": "a" * 257}, "the token names no subject: claim 'sub' must be a text"),
        (
            {"roles": ["emperor"]},
            (
                "the token gives none of the roles planner, buyer, supplier, operator, auditor, "
                "machine that its issuer may give: claim 'roles' says what a caller is"
            ),
        ),
        (
            {"roles": {"planner": True}},
            "the token is malformed: claim 'roles' must be a text or a list of texts",
        ),
        (
            {"roles": ["planner", 1]},
            "the token is malformed: claim 'roles' must be a text or a list of texts",
        ),
        (
            {"roles": ["supplier"], "suppliers": 17},
            "the token is malformed: claim 'suppliers' must be a text or a list of texts",
        ),
        (
            {"roles": ["supplier"], "suppliers": [["V1"]]},
            "the token is malformed: claim 'suppliers' must be a text or a list of texts",
        ),
    ],
)
async def test_what_is_wrong_is_told(claims: dict[str, Any], told: str) -> None:
    assert await refused(signed(CLAIMS | claims)) == told


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b'"text"',
        b"[1]",
        b'{"exp": NaN}',
        b'{"roles": ["planner"], "roles": ["operator"]}',
        b"\xff\xfe",
        b"[" * 3_000,
    ],
)
async def test_claims_that_are_no_object_or_name_one_twice(payload: bytes) -> None:
    assert (await refused(signed(payload))).startswith("the token is malformed")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b",
        "a.b.c.d",
        "a b.c.d",
        "ä.b.c",
        "....",
        "Bearer a.b.c",
        f"{part(b'no json')}.{part(CLAIMS)}.AAAA",
        f"{part([1])}.{part(CLAIMS)}.AAAA",
        f"{part({'typ': 'JWT'})}.{part(CLAIMS)}.AAAA",
        f"{part(CLAIMS)}.{part({})}.{part({})}\n",
    ],
)
async def test_malformed(token: str) -> None:
    assert (await refused(token)).startswith("the token is malformed")


async def test_a_token_may_be_long_but_not_longer() -> None:
    def of_length(size: int) -> str:
        found = signed(CLAIMS | {"pad": ""})
        pad = (size - len(found)) * 3 // 4
        return signed(CLAIMS | {"pad": "x" * pad})

    fits = max((of_length(8_192 - i) for i in range(6)), key=lambda t: (len(t) <= 8_192, len(t)))
    assert 8_180 < len(fits) <= 8_192
    assert (await verifier().verify(fits)).subject == "ada"
    assert await refused(of_length(8_300)) == "the token is longer than 8192 bytes"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"))
async def test_no_text_is_anything_but_refused(token: str) -> None:
    await refused(token)


async def test_messages_repeat_nothing_of_the_token() -> None:
    for claims in ({"iss": "LEAK"}, {"aud": "LEAK"}, {"roles": "LEAK"}, {"sub": ["LEAK"]}):
        assert "LEAK" not in await refused(signed(CLAIMS | claims))
    for header in ({"kid": "LEAK"}, {"alg": "LEAK"}, {"typ": "LEAK"}):
        token = unsigned({"alg": "RS256", **header}, signature="AAAA")
        assert "LEAK" not in await refused(token, jwks_verifier("RS256"))


# The installation's own words.


@pytest.mark.parametrize(
    "changes,told",
    [
        ({"algorithms": ("none",)}, "algorithms.0"),
        ({"algorithms": ()}, "at least 1 item"),
        ({"algorithms": ("HS512",)}, "algorithms.0"),
        ({"algorithms": ("RS256",)}, "with static_key the only algorithm is HS256"),
        ({"algorithms": ("HS256", "RS256")}, "with static_key the only algorithm is HS256"),
        ({"static_key": SecretStr("x" * 31)}, "shorter than 32 bytes"),
        ({"jwks_url": "https://login.example/keys"}, "jwks_url or static_key, and not both"),
        (
            {"static_key": None, "jwks_url": "https://a.example", "algorithms": ("HS256",)},
            "HS256 needs static_key",
        ),
        ({"static_key": None, "jwks_url": "http://a.example"}, "must begin with https://"),
        ({"static_key": None, "issuer": "staff"}, "say where its keys are"),
        ({"static_key": None, "issuer": "http://login.example"}, "say where its keys are"),
        ({"audiences": "a"}, "audiences"),
        ({"roles": {"claim": "g", "map": {"a": ["emperor"]}}}, "roles.map.a.0"),
        ({"roles": {"always": "planner"}, "may_be": ["supplier"]}, "not among may_be"),
        ({"scopes": {"claim": "scp", "map": {"a": "order:read"}}}, "'order:read', which is no"),
        ({"suppliers": {}}, "`claim`, or `always`"),
        ({"suppliers": {"always": "S", "map": {"a": "b"}}}, "name it"),
        ({"suppliers": {"claim": "a", "pattern": "("}}, "the pattern cannot be read"),
        ({"suppliers": {"claim": "a", "pattern": "(a)(b)"}}, "may have one group"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as error:
        issuer(**changes)
    assert told in str(error.value)
    assert SECRET not in str(error.value)


def test_published_keys_need_something_that_reads_them() -> None:
    with pytest.raises(ValueError, match="there is nothing to read them"):
        TokenVerifier(TokenConfig(issuers=(publishing(),)))


def test_one_issuer_has_one_set_of_keys() -> None:
    with pytest.raises(ValidationError, match="staff and other are the same issuer"):
        TokenConfig(issuers=(issuer(), publishing(name="other")))
