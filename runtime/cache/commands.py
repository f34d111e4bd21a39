"""What the record cache asks of Redis, for many keys in one round trip.

One server does it in one command, by a script where no command takes many keys: packing a command
for each key costs this process some 20 us. The keys of a cluster lie in many slots, so there it is
a pipeline for each node.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

from redis.asyncio import Redis, RedisCluster
from typing_extensions import override

from runtime.cache.urls import Client

Written = tuple[str, bytes, int]
"""Name, value, milliseconds to live."""

Claimed = tuple[bool, bytes]
"""Whether the claim is ours now, and the first bytes of the entry, none or zeros without one."""


class Commands(Protocol):
    """The commands on full names."""

    async def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Values, as many and in the order of the names."""

    async def write(self, values: Sequence[Written], claims: Mapping[str, bytes]) -> bool:
        """Store values; then remove claims that still hold their token. True when it is done."""

    async def bury(self, tombs: Sequence[Written], gone: Sequence[str]) -> bool:
        """Store values, all alike, and remove names. True when it is done."""

    async def claim(
        self, names: Sequence[tuple[str, str]], token: bytes, ttl_ms: int, head: int
    ) -> list[Claimed]:
        """Claim where nobody did; names are (claim, entry), `head` is how many bytes to return."""


def commands_of(client: Client) -> Commands:
    """The commands for a kind of client."""
    return ClusterCommands(client) if isinstance(client, RedisCluster) else SingleCommands(client)


# A claim that has run out may be another's by now, so it is compared before it is removed.
_RELEASE: Final = (
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0"
)
_WRITE: Final = """
local n = tonumber(ARGV[1])
for i = 1, n do redis.call('set', KEYS[i], ARGV[2 * i], 'px', ARGV[2 * i + 1]) end
for i = n + 1, #KEYS do
  if redis.call('get', KEYS[i]) == ARGV[n + 1 + i] then redis.call('del', KEYS[i]) end
end
return n
"""
_BURY: Final = """
local n = tonumber(ARGV[1])
for i = 1, n do redis.call('set', KEYS[i], ARGV[2], 'px', ARGV[3]) end
for i = n + 1, #KEYS do redis.call('unlink', KEYS[i]) end
return n
"""
_CLAIM: Final = """
local n, found, size = #KEYS / 2, {}, tonumber(ARGV[3])
for i = 1, n do
  local won = redis.call('set', KEYS[i], ARGV[1], 'nx', 'px', ARGV[2])
  local head = redis.pcall('getrange', KEYS[n + i], 0, size - 1)
  if type(head) ~= 'string' or #head < size then head = string.rep('\\0', size) end
  found[i] = (won and '1' or '0') .. head
end
return table.concat(found)
"""


class SingleCommands(Commands):
    """One server, or the one that Sentinels name."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    @override
    async def read(self, names: Sequence[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", await self._client.mget(names))

    @override
    async def write(self, values: Sequence[Written], claims: Mapping[str, bytes]) -> bool:
        names = [*(name for name, _, _ in values), *claims]
        rest = [part for _, value, ttl_ms in values for part in (value, ttl_ms)]
        await self._eval(_WRITE, names, len(values), *rest, *claims.values())
        return True

    @override
    async def bury(self, tombs: Sequence[Written], gone: Sequence[str]) -> bool:
        names = [*(name for name, _, _ in tombs), *gone]
        _, value, ttl_ms = tombs[0]
        await self._eval(_BURY, names, len(tombs), value, ttl_ms)
        return True

    @override
    async def claim(
        self, names: Sequence[tuple[str, str]], token: bytes, ttl_ms: int, head: int
    ) -> list[Claimed]:
        both = [*(claim for claim, _ in names), *(entry for _, entry in names)]
        told: bytes = await self._eval(_CLAIM, both, token, ttl_ms, head)
        steps = range(0, len(told), head + 1)
        return [(told[i : i + 1] == b"1", told[i + 1 : i + 1 + head]) for i in steps]

    async def _eval(self, script: str, names: Sequence[str], *args: bytes | int) -> Any:
        return await self._client.eval(script, len(names), *names, *args)


class ClusterCommands(Commands):
    """A cluster."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    @override
    async def read(self, names: Sequence[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", await self._client.mget_nonatomic(list(names)))

    @override
    async def write(self, values: Sequence[Written], claims: Mapping[str, bytes]) -> bool:
        pipeline: Any = self._client.pipeline()
        for name, value, ttl_ms in values:
            pipeline.set(name, value, px=ttl_ms)
        for name, token in claims.items():
            pipeline.eval(_RELEASE, 1, name, token)
        await pipeline.execute()
        return True

    @override
    async def bury(self, tombs: Sequence[Written], gone: Sequence[str]) -> bool:
        pipeline: Any = self._client.pipeline()
        for name, value, ttl_ms in tombs:
            pipeline.set(name, value, px=ttl_ms)
        for name in gone:
            pipeline.execute_command("UNLINK", name)  # its unlink() does not queue
        await pipeline.execute()
        return True

    @override
    async def claim(
        self, names: Sequence[tuple[str, str]], token: bytes, ttl_ms: int, head: int
    ) -> list[Claimed]:
        pipeline: Any = self._client.pipeline()
        for claim, entry in names:
            pipeline.set(claim, token, nx=True, px=ttl_ms)
            pipeline.getrange(entry, 0, head - 1)
        answers = await pipeline.execute()
        return [(bool(won), found) for won, found in zip(answers[::2], answers[1::2], strict=True)]
