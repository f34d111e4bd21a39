"""WebSocket frames as a server sends them (RFC 6455, section 5.2): unmasked, hence quick to make.

A result that goes to many sockets is the same bytes for all: what differs is the few bytes before.
"""

from typing import Final

_TEXT: Final = b"\x81"
_SHORT: Final = 126
_MIDDLE: Final = 65_536


def head(length: int) -> bytes:
    """What stands before the bytes of a text message that is sent in one frame."""
    if length < _SHORT:
        return _TEXT + length.to_bytes(1, "big")
    if length < _MIDDLE:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


def text(message: bytes) -> bytes:
    """A text message in one frame."""
    return head(len(message)) + message
