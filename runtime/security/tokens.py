"""Bearer tokens: JWTs (RFC 7519), checked in the order in which a mistake is cheapest to find.

    length -> form -> algorithm -> key -> signature -> issuer, audience, times -> roles

A token that was found valid is not checked again for up to a minute, unless it ends before.
Nothing of the token's content is repeated in a message, and the algorithm is chosen by the
installation, never by the token (RFC 8725).
"""

import re
import time
from collections.abc import Callable
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact

from canonical.errors import UnauthenticatedError
from runtime.security.claims import parse, principal
from runtime.security.config import TokenConfig
from runtime.security.keys import FetchJWKS, PublicKey, PublishedKeys
from runtime.security.principal import Principal
from runtime.security.remembered import RememberedPrincipals

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_MAX_KID: Final = 256


class TokenVerifier:
    """Tells who presents a token.

    Args:
        config: What is accepted.
        fetch_jwks: Reads the document at `config.jwks_url`; needed if that is given.
        clock: Seconds since the epoch.

    Raises:
        ValueError: if `jwks_url` is given and `fetch_jwks` is not.
    """

    def __init__(
        self,
        config: TokenConfig,
        fetch_jwks: FetchJWKS | None = None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._clock = clock
        self._remembered = RememberedPrincipals(config.leeway_s, clock=clock, monotonic=monotonic)
        self._static: OctKey | None = None
        self._published: PublishedKeys | None = None
        if config.static_key is not None:
            self._static = OctKey.import_key(config.static_key.get_secret_value())
        elif fetch_jwks is None:
            raise ValueError("jwks_url is given, but nothing that reads it")
        else:
            self._published = PublishedKeys(fetch_jwks, monotonic=monotonic)
        self._registry = JWSRegistry(algorithms=config.algorithms, strict_check_header=False)
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
        found = await self._checked(token)
        self._remembered.put(token, found)
        return found

    async def _checked(self, token: str) -> Principal:
        signed = self._taken_apart(token)
        header: dict[str, Any] = signed.headers()
        self._check_header(header)
        key = await self._key(header)
        try:
            good = validate_compact(signed, key, registry=self._registry)
        except (JoseError, ValueError, TypeError):
            good = False
        if not good:
            raise UnauthenticatedError("the token's signature is wrong")
        return principal(parse(signed.payload), self._config, self._clock())

    async def aclose(self) -> None:
        """Give up what is under way."""
        if self._published is not None:
            await self._published.aclose()

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

    def _check_header(self, header: dict[str, Any]) -> None:
        if header.get("alg") not in self._config.algorithms:
            raise UnauthenticatedError(
                "the token is signed in a way that is not accepted here; accepted: "
                + ", ".join(self._config.algorithms)
            )
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise UnauthenticatedError("the token is of another kind: header 'typ' must be JWT")
        if "crit" in header or "b64" in header:
            raise UnauthenticatedError("the token uses extensions that are not understood here")

    async def _key(self, header: dict[str, Any]) -> OctKey | PublicKey:
        if self._static is not None:
            return self._static
        kid = header.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
            raise UnauthenticatedError("the token names no key: header 'kid' is required")
        found = await self._published.find(kid) if self._published else None
        if found is None:
            raise UnauthenticatedError(
                "the token is signed with a key that its issuer does not publish"
            )
        return found
