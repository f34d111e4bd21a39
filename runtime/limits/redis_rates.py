"""Accounts in Redis: one key each, one script call for each lot, Redis's clock alone."""

from typing import Final

from runtime.limits.rates import Rate, Taken
from runtime.limits.scripts import RedisPort, Script, asked

_US: Final = 1_000_000

_TAKE: Final = Script("""
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local each, burst = 1000000 / tonumber(ARGV[1]), tonumber(ARGV[2])
local least, most = tonumber(ARGV[3]), tonumber(ARGV[4])

local tat = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local free = burst - (tat - now) / each
if free < least then
  return {0, math.max(0, math.floor(free)), math.ceil((least - free) * each), now}
end

local granted = math.max(least, math.min(most, math.floor(free)))
tat = math.max(now, tat + granted * each)
redis.call('SET', KEYS[1], string.format('%.17g', tat), 'PX', math.ceil((tat - now) / 1000) + 1000)
return {granted, math.floor(free - granted), 0, now}
""")


class RedisRates:
    """The shared accounts on Redis or Valkey (single, Sentinel or Cluster)."""

    def __init__(self, redis: RedisPort, *, prefix: str = "sg:rates:") -> None:
        self._redis = redis
        self._prefix = prefix

    async def take(self, account: str, rate: Rate, least: int, most: int) -> Taken:
        """Take as much as there is up to `most`, but nothing if there is less than `least`."""
        args: list[str | float] = [repr(rate.per_s), rate.burst, least, most]
        work = _TAKE.call([self._prefix + account], args)
        granted, left, wait_us, at_us = await asked(self._redis, work)
        return Taken(int(granted), int(left), int(wait_us) / _US, int(at_us))
