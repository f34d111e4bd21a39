"""Counts calls in Redis, by its clock alone, so that processes with wrong clocks still agree.

Each account has three keys in one hash slot: `bucket` (hash: tokens left, and when; calls of the
day; when all cost that was spent will have come back), `slots` (sorted set: leases by the time they
end) and `pause` (exists while it lasts). One script looks at all of them and takes all or nothing;
what a call has cost is charged by another one, where cost is counted.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from runtime.limits.rules import Grant, Limit, Rules
from runtime.limits.scripts import RedisPort, Script, asked

_TAKE: Final = Script("""
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local rate, burst, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local per_day, lease_ms, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local cost_rate, cost_burst = tonumber(ARGV[7]), tonumber(ARGV[8])

local pause = redis.call('PTTL', KEYS[3])
if pause > 0 then return {'retry_after', pause} end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= slots then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return {'max_concurrency', math.ceil(first[2] - now)}
end

local held = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'day', 'used', 'paid_at')
local day = math.floor(now / 86400000)
local used = tonumber(held[3]) == day and tonumber(held[4]) or 0
if per_day > 0 and used >= per_day then
  return {'per_day', math.ceil((day + 1) * 86400000 - now)}
end

local tokens = tonumber(held[1]) or burst
local since = math.max(0, now - (tonumber(held[2]) or now))
tokens = math.min(burst, tokens + since * rate / 1000)
if tokens < 1 then return {'rate_per_s', math.ceil((1 - tokens) * 1000 / rate)} end

local paid_at = math.max(now, tonumber(held[5]) or 0)
if cost_rate > 0 then
  local each = 1000 / cost_rate
  local free = cost_burst - (paid_at - now) / each
  if free < 1 then return {'cost_per_s', math.ceil((1 - free) * each)} end
  paid_at = paid_at + each
  redis.call('HSET', KEYS[1], 'paid_at', string.format('%.17g', paid_at))
end

redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - 1),
  'at', string.format('%.3f', now), 'day', day, 'used', used + 1)
local rest = math.ceil(math.max(burst * 1000 / rate, paid_at - now)) + 1000
if per_day > 0 then rest = math.max(rest, 86400000) end
redis.call('PEXPIRE', KEYS[1], rest)
redis.call('ZADD', KEYS[2], string.format('%.3f', now + lease_ms), lease)
redis.call('PEXPIRE', KEYS[2], math.max(lease_ms, redis.call('PTTL', KEYS[2])) + 1000)
return {'', 0}
""")

_CHARGE: Final = Script("""
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local paid_at = math.max(now, tonumber(redis.call('HGET', KEYS[1], 'paid_at')) or 0)
paid_at = paid_at + tonumber(ARGV[2]) * 1000 / tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'paid_at', string.format('%.17g', paid_at))
local rest = math.ceil(paid_at - now) + 1000
redis.call('PEXPIRE', KEYS[1], math.max(rest, redis.call('PTTL', KEYS[1])))
return 1
""")

_PAUSE: Final = Script("""
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 1
""")


class RedisLimits:
    """The shared counter on Redis or Valkey (single, Sentinel or Cluster)."""

    def __init__(self, redis: RedisPort, *, prefix: str = "sg:limits:") -> None:
        self._redis = redis
        self._prefix = prefix

    async def take(self, account: str, rules: Rules, lease: str) -> Grant:
        """Take a slot and a token under the name of a lease."""
        keys = [self._key(account, part) for part in ("bucket", "slots", "pause")]
        args: list[str | float] = [
            rules.rate_per_s,
            rules.burst,
            rules.slots,
            rules.per_day or 0,
            max(1, round(rules.lease_s * 1000)),
            lease,
            rules.cost_per_s or 0,
            rules.cost_burst,
        ]
        answer: Sequence[Any] = await self._ask(_TAKE.call(keys, args))
        name = answer[0].decode() if isinstance(answer[0], bytes) else str(answer[0])
        if not name:
            return Grant()
        limit = Limit(name)
        # A slot may be returned at any time; time alone brings the others back.
        return Grant(limit, int(answer[1]) / 1000, limit is not Limit.CONCURRENCY)

    async def give_back(self, account: str, lease: str) -> None:
        """Return a slot."""
        await self._ask(lambda client: client.zrem(self._key(account, "slots"), lease))

    async def charge(self, account: str, rules: Rules, units: int) -> None:
        """Spend units of cost, whether there are that many or not."""
        if rules.cost_per_s is not None:
            args: list[str | float] = [rules.cost_per_s, units]
            await self._ask(_CHARGE.call([self._key(account, "bucket")], args))

    async def pause(self, account: str, seconds: float) -> None:
        """Let nobody call for a while."""
        milliseconds = max(1, round(seconds * 1000))
        await self._ask(_PAUSE.call([self._key(account, "pause")], [milliseconds]))

    def _key(self, account: str, part: str) -> str:
        return f"{self._prefix}{{{account}}}:{part}"

    async def _ask(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return await asked(self._redis, work)
