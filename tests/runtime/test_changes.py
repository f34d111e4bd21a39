"""Who hears of changes: this process at once, others soon, and those who come later."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import pytest_asyncio
import redis

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import FORMAT, Entry
from runtime.cache.record_cache import RecordCache
from tests.fixtures.waiting import until

NOW = 1_800_000_000.0
A, B = (Entry(NOW, frozenset({"sku"}), text) for text in (b"a", b"b"))
New = Callable[..., Awaitable[RecordCache]]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Ear:
    """Hears what a cache tells."""

    def __init__(self, cache: RecordCache) -> None:
        self.heard: list[list[str] | None] = []
        cache.on_change(self._hear)

    def _hear(self, keys: Sequence[str] | None) -> None:
        self.heard.append(None if keys is None else list(keys))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def valkey(valkey_url: str) -> redis.Redis:
    return redis.Redis.from_url(valkey_url)


@pytest_asyncio.fixture
async def new(valkey_url: str, clock: Clock) -> AsyncIterator[New]:
    """Makes caches that hear each other."""
    opened: list[RecordCache | RedisHandle] = []

    async def make(*, shared: bool = True) -> RecordCache:
        handle = RedisHandle(valkey_url, operation_timeout_s=2) if shared else None
        cache = RecordCache(handle, version="v1", clock=clock)
        opened.extend([cache] if handle is None else [cache, handle])
        if shared:
            await cache.get_many(["wake up"])
            await until(lambda: cache.health()["invalidations"] is True)
        return cache

    yield make
    for one in opened:
        await one.aclose()


async def test_a_drop_is_told_here_and_elsewhere(new: New) -> None:
    here, there = await new(), await new()
    ears = [Ear(here), Ear(there)]
    await here.drop(["a", "b"])
    await until(lambda: ears[1].heard == [["a", "b"]])
    assert ears[0].heard == [["a", "b"]]


@pytest.mark.parametrize("shared", [False, True])
async def test_what_was_put_anew_stays_here_and_is_told(new: New, shared: bool) -> None:
    cache = await new(shared=shared)
    ear = Ear(cache)
    await cache.put_many([("a", A, 60)])
    await cache.changed(["a"])
    assert ear.heard == [["a"]]
    assert await cache.get_many(["a"]) == [A]


async def test_what_was_put_anew_elsewhere_is_read_again(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", A, 60)])
    assert await there.get_many(["a"]) == [A]
    ear = Ear(there)
    await here.put_many([("a", B, 60)])
    await here.changed(["a"])
    await until(lambda: ear.heard == [["a"]])
    assert await there.get_many(["a"]) == [B]


async def test_a_gap_may_have_changed_anything(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    ear = Ear(cache)
    with cache.watch() as watch:
        valkey.publish(f"sg:{FORMAT}.v1:drop", b"no message of ours")
        await until(lambda: ear.heard == [None])
    assert watch.touched([])


@pytest.mark.parametrize("how", ["drop", "changed"])
async def test_who_comes_later_can_tell_what_changed_since(
    new: New, clock: Clock, valkey: redis.Redis, how: str
) -> None:
    here, there = await new(), await new()
    assert not await there.changed_since(["a", "b"], NOW)
    await getattr(here, how)(["a"])
    assert await there.changed_since(["b", "a"], NOW)
    assert await there.changed_since(["a"], NOW + 0.9)  # clocks of machines differ
    assert not await there.changed_since(["a"], NOW + 1)
    assert not await there.changed_since(["b"], NOW)
    assert not await there.changed_since([], NOW)
    left_ms = valkey.pttl(f"sg:{FORMAT}.v1:t:a")
    assert 86_390_000 < int(str(left_ms)) <= 86_400_000


async def test_many_changes_are_asked_for_at_once(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    keys = [f"item:{i}" for i in range(2_500)]
    await cache.drop(keys[2_400:])
    valkey.config_resetstat()
    assert await cache.changed_since(keys, NOW)
    assert not await cache.changed_since(keys[:2_400], NOW)
    stats = valkey.info("commandstats")
    assert isinstance(stats, dict)
    assert stats["cmdstat_mget"]["calls"] == 2


async def test_without_redis_nobody_else_changes_anything(new: New) -> None:
    cache = await new(shared=False)
    await cache.drop(["a"])
    assert not await cache.changed_since(["a"], NOW)


async def test_what_cannot_be_asked_may_have_changed(clock: Clock) -> None:
    handle = RedisHandle("redis://127.0.0.1:1")
    cache = RecordCache(handle, version="v1", clock=clock)
    assert await cache.changed_since(["a"], NOW)
    await cache.aclose()
    await handle.aclose()


async def test_bytes_of_nobodys_making_are_a_change(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    valkey.set(f"sg:{FORMAT}.v1:t:a", b"?")
    assert await cache.changed_since(["a"], NOW)


async def test_a_watch_notes_what_changes_while_it_is_open(new: New) -> None:
    cache = await new(shared=False)
    await cache.drop(["before"])
    with cache.watch() as watch:
        await cache.drop(["a"])
        await cache.changed(["b"])
    await cache.drop(["after"])
    assert watch.keys == {"a", "b"}
    assert watch.touched(["x", "b"])
    assert not watch.touched(["before", "after"])


async def test_what_is_held_here_is_trusted_while_the_others_are_heard(
    new: New, clock: Clock
) -> None:
    alone, shared = await new(shared=False), await new()
    clock.now += 59
    assert shared.trusted(NOW)
    clock.now += 2
    assert not shared.trusted(NOW)
    assert alone.trusted(NOW)
