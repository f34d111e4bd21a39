"""Counts on their way to the store: added up in Redis by all processes, taken by one of them.

    sg:usage:{name}:counts    hash: [day, operation, client, version] -> count
    sg:usage:{name}:shapes    hash: operation -> [name, kind, coordinates]
    sg:usage:{name}:taken...  the same while they are written to the store, under a batch's name

A batch has a name, so that adding it twice, or writing it twice, counts once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from runtime.cache.connection import RedisHandle

_DAY_S: Final = 86_400
_REMEMBERED_S: Final = 3_600
_DOWN: Final = object()
_ADD: Final = """
if not redis.call('set', KEYS[3], '1', 'nx', 'ex', ARGV[2]) then return 0 end
local n = tonumber(ARGV[3])
for i = 0, n - 1 do redis.call('hincrby', KEYS[1], ARGV[4 + 2 * i], ARGV[5 + 2 * i]) end
for i = 4 + 2 * n, #ARGV, 2 do redis.call('hsetnx', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('expire', KEYS[1], ARGV[1])
if #ARGV >= 4 + 2 * n then redis.call('expire', KEYS[2], ARGV[1]) end
return 1
"""
_TAKE: Final = """
local batch = redis.call('get', KEYS[5])
if not batch then
  if redis.call('exists', KEYS[1]) == 0 then return {} end
  batch = ARGV[1]
  redis.call('set', KEYS[5], batch)
  redis.call('rename', KEYS[1], KEYS[3])
  if redis.call('exists', KEYS[2]) == 1 then redis.call('rename', KEYS[2], KEYS[4]) end
end
return {batch, redis.call('hgetall', KEYS[3]), redis.call('hgetall', KEYS[4])}
"""
_DROP: Final = """
if redis.call('get', KEYS[3]) == ARGV[1] then redis.call('del', KEYS[1], KEYS[2], KEYS[3]) end
return 1
"""


class Counted(Struct, frozen=True, array_like=True):
    """What is counted.

    Attributes:
        day: The day, as ISO 8601.
        operation: The operation's digest; empty where it could not be told apart.
        client: The client's name.
        version: The client's version.
    """

    day: str
    operation: str
    client: str
    version: str


class Described(Struct, frozen=True, array_like=True):
    """What an operation is.

    Attributes:
        name: Its name.
        kind: query, mutation or subscription.
        coordinates: What it asks for.
    """

    name: str
    kind: str
    coordinates: tuple[str, ...]


class Batch(Struct, frozen=True):
    """Counts that are added together.

    Attributes:
        name: Names them, so that they count once.
        counts: How often.
        shapes: What the operations in them are, by digest.
    """

    name: str
    counts: Mapping[Counted, int]
    shapes: Mapping[str, Described]


class SharedUsage:
    """The counts of all processes with one store.

    Args:
        redis: Where they are added up.
        name: Names the store.
    """

    def __init__(self, redis: RedisHandle, name: str) -> None:
        self._redis = redis
        self._prefix = f"sg:usage:{{{name}}}:"

    async def add(self, batch: Batch) -> bool:
        """Add counts. False if Redis cannot be asked: add the same batch again, later."""
        keys = self._keys("counts", "shapes", f"batch:{batch.name}")
        args: list[Any] = [30 * _DAY_S, _REMEMBERED_S, len(batch.counts)]
        for counted, count in batch.counts.items():
            args += (msgspec.json.encode(counted), count)
        for operation, described in batch.shapes.items():
            args += (operation, msgspec.json.encode(described))
        return await self._eval(_ADD, keys, args) is not _DOWN

    async def take(self, name: str) -> Batch | None:
        """What was added up since the last batch was dropped, under a name.

        Returns:
            The batch that was taken before and not dropped, under its own name; else a new one;
            None if there is nothing, or Redis cannot be asked.
        """
        keys = self._keys("counts", "shapes", "taken:counts", "taken:shapes", "taken")
        found = await self._eval(_TAKE, keys, [name])
        if found is _DOWN or not found:
            return None
        taken, counts, shapes = found
        return Batch(
            taken.decode(),
            {_counted.decode(key): int(count) for key, count in _pairs(counts)},
            {key.decode(): _described.decode(shape) for key, shape in _pairs(shapes)},
        )

    async def drop(self, batch: Batch) -> None:
        """Forget a batch that was taken, once it is in the store."""
        keys = self._keys("taken:counts", "taken:shapes", "taken")
        await self._eval(_DROP, keys, [batch.name])

    def _keys(self, *names: str) -> list[str]:
        return [self._prefix + name for name in names]

    async def _eval(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        async def work(client: Any) -> Any:
            return await client.eval(script, len(keys), *keys, *args)

        return await self._redis.run(work, _DOWN)


_counted: Final = msgspec.json.Decoder(Counted)
_described: Final = msgspec.json.Decoder(Described)


def _pairs(found: Any) -> list[tuple[bytes, bytes]]:
    """A hash as a script returns it."""
    if isinstance(found, Mapping):
        return list(found.items())
    return list(zip(found[::2], found[1::2], strict=True))
