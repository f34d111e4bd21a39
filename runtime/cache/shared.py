"""The layer in Redis.

    sg:{version}:e:{key}   an entry, with a finite time to live
    sg:{version}:c:{key}   a claim: the token of who refreshes it
    sg:{version}:t:{key}   when the key last changed, for as long as an answer made of it may live
    sg:{version}:drop      channel: [origin, [key, ...]], keys that other processes must forget

Reading is one round trip for all keys; writing and claiming are one for each thousand, so that each
fits into the operation's timeout.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from runtime.cache.changes import LONGEST_ANSWER_S
from runtime.cache.commands import Claimed, Written, commands_of
from runtime.cache.connection import RedisHandle
from runtime.cache.entries import HEAD_SIZE

T = TypeVar("T")

_MOMENT: Final = struct.Struct(">d")
_CHUNK: Final = 1_000
_CHUNK_BYTES: Final = 2 * 1024 * 1024


class SharedEntries:
    """Entries and claims in Redis, under one version's prefix."""

    def __init__(self, redis: RedisHandle, version: str) -> None:
        self._redis = redis
        self._prefix = f"sg:{version}:"
        self.channel = f"{self._prefix}drop"

    async def read(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Encoded entries, as many and in the order of the keys; None if Redis cannot be asked."""
        return await self._read([self._entry(key) for key in keys])

    async def write(
        self, entries: Sequence[tuple[str, bytes, float]], tokens: Mapping[str, bytes]
    ) -> bool:
        """Store (key, data, ttl in seconds), let go of claims on them; tell whether all is done."""
        for chunk in _chunks(entries, lambda entry: len(entry[1])):
            values = [(self._entry(key), data, _milliseconds(ttl)) for key, data, ttl in chunk]
            claims = {self._claim(key): tokens[key] for key, _, _ in chunk if key in tokens}
            if not await self._write(values, claims):
                return False
        return True

    async def bury(
        self, keys: Sequence[str], message: bytes, moment: float, *, delete: bool
    ) -> bool:
        """Note that keys have changed, tell the other processes; tell whether all is done.

        Args:
            keys: What changed.
            message: What the other processes hear.
            moment: When, in epoch seconds.
            delete: Whether the entries are removed too.
        """
        at = _MOMENT.pack(moment)
        for chunk in _chunks(keys):
            tombs = [(self._tomb(key), at, _milliseconds(LONGEST_ANSWER_S)) for key in chunk]
            gone = [self._entry(key) for key in chunk] if delete else []
            if not await self._bury(tombs, gone):
                return False
        heard = await self._redis.run(
            lambda client: client.publish(self.channel, message), otherwise=None
        )
        return heard is not None

    async def last_changes(self, keys: Sequence[str]) -> list[float] | None:
        """When keys changed, for those that did lately; None if Redis cannot be asked."""
        told = await self._read([self._tomb(key) for key in keys]) if keys else []
        if told is None:
            return None
        found = [data for data in told if data is not None]
        # What is not of our making counts as a change of just now.
        return [
            _MOMENT.unpack(data)[0] if len(data) == _MOMENT.size else math.inf for data in found
        ]

    async def claim(self, keys: Sequence[str], token: bytes, ttl_s: float) -> list[Claimed] | None:
        """For each key: whether the claim is ours now, and the head of the entry, empty if none."""
        answers: list[Claimed] = []
        for chunk in _chunks(keys):
            names = [(self._claim(key), self._entry(key)) for key in chunk]
            found = await self._claim_all(names, token, _milliseconds(ttl_s))
            if found is None:
                return None
            answers += found
        return answers

    async def release(self, tokens: Mapping[str, bytes]) -> None:
        """Let go of claims that still carry our token."""
        for chunk in _chunks(list(tokens)):
            await self._write((), {self._claim(key): tokens[key] for key in chunk})

    async def claimed(self, keys: Sequence[str]) -> list[str] | None:
        """Those of the keys that somebody holds a claim on; None if Redis cannot be asked."""
        tokens = await self._read([self._claim(key) for key in keys])
        if tokens is None:
            return None
        return [key for key, token in zip(keys, tokens, strict=True) if token is not None]

    async def _read(self, names: Sequence[str]) -> list[bytes | None] | None:
        return await self._redis.run(lambda client: commands_of(client).read(names), otherwise=None)

    async def _write(self, values: Sequence[Written], claims: Mapping[str, bytes]) -> bool:
        return await self._redis.run(
            lambda client: commands_of(client).write(values, claims), otherwise=False
        )

    async def _bury(self, tombs: Sequence[Written], gone: Sequence[str]) -> bool:
        return await self._redis.run(
            lambda client: commands_of(client).bury(tombs, gone), otherwise=False
        )

    async def _claim_all(
        self, names: Sequence[tuple[str, str]], token: bytes, ttl_ms: int
    ) -> list[Claimed] | None:
        return await self._redis.run(
            lambda client: commands_of(client).claim(names, token, ttl_ms, HEAD_SIZE),
            otherwise=None,
        )

    def _entry(self, key: str) -> str:
        return f"{self._prefix}e:{key}"

    def _claim(self, key: str) -> str:
        return f"{self._prefix}c:{key}"

    def _tomb(self, key: str) -> str:
        return f"{self._prefix}t:{key}"


def _chunks(items: Sequence[T], size_of: Callable[[T], int] = lambda _: 0) -> Iterator[Sequence[T]]:
    """Split by count and bytes, whichever comes first. An item larger than that comes alone."""
    begin = size = 0
    for i, item in enumerate(items):
        size += size_of(item)
        if i > begin and (i - begin == _CHUNK or size > _CHUNK_BYTES):
            yield items[begin:i]
            begin, size = i, size_of(item)
    if begin < len(items):
        yield items[begin:]


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
