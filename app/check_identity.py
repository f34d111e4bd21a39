"""Whether callers can be told apart: the issuers' keys, and what is only for development."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from app.jwks import keys_of
from app.manifest.loading import Declaration
from canonical.errors import SupplygraphError
from canonical.ports import Finding, Severity
from runtime.security.config import Issuer
from runtime.security.keys import PublicKey, understood

_SYSTEM: Final = "identity"
_DEVELOPMENT: Final = Finding(
    _SYSTEM,
    "development_key",
    Severity.WARNING,
    "tokens that anybody with this key can make are only served in development",
    "for real data name your identity provider under identity.issuers; else `serve --development`",
)
_KINDS: Final[Mapping[str, str]] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


async def identity_findings(declared: Declaration) -> Sequence[Finding]:
    """What is found about each issuer, in the order of the manifest."""
    identity = declared.manifest.identity
    if identity.development_key is not None:
        return [] if declared.development else [_DEVELOPMENT]
    issuers = identity.token_config(declared.vault).issuers
    return await asyncio.gather(*(_looked_at(each) for each in issuers))


async def _looked_at(issuer: Issuer) -> Finding:
    where = f"issuers.{issuer.name}"
    if issuer.static_key is not None:
        return Finding(_SYSTEM, where, Severity.OK, "shares its key")
    try:
        keys = understood(await keys_of(issuer)())
    except SupplygraphError as exc:
        place = "jwks_url" if issuer.jwks_url is not None else "issuer"
        remedy = f"correct identity.{where}.{place}, or look whether the way there is open"
        return Finding(_SYSTEM, where, Severity.ERROR, exc.message, remedy)
    fit = sum(_fits(key, issuer.accepted) for key in keys.values())
    if fit:
        return Finding(_SYSTEM, where, Severity.OK, f"keys that fit: {fit}")
    message = f"publishes no key that signs by {', '.join(issuer.accepted)}"
    kinds = sorted({key.key_type for key in keys.values()})
    remedy = f"see identity.{where}.algorithms; its keys are {', '.join(kinds) or 'none of ours'}"
    return Finding(_SYSTEM, where, Severity.ERROR, message, remedy)


def _fits(key: PublicKey, ways: Iterable[str]) -> bool:
    """Whether a key can sign by one of some algorithms, and is meant to."""
    said = key.get("alg")
    return any(_KINDS[way[:2]] == key.key_type and said in (None, way) for way in ways)
