"""From a token's claims, whose signature was found good, to the principal they describe."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from canonical.errors import UnauthenticatedError
from runtime.security.config import Issuer
from runtime.security.principal import Principal, Role, bound_to
from runtime.security.rules import ClaimRule

_MAX_SUBJECT: Final = 256
UNKNOWN_ISSUER: Final = "the token was made by an issuer that this service does not know"


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


def principal(
    claims: Mapping[str, Any], issuer: Issuer, known_scopes: frozenset[str], now: float
) -> Principal:
    """Judge claims of a token that an issuer signed, and say who the caller is.

    `suppliers` is None only for a caller that is no supplier and whose token names none: whoever is
    bound to some suppliers stays bound to them in every role. So it is with regions and companies.

    Raises:
        UnauthenticatedError: if the token is not for us, not of now, or gives no role.
    """
    _check_parties(claims, issuer)
    expires_at = _check_times(claims, issuer.leeway_s, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise UnauthenticatedError("the token names no subject: claim 'sub' must be a text")
    roles = _roles(claims, issuer)
    return Principal(
        subject,
        roles,
        bound_to(roles, _bound("supplier", issuer.suppliers, claims)),
        expires_at,
        issuer.issuer,
        _needed("scope", issuer.scopes, claims, known_scopes) or frozenset(),
        _bound("region", issuer.regions, claims),
        _bound("company", issuer.companies, claims),
    )


def _check_parties(claims: Mapping[str, Any], issuer: Issuer) -> None:
    if claims.get("iss") != issuer.issuer:  # its key was chosen by this very claim
        raise UnauthenticatedError(UNKNOWN_ISSUER)
    audience = claims.get("aud")
    if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
        raise UnauthenticatedError(
            f"the token is for another audience: claim 'aud' must name {issuer.audience!r}"
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


def _roles(claims: Mapping[str, Any], issuer: Issuer) -> frozenset[Role]:
    """Roles that an issuer may give; what else its tokens claim is no business of ours."""
    words = issuer.roles.words(claims) or frozenset()
    roles = frozenset(role for role in issuer.may_be if role in words)
    if not roles:
        raise UnauthenticatedError(
            f"the token gives none of the roles {', '.join(issuer.may_be)} that its issuer may "
            f"give: claim '{issuer.roles.claim}' says what a caller is"
        )
    return roles


def _bound(what: str, rule: ClaimRule, claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    words = _needed(what, rule, claims)
    return None if words is None else tuple(sorted(words))


def _needed(
    what: str, rule: ClaimRule, claims: Mapping[str, Any], known: frozenset[str] | None = None
) -> frozenset[str] | None:
    words = rule.words(claims)
    found = words if words is None or known is None else words & known
    if rule.required and not found:
        raise UnauthenticatedError(
            f"the token names no {what} that is known here: claim '{rule.claim}' is required"
        )
    return found


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
