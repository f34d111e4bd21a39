"""Bearer tokens: JWTs (RFC 7519), checked in the order in which a mistake is cheapest to find.

    length -> form -> issuer -> algorithm -> key -> signature -> audience, times -> roles

Who says to be the issuer is only believed to choose whose keys the signature is held against: a
token of one issuer is never tried with the keys of another. A token that was found valid is not
checked again for up to a minute, unless it ends before. Nothing of the token's content is repeated
in a message, and the algorithm is chosen by the installation, never by the token (RFC 8725); what
else its header says of keys (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact

from canonical.errors import UnauthenticatedError
from runtime.security.claims import UNKNOWN_ISSUER, parse, principal
from runtime.security.config import Algorithm, Issuer, TokenConfig
from runtime.security.keys import FetchJWKS, PublicKey, PublishedKeys
from runtime.security.principal import Principal
from runtime.security.remembered import RememberedPrincipals

KeysOf = Callable[[Issuer], FetchJWKS]
"""What reads the published keys of an issuer."""

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_MAX_KID: Final = 256


class _Trusted:
    """One issuer with its keys, and how its tokens may be signed."""

    def __init__(
        self, issuer: Issuer, keys_of: KeysOf | None, monotonic: Callable[[], float]
    ) -> None:
        self.issuer = issuer
        self.algorithms: tuple[Algorithm, ...] = issuer.accepted
        self.published: PublishedKeys | None = None
        self._static: OctKey | None = None
        if issuer.static_key is not None:
            self._static = OctKey.import_key(issuer.static_key.get_secret_value())
        elif keys_of is None:
            raise ValueError(f"{issuer.name} publishes its keys, but there is nothing to read them")
        else:
            self.published = PublishedKeys(keys_of(issuer), monotonic=monotonic)

    async def key(self, header: Mapping[str, Any]) -> OctKey | PublicKey:
        if header.get("alg") not in self.algorithms:
            raise UnauthenticatedError(
                "the token is signed in a way that is not accepted here; accepted: "
                + ", ".join(self.algorithms)
            )
        if self._static is not None:
            return self._static
        kid = header.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
            raise UnauthenticatedError("the token names no key: header 'kid' is required")
        found = await self.published.find(kid) if self.published else None
        if found is None:
            raise UnauthenticatedError(
                "the token is signed with a key that its issuer does not publish"
            )
        return found


class TokenVerifier:
    """Tells who presents a token.

    Args:
        config: What is accepted.
        keys_of: Reads the published keys of issuers; needed if one has no `static_key`.
        clock: Seconds since the epoch.
        monotonic: Seconds that never go back.

    Raises:
        ValueError: if `keys_of` is needed and not given.
    """

    def __init__(
        self,
        config: TokenConfig,
        keys_of: KeysOf | None = None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._clock = clock
        self._remembered = RememberedPrincipals(clock=clock, monotonic=monotonic)
        self._trusted = {each.issuer: _Trusted(each, keys_of, monotonic) for each in config.issuers}
        ways = {way for each in self._trusted.values() for way in each.algorithms}
        self._registry = JWSRegistry(algorithms=sorted(ways), strict_check_header=False)
        self._registry.max_header_length = config.max_token_bytes

    async def verify(self, token: str) -> Principal:
        """Check a token (without the word Bearer) and say who presents it.

        Raises:
            UnauthenticatedError: if it is not valid; the message says why and what to do.
            UnavailableError: if the issuer's keys cannot be read.
        """
        known = self._remembered.get(token)
        if known is not None:
            return known
        found, leeway_s = await self._checked(token)
        self._remembered.put(token, found, leeway_s=leeway_s)
        return found

    def health(self) -> Mapping[str, Mapping[str, object]]:
        """State of the issuers' keys by issuer's name, without asking any."""
        return {
            each.issuer.name: {"keys": "shared"}
            if each.published is None
            else each.published.health()
            for each in self._trusted.values()
        }

    async def aclose(self) -> None:
        """Give up what is under way."""
        for each in self._trusted.values():
            if each.published is not None:
                await each.published.aclose()

    async def _checked(self, token: str) -> tuple[Principal, float]:
        signed = self._taken_apart(token)
        header: dict[str, Any] = signed.headers()
        _check_header(header)
        claims = parse(signed.payload)
        issuer = claims.get("iss")
        trusted = self._trusted.get(issuer) if isinstance(issuer, str) else None
        if trusted is None:
            raise UnauthenticatedError(UNKNOWN_ISSUER)
        key = await trusted.key(header)
        try:
            good = validate_compact(signed, key, registry=self._registry)
        except (JoseError, ValueError, TypeError):
            good = False
        if not good:
            raise UnauthenticatedError("the token's signature is wrong")
        known = self._config.known_scopes
        found = principal(claims, trusted.issuer, known, self._clock())
        return found, trusted.issuer.leeway_s

    def _taken_apart(self, token: str) -> CompactSignature:
        if len(token) > self._config.max_token_bytes:
            raise UnauthenticatedError(
                f"the token is longer than {self._config.max_token_bytes} bytes"
            )
        if not _FORM.fullmatch(token):
            raise UnauthenticatedError("the token is malformed: it is not a signed JWT")
        try:
            return extract_compact(token.encode("ascii"), registry=self._registry)
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise UnauthenticatedError(
                "the token is malformed: its header cannot be read"
            ) from None


def _check_header(header: Mapping[str, Any]) -> None:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise UnauthenticatedError("the token is of another kind: header 'typ' must be JWT")
    if "crit" in header or "b64" in header:
        raise UnauthenticatedError("the token uses extensions that are not understood here")
