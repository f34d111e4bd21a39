"""Tokens, good and bad, and the keys that they are signed with."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from pydantic import SecretStr

from canonical.errors import UnauthenticatedError
from runtime.security.config import Issuer, TokenConfig
from runtime.security.keys import FetchJWKS
from runtime.security.tokens import TokenVerifier

ISSUER, AUDIENCE = "https://login.example", "supplygraph"
NOW = 1_800_000_000


SECRET = "a-shared-key-of-more-than-32-bytes!"


CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "ada",
    "exp": NOW + 600,
    "roles": ["planner"],
}


RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


EC = ECKey.generate_key("P-256", {"kid": "ec"})


OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})


ANY = jws.JWSRegistry(algorithms=["RS256", "ES256", "Ed25519", "HS256"], strict_check_header=False)


async def published() -> Mapping[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in (RSA, EC, OKP)]}


def issuer(**changes: Any) -> Issuer:
    shared: dict[str, Any] = {
        "name": "staff",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "static_key": SecretStr(SECRET),
    }
    return Issuer(**(shared | changes))


def publishing(*algorithms: str, **changes: Any) -> Issuer:
    """An issuer that publishes its keys."""
    url = "https://login.example/keys"
    return issuer(static_key=None, jwks_url=url, algorithms=algorithms or None, **changes)


def verifier(**changes: Any) -> TokenVerifier:
    return trusting(issuer(**changes))


def trusting(*issuers: Issuer, keys: FetchJWKS = published, **more: Any) -> TokenVerifier:
    """What accepts the tokens of some issuers, all of which publish the same keys."""
    config = TokenConfig(issuers=issuers, **more)
    return TokenVerifier(config, lambda _: keys, clock=lambda: NOW)


def jwks_verifier(*algorithms: str) -> TokenVerifier:
    return trusting(publishing(*algorithms))


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object, key: Any = None, header: dict[str, Any] | None = None) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    key = key or OctKey.import_key(SECRET)
    return jws.serialize_compact({"alg": "HS256", **(header or {})}, payload, key, registry=ANY)


def unsigned(header: object, claims: object = CLAIMS, signature: str = "") -> str:
    return f"{part(header)}.{part(claims)}.{signature}"


async def refused(token: str, by: TokenVerifier | None = None) -> str:
    with pytest.raises(UnauthenticatedError) as error:
        await (by or verifier()).verify(token)
    return error.value.message
