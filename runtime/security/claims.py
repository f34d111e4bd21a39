"""From a token's claims, whose signature was found good, to the principal they describe."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from canonical.errors import UnauthenticatedError
from runtime.security.config import TokenConfig
from runtime.security.principal import Principal, Role

_MAX_SUBJECT: Final = 256
_ROLES: Final = frozenset(role.value for role in Role)


def parse(payload: bytes) -> Mapping[str, Any]:
    """Read the claims.

    Raises:
        UnauthenticatedError: if they are not one JSON object in which each name comes once.
    """
    try:
        claims = json.loads(payload, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UnauthenticatedError("the token is malformed: its claims cannot be read") from None
    if not isinstance(claims, dict):
        raise UnauthenticatedError("the token is malformed: its claims are not an object")
    return claims


def principal(claims: Mapping[str, Any], config: TokenConfig, now: float) -> Principal:
    """Judge claims and say who the caller is.

    `suppliers` is None only for a caller that is no supplier and whose token names none: whoever is
    bound to some suppliers stays bound to them in every role.

    Raises:
        UnauthenticatedError: if the token is not for us, not of now, or gives no role.
    """
    _check_parties(claims, config)
    expires_at = _check_times(claims, config.leeway_s, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise UnauthenticatedError("the token names no subject: claim 'sub' must be a text")
    roles = _roles(claims, config)
    named = _at(claims, config.suppliers_claim)
    suppliers = None
    if named is not None or Role.SUPPLIER in roles:
        suppliers = tuple(sorted({code for code in _texts(config.suppliers_claim, named) if code}))
    return Principal(subject, roles, suppliers, expires_at)


def _check_parties(claims: Mapping[str, Any], config: TokenConfig) -> None:
    if claims.get("iss") not in config.issuers:
        raise UnauthenticatedError(
            "the token was made by an issuer that this service does not know"
        )
    audience = claims.get("aud")
    if config.audience not in (audience if isinstance(audience, list) else [audience]):
        raise UnauthenticatedError(
            f"the token is for another audience: claim 'aud' must name {config.audience!r}"
        )


def _check_times(claims: Mapping[str, Any], leeway_s: float, now: float) -> datetime:
    expires = _time(claims, "exp")
    if expires is None:
        raise UnauthenticatedError("the token never ends: claim 'exp' is required")
    if expires.timestamp() <= now - leeway_s:
        raise UnauthenticatedError(f"the token expired at {_shown(expires)}: get a new one")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins.timestamp() > now + leeway_s:
            raise UnauthenticatedError(
                f"the token is not valid before {_shown(begins)} (claim '{name}'); "
                f"it is {_shown(datetime.fromtimestamp(now, UTC))} here"
            )
    return expires


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise UnauthenticatedError(
            f"the token is malformed: claim '{name}' must be a time in seconds"
        ) from None


def _roles(claims: Mapping[str, Any], config: TokenConfig) -> frozenset[Role]:
    said = _texts(config.roles_claim, _at(claims, config.roles_claim))
    scope = _texts(config.scope_claim, _at(claims, config.scope_claim))
    words = {*said, *(word for text in scope for word in text.split(" "))}
    roles = frozenset(Role(word) for word in words & _ROLES)
    if not roles:
        raise UnauthenticatedError(
            f"the token gives none of the roles {', '.join(Role)} "
            f"in its claims '{config.roles_claim}' and '{config.scope_claim}'"
        )
    return roles


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its whole name, else by a path into objects."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _texts(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UnauthenticatedError(
            f"the token is malformed: claim '{name}' must be a text or a list of texts"
        )
    return texts


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
