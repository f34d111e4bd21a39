"""The layer in Redis: each method is one round trip (in a cluster: one for each node).

sg:{version}:e:{key}   an entry, with a finite time to live
sg:{version}:c:{key}   a claim: the token of who refreshes it
sg:{version}:drop      channel: [origin, [key, ...]], keys that other processes must forget
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from redis.asyncio import RedisCluster

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import HEAD_SIZE
from runtime.cache.urls import Client

# Compare and delete: a claim that has run out may be another's by now.
_RELEASE: Final = (
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0"
)


class SharedEntries:
    """Entries and claims in Redis, under one version's prefix."""

    def __init__(self, redis: RedisHandle, version: str) -> None:
        self._redis = redis
        self._prefix = f"sg:{version}:"
        self.channel = f"{self._prefix}drop"

    async def read(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Encoded entries, as many and in the order of the keys; None if Redis cannot be asked."""
        return await self._mget([self._entry(key) for key in keys])

    async def write(
        self, entries: Sequence[tuple[str, bytes, float]], tokens: Mapping[str, bytes]
    ) -> bool:
        """Store (key, data, ttl in seconds), then let go of claims; tell whether it was done."""

        async def work(client: Client) -> bool:
            pipeline = _pipeline(client)
            for key, data, ttl_s in entries:
                pipeline.set(self._entry(key), data, px=_milliseconds(ttl_s))
            for key, token in tokens.items():
                pipeline.eval(_RELEASE, 1, self._claim(key), token)
            await pipeline.execute()
            return True

        return await self._redis.run(work, otherwise=False)

    async def delete(self, keys: Sequence[str], message: bytes) -> bool:
        """Remove entries, then tell the other processes; tell whether it was done."""

        async def work(client: Client) -> bool:
            pipeline = _pipeline(client)
            for key in keys:
                # A cluster's pipeline has no unlink() that queues.
                pipeline.execute_command("UNLINK", self._entry(key))
            await pipeline.execute()
            await client.publish(self.channel, message)
            return True

        return await self._redis.run(work, otherwise=False)

    async def claim(
        self, keys: Sequence[str], token: bytes, ttl_s: float
    ) -> list[tuple[bool, bytes]] | None:
        """For each key: whether the claim is ours now, and the head of the entry, empty if none."""

        async def work(client: Client) -> list[tuple[bool, bytes]]:
            pipeline = _pipeline(client)
            for key in keys:
                pipeline.set(self._claim(key), token, nx=True, px=_milliseconds(ttl_s))
                pipeline.getrange(self._entry(key), 0, HEAD_SIZE - 1)
            answers = await pipeline.execute()
            return [
                (bool(won), head) for won, head in zip(answers[::2], answers[1::2], strict=True)
            ]

        return await self._redis.run(work, otherwise=None)

    async def release(self, tokens: Mapping[str, bytes]) -> None:
        """Let go of claims that still carry our token."""
        await self.write((), tokens)

    async def claimed(self, keys: Sequence[str]) -> list[str] | None:
        """Those of the keys that somebody holds a claim on; None if Redis cannot be asked."""
        tokens = await self._mget([self._claim(key) for key in keys])
        if tokens is None:
            return None
        return [key for key, token in zip(keys, tokens, strict=True) if token is not None]

    async def _mget(self, names: Sequence[str]) -> list[bytes | None] | None:
        async def work(client: Client) -> list[bytes | None]:
            if isinstance(client, RedisCluster):
                found: Any = await client.mget_nonatomic(list(names))
            else:
                found = await client.mget(names)
            return cast("list[bytes | None]", found)

        return await self._redis.run(work, otherwise=None)

    def _entry(self, key: str) -> str:
        return f"{self._prefix}e:{key}"

    def _claim(self, key: str) -> str:
        return f"{self._prefix}c:{key}"


def _pipeline(client: Client) -> Any:
    if isinstance(client, RedisCluster):
        return client.pipeline()
    return client.pipeline(transaction=False)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
