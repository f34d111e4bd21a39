"""Tokens for development and the demo, made with a key that says on its face what it is for."""

import secrets
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr

from canonical.errors import InvalidInputError
from runtime.security.config import MIN_STATIC_KEY_BYTES, Issuer, TokenConfig
from runtime.security.principal import Principal, Role

PREFIX: Final = "development-only-"
NAME: Final = "development"
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
    issuer = Issuer(name=NAME, issuer=ISSUER, audience=AUDIENCE, static_key=SecretStr(key))
    return TokenConfig(issuers=(issuer,))


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
    begins = time.time() if now is None else now
    ends = datetime.fromtimestamp(int(begins) + int(life(ttl_s)), UTC)
    bound = None if suppliers is None else tuple(suppliers)
    return development_token(key, Principal(subject, frozenset(roles), bound, ends), begins)


def life(ttl_s: float) -> float:
    """How long a token may last.

    Raises:
        InvalidInputError: if it is to last for longer than 30 days, or not at all.
    """
    if not 0 < ttl_s <= MAX_TTL_S:
        raise InvalidInputError(f"a token lasts up to {MAX_TTL_S:.0f} s (30 days), not {ttl_s} s")
    return ttl_s


def development_token(key: str, principal: Principal, now: float) -> str:
    """Make the token of a principal, for a service with `development_config`.

    Args:
        key: A development key.
        principal: Who it is to stand for; the token ends with it.
        now: Seconds since the epoch.

    Raises:
        InvalidInputError: if the key is not a development key, or the principal is nobody.
    """
    _check(key)
    if not principal.subject or not principal.roles:
        raise InvalidInputError("a token needs a subject and at least one role")
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": principal.subject,
        "iat": int(now),
        "exp": int(principal.expires_at.timestamp()),
        "roles": sorted(role.value for role in principal.roles),
        "scope": " ".join(sorted(principal.scopes)),
    }
    for name in ("suppliers", "regions", "companies"):
        bound = getattr(principal, name)
        if bound is not None:
            claims[name] = sorted(bound)
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key))


def _check(key: str) -> None:
    if not is_development_key(key):
        raise InvalidInputError(
            f"tokens are made with development keys alone: they begin with {PREFIX!r}, and "
            f"{MIN_STATIC_KEY_BYTES} or more random bytes follow. Tokens for a real installation "
            "come from its identity provider."
        )
