"""API keys as machines hold them: `sg_<id>_<secret><checksum>`.

    id        12 letters and digits: names the key in lists and logs; no secret
    secret    43 letters and digits: 256 random bits
    checksum  6 letters and digits: CRC-32 of all before it

The checksum lets a key that was cut off or mistyped be told so before anything is looked up, and
scanners of repositories know a key for sure. It keeps nobody out who makes one.

What is kept of a key is its SHA-256. A slow hash (Argon2, bcrypt) makes guessing of passwords dear;
256 random bits are beyond all guessing, and a slow hash would only let strangers make us work.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from canonical.errors import UnauthenticatedError

PREFIX: Final = "sg_"
RandomBytes = Callable[[int], bytes]
"""So many random bytes, as `secrets.token_bytes` makes them."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID, _SECRET, _CHECKSUM = 12, 43, 6
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(
    rf"sg_([0-9A-Za-z]{{{_ID}}})_[0-9A-Za-z]{{{_SECRET}}}([0-9A-Za-z]{{{_CHECKSUM}}})"
)


class PresentedKey(Struct, frozen=True):
    """A key as somebody presents it: well formed, be there one of this id or not."""

    key_id: str
    digest: bytes


def new_key(random: RandomBytes) -> str:
    """A key that nobody else has."""
    secret = int.from_bytes(random(_SECRET_BYTES), "big")
    name = int.from_bytes(random(_SECRET_BYTES), "big") % len(_DIGITS) ** _ID
    body = f"{PREFIX}{_text(name, _ID)}_{_text(secret, _SECRET)}"
    return body + _checksum(body)


def presented(text: str) -> PresentedKey:
    """Read a key.

    Raises:
        UnauthenticatedError: if it is none; nothing need be looked up then.
    """
    match = _FORM.fullmatch(text)
    if match is None or match[2] != _checksum(text[:-_CHECKSUM]):
        raise UnauthenticatedError(
            "the API key is malformed: it is `sg_`, 12 characters, `_` and 49 more, as it was shown"
        )
    return PresentedKey(match[1], hashlib.sha256(text.encode("ascii")).digest())


def is_same(digest: bytes, other: bytes) -> bool:
    """Compare digests in a time that says nothing about them."""
    return hmac.compare_digest(digest, other)


def _checksum(body: str) -> str:
    return _text(zlib.crc32(body.encode("ascii")), _CHECKSUM)


def _text(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
