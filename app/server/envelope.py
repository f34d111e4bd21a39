"""The response around an operation's data, put together from bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

encode: Final = msgspec.json.Encoder().encode
"""JSON bytes of what is told besides the data."""


def enveloped(data: bytes | None, errors: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """A response with its data, unless there is none, and its errors, if there are any."""
    parts = []
    if data is not None:
        parts += [b'"data":', data]
    if errors:
        parts += [b',"errors":' if parts else b'"errors":', encode(errors)]
    return b"".join((b"{", *parts, b"}"))


def extended(response: bytes, extensions: Mapping[str, Any]) -> bytes:
    """A response that is not empty, with extensions."""
    return b"".join((response[:-1], b',"extensions":', encode(extensions), b"}"))
