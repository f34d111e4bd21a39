"""The record cache: Redis, shared by all processes, under a small layer within this one.

    get_many -> L1 (this process, decoded) -> one MGET (Redis) -> decoded, missing
    put_many -> L1, and encoded in one round trip (Redis)
    drop     -> L1, Redis, and by pub/sub the L1 of every other process
    changed  -> as drop, for what this process has just put anew: its own entry stays

Whoever keeps something made of entries (whole answers) is told of every change by `on_change`, and
asks `changed_since` about what another process has kept.

Whether an entry is fresh enough is for the caller to judge from `fetched_at`. Without Redis, or
while it is down, all of it works within the process alone.

How long L1 may answer without Redis being asked again, besides the entry's own time to live:

    the invalidation channel is heard      60 s   bounds what a lost message can do
    it is not (Redis down, starting up)     5 s   nobody can tell us what changed elsewhere
    there is no Redis                      no bound: nobody else changes anything
"""

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from runtime.cache.changes import Changes, OnChange, Watch
from runtime.cache.connection import RedisHandle
from runtime.cache.entries import BYTES, FORMAT, Kind, fetched_at, memory_of
from runtime.cache.invalidation import Invalidations
from runtime.cache.local import Held, LocalAges, LocalCache, LocalClaims
from runtime.cache.shared import SharedEntries
from runtime.telemetry import metrics

MAX_TTL_S: Final = 8 * 86_400.0
_CLOCKS_APART_S: Final = 1.0
_MOST_UNDELIVERED: Final = 100_000
_POLLS_S: Final = (0.005, 0.01, 0.02, 0.04, 0.08, 0.1)


