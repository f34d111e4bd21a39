"""The issuer's published keys: read when needed, kept for a while, never hammered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from canonical.errors import Reason, UnavailableError

FetchJWKS = Callable[[], Awaitable[Mapping[str, Any]]]
"""Reads the issuer's JWKS document. Raises UnavailableError if that cannot be done."""

PublicKey = RSAKey | ECKey | OKPKey

SYSTEM: Final = "identity provider"
_MAX_AGE_S: Final = 3_600.0
_REFRESH_INTERVAL_S: Final = 30.0
_RETRY_INTERVAL_S: Final = 5.0
_MIN_RSA_BITS: Final = 2_048
_TYPES: Final[Mapping[str, type[PublicKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class PublishedKeys:
    """Keys by their id.

    They are read again after an hour, and when an unknown id is asked for, but never within 30
    seconds of the last time, and by one caller at a time. Known keys serve on while the issuer
    cannot be asked.

    Args:
        fetch: Reads the document.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self, fetch: FetchJWKS, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: Mapping[str, PublicKey] | None = None
        self._read_at = 0.0
        self._not_before = -_RETRY_INTERVAL_S
        self._one_at_a_time = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey | None:
        """The key with an id, or None if the issuer does not publish it.

        Raises:
            UnavailableError: if no keys are known and the issuer cannot be asked.
        """
        known = self._keys.get(kid) if self._keys else None
        if known is not None:
            self._renew_if_old()
            return known
        if self._may_read():
            async with self._one_at_a_time:
                if self._may_read():  # another may have read them meanwhile
                    await self._read()
        if self._keys is None:
            raise UnavailableError(
                SYSTEM,
                Reason.CONNECTION,
                "its keys cannot be read just now, so no token can be checked",
                retry_after_s=max(0.0, self._not_before - self._monotonic()),
            )
        return self._keys.get(kid)

    async def aclose(self) -> None:
        """Give up a reading under way."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    def _may_read(self) -> bool:
        return self._monotonic() >= self._not_before

    def _renew_if_old(self) -> None:
        """Nobody waits for this: the known keys are good meanwhile."""
        old = self._monotonic() - self._read_at >= _MAX_AGE_S
        if old and self._may_read() and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            self._keys = _understood(await self._fetch())
        except UnavailableError as error:
            self._not_before = self._monotonic() + _RETRY_INTERVAL_S
            _log.warning("jwks_not_read", error=error.message, keys_known=len(self._keys or ()))
            return
        self._read_at = self._monotonic()
        self._not_before = self._read_at + _REFRESH_INTERVAL_S


def _understood(document: Mapping[str, Any]) -> Mapping[str, PublicKey]:
    """The keys of a JWKS document that can verify signatures; others are left out."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise UnavailableError(SYSTEM, Reason.BAD_ANSWER, "its answer is not a JWKS document")
    found: dict[str, PublicKey] = {}
    for item in listed:
        key = _key(item) if isinstance(item, dict) else None
        if key is not None and isinstance(key.kid, str):
            found.setdefault(key.kid, key)
    return found


def _key(item: dict[str, Any]) -> PublicKey | None:
    kty = item.get("kty")
    kind = _TYPES.get(kty) if isinstance(kty, str) else None
    if kind is None or item.get("use", "sig") != "sig" or "kid" not in item:
        return None
    try:
        key = kind.import_key(item)
    except (JoseError, ValueError, TypeError) as error:
        _log.warning("jwks_key_left_out", error=repr(error))
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < _MIN_RSA_BITS:
        _log.warning("jwks_key_left_out", error=f"RSA key shorter than {_MIN_RSA_BITS} bits")
        return None
    return key
