"""Answers in Redis.

    sg:{version}.{schema}:a:{name}
        MessagePack: [form, made_at, good_until, oldest_at, slots, is it gzip?, body,
            exported]

What is long is compressed. Each has a finite time to live. Bytes that are not of this form count as
no answer.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from runtime.cache.connection import RedisHandle
from runtime.cache.kept import AnswerKey, KeptAnswer, unpacked

_FORM: Final = 2
_LARGE: Final = 64 * 1024


class _Stored(Struct, frozen=True, array_like=True):
    form: int
    made_at: float
    good_until: float
    oldest_at: float
    slots: bytes
    is_gzipped: bool
    body: bytes
    exported: dict[str, int] = {}


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(_Stored)
_slots: Final = msgspec.msgpack.Decoder(list[str])


class SharedAnswers:
    """Answers of one version."""

    def __init__(self, redis: RedisHandle, version: str) -> None:
        self._redis = redis
        self._version = version
        self._prefix = f"sg:{version}:a:"

    def of_schema(self, text: str) -> None:
        """Tell answers of this schema apart from those of others."""
        digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        self._prefix = f"sg:{self._version}.{digest}:a:"

    async def read(self, key: AnswerKey) -> KeptAnswer | None:
        """The answer that is kept; None too if Redis cannot be asked."""
        name = self._prefix + key.name
        data: Any = await self._redis.run(lambda client: client.get(name), otherwise=None)
        if data is None:
            return None
        if len(data) < _LARGE:
            return _decode(data)
        return await asyncio.to_thread(_decode, data)

    async def write(self, key: AnswerKey, answer: KeptAnswer, ttl_s: float) -> None:
        """Keep an answer for a while. Trouble with Redis is nobody's trouble."""
        name, ttl_ms = self._prefix + key.name, max(1, int(ttl_s * 1000))
        data = _stored(answer)
        await self._redis.run(lambda client: client.set(name, data, px=ttl_ms), otherwise=None)

    async def remove(self, keys: Iterable[AnswerKey]) -> None:
        """Forget answers."""
        names = [self._prefix + key.name for key in keys]
        await self._redis.run(lambda client: client.unlink(*names), otherwise=None)


def _stored(answer: KeptAnswer) -> bytes:
    body = answer.body if answer.gzipped is None else answer.gzipped
    return _encode(
        _Stored(
            _FORM,
            answer.made_at,
            answer.good_until,
            answer.oldest_at,
            zlib.compress(_encode(sorted(answer.slots)), 1),
            answer.gzipped is not None,
            body,
            dict(answer.exported),
        )
    )


def _decode(data: bytes) -> KeptAnswer | None:
    try:
        stored = _decoder.decode(data)
        if stored.form != _FORM:
            return None
        slots = frozenset(_slots.decode(zlib.decompress(stored.slots)))
        body = unpacked(stored.body) if stored.is_gzipped else stored.body
    except (msgspec.MsgspecError, UnicodeDecodeError, zlib.error):
        return None
    return KeptAnswer(
        body,
        stored.made_at,
        stored.good_until,
        stored.oldest_at,
        slots,
        stored.body if stored.is_gzipped else None,
        stored.exported,
    )
