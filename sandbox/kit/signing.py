"""Signatures of what a simulator sends, in the two ways that a receiver may want.

    standard  webhook-id, webhook-timestamp, webhook-signature: v1,<base64 of HMAC-SHA256>
              over `id.timestamp.body`; the key is what follows `whsec_`, read as base64
    coupa     x-coupa-delivery-id, x-coupa-timestamp, x-coupa-signature: <hex of HMAC-SHA256>
              over `timestamp.body`; the key is the secret's text as it stands

Times are seconds since 1970.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

Scheme = Literal["standard", "coupa"]

_PREFIX = "whsec_"


def signed_headers(
    scheme: Scheme, secret: str, delivery_id: str, timestamp: int, body: Iterable[bytes]
) -> dict[str, str]:
    """The headers that sign a body, which is read piece by piece.

    Raises:
        ValueError: the secret is not what the scheme wants; the message does not hold it.
    """
    stamp = str(timestamp)
    if scheme == "coupa":
        digest = _digest(secret.encode(), f"{stamp}.", body)
        return {
            "x-coupa-delivery-id": delivery_id,
            "x-coupa-timestamp": stamp,
            "x-coupa-signature": digest.hex(),
        }
    digest = _digest(_standard_key(secret), f"{delivery_id}.{stamp}.", body)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def check_secret(scheme: Scheme, secret: str) -> None:
    """Tell whether a secret can be used.

    Raises:
        ValueError: it cannot.
    """
    signed_headers(scheme, secret, "", 0, ())


def traceparent(delivery_id: str) -> str:
    """A W3C trace context that follows from the delivery's id."""
    digest = hashlib.sha256(delivery_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def _standard_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not key:
        raise ValueError("the secret must be whsec_ and then base64")
    return key


def _digest(key: bytes, before: str, body: Iterable[bytes]) -> bytes:
    code = hmac.new(key, before.encode(), hashlib.sha256)
    for piece in body:
        code.update(piece)
    return code.digest()
