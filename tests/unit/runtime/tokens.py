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
from runtime.security.config import TokenConfig
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


def config(**changes: Any) -> TokenConfig:
    static: dict[str, Any] = {
        "issuers": (ISSUER,),
        "audience": AUDIENCE,
        "algorithms": ("HS256",),
        "static_key": SecretStr(SECRET),
    }
    return TokenConfig(**(static | changes))


def verifier(**changes: Any) -> TokenVerifier:
    return TokenVerifier(config(**changes), clock=lambda: NOW)


def jwks_verifier(*algorithms: str) -> TokenVerifier:
    made = config(static_key=None, jwks_url="https://login.example/keys", algorithms=algorithms)
    return TokenVerifier(made, published, clock=lambda: NOW)


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
