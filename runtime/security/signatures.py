"""Signatures of deliveries: who sent a body, when, and that it is what was sent.

    key(secret) -> HMAC(text before the body + body), held against each signature in the header

A scheme says in which headers things stand and what is signed. The body comes last in what is
signed, so that it can be signed while it streams in. Every secret that is in use is tried, so that
secrets can be changed while deliveries are under way.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

TOLERANCE_S: Final = 300.0
_MILLISECONDS_FROM: Final = 10**11
_LONGEST_TEXT: Final = 256
_MOST_SIGNATURES: Final = 16
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # what secrets begin with, not one


class Refusal(StrEnum):
    """Why a delivery was not believed. For the log; the sender is told only `STALE`."""

    UNSIGNED = "unsigned"
    STALE = "stale"
    FORGED = "forged"


class SignatureError(Exception):
    """A delivery is not believed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Encoding(StrEnum):
    """How a signature is written."""

    HEX = "hex"
    BASE64 = "base64"


class Scheme(Struct, frozen=True, kw_only=True):
    """How a sender signs.

    Attributes:
        signature: Header with the signature.
        timestamp: Header with the time of sending; None if there is none, and then age is not
            looked at.
        delivery_id: Header with the delivery's id; None if there is none.
        before_body: What is signed before the body; `{id}` and `{timestamp}` are filled in.
        algorithm: Name of the hash.
        encoding: How signatures are written.
        prefix: What stands before each signature in the header (`v1,`, `sha256=`).
        many: Whether the header may have several signatures, with spaces between them.
        encoded_secret: Whether secrets are base64, perhaps behind `whsec_`.
    """

    signature: str
    timestamp: str | None
    delivery_id: str | None
    before_body: str
    algorithm: str = "sha256"
    encoding: Encoding = Encoding.HEX
    prefix: str = ""
    many: bool = False
    encoded_secret: bool = False


STANDARD: Final = Scheme(
    signature="webhook-signature",
    timestamp="webhook-timestamp",
    delivery_id="webhook-id",
    before_body="{id}.{timestamp}.",
    encoding=Encoding.BASE64,
    prefix="v1,",
    many=True,
    encoded_secret=True,
)
"""Standard Webhooks 1.0 (symmetric)."""

COUPA: Final = Scheme(
    signature="x-coupa-signature",
    timestamp="x-coupa-timestamp",
    delivery_id="x-coupa-delivery-id",
    before_body="{timestamp}.",
)
"""As the procurement service signs: hex HMAC-SHA256 over timestamp, a dot, and the body."""


def key_of(secret: str, scheme: Scheme) -> bytes:
    """The key that a secret stands for.

    Raises:
        ValueError: if the scheme wants base64, and it is none. The message does not hold it.
    """
    if not scheme.encoded_secret:
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("the secret is no base64 text, which this scheme wants: whsec_<base64>")
    return key


class Signed(Struct, frozen=True):
    """What the headers of a delivery say of itself.

    Attributes:
        delivery_id: Its id, if the scheme has one.
        sent_at: When it was sent, if the scheme tells.
    """

    delivery_id: str | None
    sent_at: datetime | None


class Check:
    """The check of one delivery, whose body comes in pieces.

    Args:
        scheme: How it is signed.
        keys: Keys in use, of which one must fit.
        headers: Of the delivery, with names in lower case.
        now: The time now, with its zone.
        tolerance_s: How many seconds the time of sending may lie before or after that.

    Raises:
        SignatureError: if a header is missing, or it is too old, before any of the body is read.
    """

    def __init__(
        self,
        scheme: Scheme,
        keys: Sequence[bytes],
        headers: Mapping[str, str],
        *,
        now: datetime,
        tolerance_s: float = TOLERANCE_S,
    ) -> None:
        self._given = _signatures(scheme, headers)
        name = _header(headers, scheme.delivery_id)
        stamp = _header(headers, scheme.timestamp)
        sent_at = None if stamp is None else _moment(stamp)
        if sent_at is not None and abs((now - sent_at).total_seconds()) > tolerance_s:
            raise SignatureError(Refusal.STALE)
        self.signed = Signed(name, sent_at)
        before = scheme.before_body.replace("{id}", name or "").replace("{timestamp}", stamp or "")
        self._sums: list[Any] = [
            hmac.new(key, before.encode(), getattr(hashlib, scheme.algorithm)) for key in keys
        ]

    def update(self, piece: bytes) -> None:
        """A further piece of the body has come."""
        for one in self._sums:
            one.update(piece)

    def finish(self) -> Signed:
        """The body has come whole.

        Raises:
            SignatureError: if no key fits.
        """
        fits = False
        for one in self._sums:
            digest = one.digest()
            for given in self._given:  # all of them, whichever fits: the time tells nothing
                fits |= hmac.compare_digest(digest, given)
        if not fits:
            raise SignatureError(Refusal.FORGED)
        return self.signed


def _header(headers: Mapping[str, str], name: str | None) -> str | None:
    """A header that the scheme has, which must then be there."""
    if name is None:
        return None
    value = headers.get(name)
    if not value or len(value) > _LONGEST_TEXT:
        raise SignatureError(Refusal.UNSIGNED)
    return value


def _signatures(scheme: Scheme, headers: Mapping[str, str]) -> list[bytes]:
    text = headers.get(scheme.signature, "")
    parts = text.split() if scheme.many else [text.strip()]
    found = [
        raw
        for part in parts[:_MOST_SIGNATURES]
        if part.startswith(scheme.prefix)
        and (raw := _decoded(part.removeprefix(scheme.prefix), scheme.encoding))
    ]
    if not found:
        raise SignatureError(Refusal.UNSIGNED)
    return found


def _decoded(text: str, encoding: Encoding) -> bytes:
    try:
        if encoding is Encoding.HEX:
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _moment(text: str) -> datetime:
    """Seconds or milliseconds since 1970, or ISO 8601 with its zone."""
    try:
        if text.isascii() and text.isdigit():
            number = int(text)
            seconds = number / 1_000 if number >= _MILLISECONDS_FROM else number
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise SignatureError(Refusal.UNSIGNED) from None
    if found.tzinfo is None:
        raise SignatureError(Refusal.UNSIGNED)
    return found
