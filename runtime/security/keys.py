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
_MAX_STALE_S: Final = 86_400.0
_REFRESH_INTERVAL_S: Final = 30.0
_RETRY_INTERVAL_S: Final = 5.0
_MIN_RSA_BITS: Final = 2_048
_TYPES: Final[Mapping[str, type[PublicKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class PublishedKeys:
    """Keys by their id.

    They are read again after an hour, and when an unknown id is asked for, but never within 30
    seconds of the last time, and by one caller at a time. Known keys serve on while the issuer
    cannot be asked, for a day: somebody who keeps it from us may not have withdrawn keys honoured
    for ever.

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
        self._failed = False
        self._not_before = -_RETRY_INTERVAL_S
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey | None:
        """The key with an id, or None if the issuer does not publish it.

        Raises:
            UnavailableError: if no keys are known and the issuer cannot be asked.
        """
        self._forget_if_stale()
        known = self._keys.get(kid) if self._keys else None
        if known is not None:
            self._renew_if_old()
            return known
        if self._is_reading() or self._may_read():
            await asyncio.shield(self._read_once())  # who gives up does not end it for others
        if self._keys is None:
            raise UnavailableError(
                SYSTEM,
                Reason.CONNECTION,
                "its keys cannot be read just now, so no token can be checked",
                retry_after_s=max(0.0, self._not_before - self._monotonic()),
            )
        return self._keys.get(kid)

    def health(self) -> Mapping[str, object]:
        """What is known: `{"keys": "unread" | "known" | "stale" | "unavailable"}`.

        With `known` and `stale` comes `read_s_ago`. Keys are read when the first token asks for
        them; stale ones are served on while the issuer cannot be asked.
        """
        if self._keys is None:
            return {"keys": "unavailable" if self._failed else "unread"}
        age_s = self._monotonic() - self._read_at
        return {"keys": "stale" if self._failed else "known", "read_s_ago": round(age_s)}

    async def aclose(self) -> None:
        """Give up a reading under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _is_reading(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def _may_read(self) -> bool:
        return self._monotonic() >= self._not_before

    def _forget_if_stale(self) -> None:
        if self._keys is not None and self._monotonic() - self._read_at >= _MAX_STALE_S:
            self._keys = None

    def _renew_if_old(self) -> None:
        """Nobody waits for this: the known keys are good meanwhile."""
        old = self._monotonic() - self._read_at >= _MAX_AGE_S
        if old and self._may_read():
            self._read_once()

    def _read_once(self) -> "asyncio.Task[None]":
        """The reading under way, or a new one."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            self._keys = understood(await self._fetch())
        except UnavailableError as error:
            self._not_before = self._monotonic() + _RETRY_INTERVAL_S
            self._failed = True
            _log.warning("jwks_not_read", error=error.message, keys_known=len(self._keys or ()))
            return
        self._failed = False
        self._read_at = self._monotonic()
        self._not_before = self._read_at + _REFRESH_INTERVAL_S


def understood(document: Mapping[str, Any]) -> Mapping[str, PublicKey]:
    """The keys of a JWKS document that can verify signatures, by their id; others are left out.

    Raises:
        UnavailableError: if it is none.
    """
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
