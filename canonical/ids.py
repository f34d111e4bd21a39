"""Global ids: opaque to clients, and enough for us to find the record again in one call.

An id is the URL-safe base64, without padding, of a MessagePack list: [form, type name, parts...].
The parts are the natural key, or the system and the key in it.
"""

import base64
import binascii
from typing import Final

import msgspec

from canonical.errors import InvalidInputError

_FORM: Final = 1
_MAX_LENGTH: Final = 2_048
_SHOWN: Final = 60


class GlobalId(msgspec.Struct, frozen=True):
    """What a global id says.

    Attributes:
        type_name: Name of the GraphQL type.
        parts: Natural key, or system and key.
    """

    type_name: str
    parts: tuple[str, ...]

    def encode(self) -> str:
        """The id as clients see it."""
        packed = msgspec.msgpack.encode([_FORM, self.type_name, *self.parts])
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_global_id(text: str) -> GlobalId:
    """Read a global id.

    Raises:
        InvalidInputError: if the text is not an id that this service gave out.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        form, type_name, *parts = msgspec.msgpack.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[int | str, ...]
        )
        if form != _FORM or not parts or not all(isinstance(p, str) for p in (type_name, *parts)):
            raise ValueError
    except (ValueError, binascii.Error, msgspec.DecodeError) as exc:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        msg = f"{shown!r} is not an id of this service: pass an `id` exactly as it was read."
        raise InvalidInputError(msg) from exc
    return GlobalId(str(type_name), tuple(str(p) for p in parts))
