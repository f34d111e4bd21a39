"""Tokens for development and the demo, made with a key that says on its face what it is for."""

import secrets
import time
from collections.abc import Collection
from typing import Final

from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr

from canonical.errors import InvalidInputError
from runtime.security.config import MIN_STATIC_KEY_BYTES, TokenConfig
from runtime.security.principal import Role

PREFIX: Final = "development-only-"
ISSUER: Final = "supplygraph-development"
AUDIENCE: Final = "supplygraph"
MAX_TTL_S: Final = 30 * 86_400.0


def new_development_key() -> str:
    """A random key that `mint_development_token` accepts."""
    return PREFIX + secrets.token_urlsafe(32)


def is_development_key(key: str) -> bool:
    """Tell whether a key says that it is for development, and is long enough."""
    return key.startswith(PREFIX) and len(key.encode()) >= len(PREFIX) + MIN_STATIC_KEY_BYTES


def development_config(key: str) -> TokenConfig:
    """What a service accepts whose tokens are made here.

    Raises:
        InvalidInputError: if the key is not a development key.
    """
    _check(key)
    return TokenConfig(
        issuers=(ISSUER,), audience=AUDIENCE, algorithms=("HS256",), static_key=SecretStr(key)
    )


def mint_development_token(
    key: str,
    subject: str,
    roles: Collection[Role],
    suppliers: Collection[str] | None,
    ttl_s: float,
    now: float | None = None,
) -> str:
    """Make a token that a service with `development_config` accepts.

    Args:
        key: A development key.
        subject: Who it is for.
        roles: At least one.
        suppliers: Codes it is bound to; None for none.
        ttl_s: Seconds until it ends, 30 days at most.
        now: Seconds since the epoch; the present if not given.

    Raises:
        InvalidInputError: if the key is not a development key, or an argument is out of bounds.
    """
    _check(key)
    if not subject or not roles:
        raise InvalidInputError("a token needs a subject and at least one role")
    if not 0 < ttl_s <= MAX_TTL_S:
        raise InvalidInputError(f"a token lasts up to {MAX_TTL_S:.0f} s (30 days), not {ttl_s} s")
    begins = int(time.time() if now is None else now)
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": begins,
        "exp": begins + int(ttl_s),
        "roles": sorted(role.value for role in roles),
    }
    if suppliers is not None:
        claims["suppliers"] = sorted(suppliers)
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key))


def _check(key: str) -> None:
    if not is_development_key(key):
        raise InvalidInputError(
            f"tokens are made with development keys alone: they begin with {PREFIX!r}, and "
            f"{MIN_STATIC_KEY_BYTES} or more random bytes follow. Tokens for a real installation "
            "come from its identity provider."
        )