class RecordCache:
    """Entries by key, for one process and one event loop.

    Args:
        redis: Where entries are shared; None keeps them within the process. The caller closes it.
        version: Names what the payloads look like; caches of another version are never read.
        l1_bytes: Bound of the memory taken within the process.
        max_ttl_s: Longest time to live that `put_many` accepts.
        ages: How long L1 may answer by itself.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        redis: RedisHandle | None,
        *,
        version: str,
        l1_bytes: int = 64 * 1024 * 1024,
        max_ttl_s: float = MAX_TTL_S,
        ages: LocalAges | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._max_ttl_s = max_ttl_s
        self._ages = ages or LocalAges()
        self._l1 = LocalCache(l1_bytes)
        self._claims = LocalClaims()
        self._tokens: dict[str, bytes] = {}
        self._undelivered: dict[str, None] = {}
        self._reading: dict[tuple[str, ...], asyncio.Future[dict[str, Any] | None]] = {}
        self._changes = Changes()
        self._hits = {"l1": 0, "l2": 0}
        self._misses = 0
        self._shared: SharedEntries | None = None
        self._channel: Invalidations | None = None
        if redis is not None:
            self._shared = SharedEntries(redis, f"{FORMAT}.{version}")
            self._channel = Invalidations(
                redis,
                self._shared.channel,
                on_drop=self._forget,
                on_gap=self._forget_all,
                clock=clock,
            )

    async def get_many(self, keys: Sequence[str], kind: Kind[Any] = BYTES) -> list[Any]:
        """Look keys up: in this process first, then in Redis with one MGET for the rest.

        Args:
            keys: The keys, all of values of one kind.
            kind: Which kind.

        Returns:
            As many values as keys, in their order; None where there is none. Trouble with Redis
            counts as none. While a value lives in this process, the same object is returned.
        """
        found = self._l1.find(keys, self._clock(), self._trusted_since())
        wanted = keys if len(found) == len(keys) else list(dict.fromkeys(keys))
        missing = [key for key in wanted if key not in found] if len(found) < len(wanted) else []
        metrics.cache_looked_up("l1", hits=len(found), misses=len(missing))
        self._hits["l1"] += len(found)
        if missing and self._shared is not None:
            found.update(await self._read_together(missing, kind))
        self._misses += len(wanted) - len(found)
        return list(map(found.get, keys))

    async def put_many(
        self, entries: Sequence[tuple[str, Any, float]], kind: Kind[Any] = BYTES
    ) -> None:
        """Store values here and in Redis, then let go of claims on them.

        Args:
            entries: (key, value, ttl in seconds): freshness plus grace.
            kind: Of which kind the values are.

        Raises:
            ValueError: if a ttl is not positive or exceeds the bound; then nothing is stored.
        """
        for key, _, ttl_s in entries:
            if not 0 < ttl_s <= self._max_ttl_s:
                raise ValueError(
                    f"{key}: a time to live of {ttl_s} s is not within 0 and {self._max_ttl_s} s; "
                    "shorten the freshness or the grace of its entity"
                )
        encoded = self._hold(entries, kind)
        keys = [key for key, _, _ in entries]
        self._claims.release(keys)
        if not entries or self._shared is None:
            return
        self._listen()
        tokens = {key: self._tokens[key] for key in keys if key in self._tokens}
        if encoded and await self._shared.write(encoded, tokens):
            for key in keys:
                self._tokens.pop(key, None)
                self._undelivered.pop(key, None)

    def _hold(
        self, entries: Sequence[tuple[str, Any, float]], kind: Kind[Any]
    ) -> list[tuple[str, bytes, float]]:
        """Hold values here; encoded for Redis too, unless it is known to be down."""
        now, encoded = self._clock(), []
        encode = None if self._redis is None or self._redis.down else kind.encode
        for key, value, ttl_s in entries:
            if encode is None:
                weight = kind.weight(value)
            else:
                data = encode(value, now + ttl_s)
                weight = memory_of(data)
                encoded.append((key, data, ttl_s))
            self._l1.put(key, value, weight=weight, stored_at=now, expires_at=now + ttl_s)
        return encoded

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget keys: here, in Redis and in every other process.

        While Redis is down they are remembered, kept from being read, and dropped when it is back.
        """
        self._forget(keys)
        if keys and self._shared is not None:
            self._listen()
            self._remember(keys)
            await self._deliver()

    async def changed(self, keys: Sequence[str]) -> None:
        """Say that what this process has just put contradicts what was known before.

        Everybody is told as by `drop`; only the new entries stay, here and in Redis. Where Redis
        cannot be asked they are dropped there when it is back, for they may be the old ones.
        """
        if not keys:
            return
        self._changes.tell(keys)
        if self._shared is None or self._channel is None:
            return
        self._listen()
        message = self._channel.message(keys)
        if not await self._shared.bury(keys, message, self._clock(), delete=False):
            self._remember(keys)

    async def changed_since(self, keys: Sequence[str], moment: float) -> bool:
        """Tell whether any key changed, in whichever process, since a moment (epoch seconds).

        True too where that is not known: Redis cannot be asked. Without Redis nobody else changes
        anything, and `on_change` has told. Changes are remembered for a day
        (`changes.LONGEST_ANSWER_S`); those of the last second before the moment count, for the
        clocks of machines differ.
        """
        if self._shared is None:
            return False
        self._listen()
        await self._redeliver()
        if not self._undelivered.keys().isdisjoint(keys):
            return True
        latest = await self._shared.last_changes(keys)
        return latest is None or any(at > moment - _CLOCKS_APART_S for at in latest)

    def on_change(self, callback: OnChange) -> None:
        """Call back with keys that were dropped or changed, here or elsewhere; None means all.

        It is called at once, also while reads are under way, and must not fail.
        """
        self._changes.listen(callback)

    def watch(self) -> AbstractContextManager[Watch]:
        """Note what is dropped or changed while a block lasts.

        What was read in the block may be kept afterwards unless the watch was touched.
        """
        return self._changes.watch()

    def trusted(self, stored_at: float) -> bool:
        """Tell whether what this process holds since then may be used without asking Redis."""
        return stored_at > self._trusted_since()

    async def claim(self, keys: Sequence[str], ttl_s: float) -> list[str]:
        """Try to become the one who refreshes keys, until `ttl_s` has passed or they are put.

        A key that another process has put since this one looked is not won: `wait` returns it at
        once.

        Returns:
            The keys won, in their order. All of them while Redis is down.
        """
        keys = list(dict.fromkeys(keys))
        if not keys:
            return []
        if self._shared is None:
            return self._claims.claim(keys, ttl_s, self._clock())
        self._listen()
        token, now = secrets.token_bytes(12), self._clock()
        seen = {key: self._l1.get(key, now) for key in keys}  # before the others go on
        answers = await self._shared.claim(keys, token, ttl_s)
        if answers is None:
            return keys
        ours = [key for key, (won, _) in zip(keys, answers, strict=True) if won]
        heads = {key: head for key, (_, head) in zip(keys, answers, strict=True)}
        newer = {key for key in ours if self._is_newer(key, heads[key], seen[key])}
        self._tokens.update(dict.fromkeys(ours, token))
        if newer:
            await self.release(list(newer))
        return [key for key in ours if key not in newer]

    async def release(self, keys: Sequence[str]) -> None:
        """Let go of keys that were won and not put. Claims of others stay."""
        self._claims.release(keys)
        tokens = {key: self._tokens.pop(key) for key in keys if key in self._tokens}
        if tokens and self._shared is not None:
            await self._shared.release(tokens)

    async def wait(
        self, keys: Sequence[str], timeout_s: float, kind: Kind[Any] = BYTES
    ) -> list[Any]:
        """Wait until those who refresh keys have put them or let go of them.

        Returns:
            As many values as keys, in their order, as they are then: an old one (see
            `fetched_at`) or None where the other did not succeed, and None for those still claimed
            at the timeout.
        """
        until = time.monotonic() + timeout_s
        pending = list(dict.fromkeys(keys))
        polls = iter(_POLLS_S)
        while pending:
            held = await self._held(pending)
            if held is None:  # Redis is down: nobody can tell us
                break
            pending = held
            left_s = until - time.monotonic()
            if not pending or left_s <= 0:
                break
            await asyncio.sleep(min(next(polls, _POLLS_S[-1]), left_s))
        left = set(pending)
        done = [key for key in dict.fromkeys(keys) if key not in left]
        found = await self._latest(done, kind)
        return [found.get(key) for key in keys]

    def health(self) -> Mapping[str, object]:
        """State for the health page. `connected` is None where there is no Redis."""
        redis = self._redis.health() if self._redis else {}
        return {
            "connected": redis.get("connected"),
            "since": redis.get("since"),
            "errors": redis.get("errors", 0),
            "invalidations": self._channel.connected if self._channel else None,
            "hits_l1": self._hits["l1"],
            "hits_l2": self._hits["l2"],
            "misses": self._misses,
            "entries": len(self._l1),
            "bytes": self._l1.bytes,
        }

    async def aclose(self) -> None:
        """Stop listening to other processes."""
        if self._channel is not None:
            await self._channel.aclose()

    def _listen(self) -> None:
        if self._channel is not None:
            self._channel.start()

    def _trusted_since(self) -> float:
        """What was stored here after that may be used without asking Redis."""
        if self._channel is None:
            return -math.inf
        if self._channel.connected:
            return self._clock() - self._ages.heard_s
        return self._ages.trusted_since(self._clock(), self._channel.lost_at)

    async def _latest(self, keys: Sequence[str], kind: Kind[Any]) -> Mapping[str, Any]:
        if keys and self._shared is not None:
            return await self._read(keys, kind)
        return self._l1.find(keys, self._clock())

    async def _held(self, keys: Sequence[str]) -> list[str] | None:
        if self._shared is None:
            return self._claims.held(keys, self._clock())
        return await self._shared.claimed(keys)

    async def _read_together(self, keys: Sequence[str], kind: Kind[Any]) -> dict[str, Any]:
        """As `_read`; who wants the same keys while they are being read waits for them.

        Nothing older is told than to who reads alone: what is dropped meanwhile is left out.
        """
        name = tuple(keys)
        while (under_way := self._reading.get(name)) is not None:
            brought = await asyncio.shield(under_way)
            if brought is not None:  # None where the reader was cancelled
                self._count_read(keys, brought)
                return brought
        mine = self._reading[name] = asyncio.get_running_loop().create_future()
        found: dict[str, Any] | None = None
        try:
            found = await self._read(keys, kind)
        finally:
            del self._reading[name]
            mine.set_result(found)
        return found

    async def _read(self, keys: Sequence[str], kind: Kind[Any]) -> dict[str, Any]:
        """What Redis has; it is held in this process, unless dropped meanwhile."""
        if self._shared is None:
            return {}
        self._listen()
        await self._redeliver()
        began = self._clock()
        with self.watch() as watch:
            answers = await self._shared.read(keys)
        if answers is None:
            return {}
        dropped = watch.keys | self._undelivered.keys()
        told = [(k, d) for k, d in zip(keys, answers, strict=True) if k not in dropped]
        local = self._l1 if not watch.everything else LocalCache(0)
        found = local.take(told, kind, began=began, now=self._clock())
        self._count_read(keys, found)
        return found

    def _count_read(self, keys: Sequence[str], found: Mapping[str, Any]) -> None:
        self._hits["l2"] += len(found)
        metrics.cache_looked_up("l2", hits=len(found), misses=len(keys) - len(found))

    def _is_newer(self, key: str, head: bytes, held: Held | None) -> bool:
        """Tell whether Redis has a newer entry than what this process saw when it looked."""
        at = fetched_at(head)
        if held is None or at is None or key in self._undelivered:
            return False
        return held.value is None or at > held.value.fetched_at

    def _remember(self, keys: Sequence[str]) -> None:
        self._undelivered.update(dict.fromkeys(keys))
        while len(self._undelivered) > _MOST_UNDELIVERED:
            del self._undelivered[next(iter(self._undelivered))]

    async def _redeliver(self) -> None:
        if self._undelivered and self._redis is not None and self._redis.connected:
            await self._deliver()

    async def _deliver(self) -> None:
        if self._shared is None or self._channel is None:
            return
        keys = list(self._undelivered)
        message = self._channel.message(keys)
        if await self._shared.bury(keys, message, self._clock(), delete=True):
            for key in keys:
                self._undelivered.pop(key, None)

    def _forget(self, keys: Sequence[str]) -> None:
        self._l1.drop(keys)
        self._changes.tell(keys)

    def _forget_all(self) -> None:
        self._l1.clear()
        self._changes.tell_all()
