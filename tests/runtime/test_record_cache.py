"""The record cache over a real Valkey: two instances stand for two processes."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import redis

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import FORMAT, Entry
from runtime.cache.record_cache import RecordCache
from tests.fixtures.waiting import until

NOW = 1_800_000_000.0
New = Callable[..., Awaitable[RecordCache]]


def entry(text: str, fetched_at: float = NOW) -> Entry:
    return Entry(fetched_at, frozenset({"sku", "name"}), text.encode())


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def valkey(valkey_url: str) -> redis.Redis:
    return redis.Redis.from_url(valkey_url)


@pytest_asyncio.fixture
async def new(valkey_url: str, clock: Clock) -> AsyncIterator[New]:
    """Makes caches that hear each other, each with its own connection."""
    opened: list[RecordCache | RedisHandle] = []

    async def make(version: str = "v1", *, shared: bool = True) -> RecordCache:
        handle = RedisHandle(valkey_url, operation_timeout_s=2) if shared else None
        cache = RecordCache(handle, version=version, clock=clock)
        opened.extend([cache] if handle is None else [cache, handle])
        if shared:
            await cache.get_many(["wake up"])
            await until(lambda: cache.health()["invalidations"] is True)
        return cache

    yield make
    for one in opened:
        await one.aclose()


@pytest_asyncio.fixture(params=["shared", "alone"])
async def cache(request: pytest.FixtureRequest, new: New) -> RecordCache:
    return await new(shared=request.param == "shared")


def calls(valkey: redis.Redis) -> dict[str, int]:
    stats = valkey.info("commandstats")
    assert isinstance(stats, dict)
    counted = {name.removeprefix("cmdstat_"): int(s["calls"]) for name, s in stats.items()}
    return {k: n for k, n in counted.items() if k not in ("info", "config|resetstat", "auth")}


# What holds with and without Redis.


async def test_what_was_put_is_found_in_the_order_asked(cache: RecordCache) -> None:
    a, b = entry("a"), entry("b")
    await cache.put_many([("a", a, 60), ("b", b, 60)])
    assert await cache.get_many(["b", "missing", "a", "b"]) == [b, None, a, b]
    assert await cache.get_many([]) == []


async def test_the_same_object_is_returned_while_it_lives_here(cache: RecordCache) -> None:
    await cache.put_many([("a", entry("a"), 60)])
    (first,), (second,) = await cache.get_many(["a"]), await cache.get_many(["a"])
    assert first is second


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, math.inf, math.nan, 8 * 86_400 + 1])
async def test_a_time_to_live_is_positive_and_bounded(cache: RecordCache, ttl_s: float) -> None:
    with pytest.raises(ValueError, match="time to live"):
        await cache.put_many([("good", entry("a"), 60), ("bad", entry("b"), ttl_s)])
    assert await cache.get_many(["good", "bad"]) == [None, None]


async def test_a_dropped_key_is_gone(cache: RecordCache) -> None:
    await cache.put_many([("a", entry("a"), 60), ("b", entry("b"), 60)])
    await cache.drop(["a"])
    assert await cache.get_many(["a", "b"]) == [None, entry("b")]


async def test_a_claim_is_won_once(cache: RecordCache) -> None:
    assert await cache.claim(["a", "b", "a"], 5) == ["a", "b"]
    assert await cache.claim(["a", "c"], 5) == ["c"]
    await cache.release(["a"])
    assert await cache.claim(["a", "b"], 5) == ["a"]


async def test_waiting_ends_when_the_other_has_put(cache: RecordCache) -> None:
    await cache.claim(["a"], 5)
    waiting = asyncio.create_task(cache.wait(["a", "free", "a"], 5))
    await asyncio.sleep(0.03)
    assert not waiting.done()
    await cache.put_many([("a", entry("a"), 60)])
    assert await asyncio.wait_for(waiting, 0.5) == [entry("a"), None, entry("a")]


async def test_waiting_ends_when_the_other_gave_up(cache: RecordCache) -> None:
    await cache.claim(["a"], 5)
    waiting = asyncio.create_task(cache.wait(["a"], 5))
    await asyncio.sleep(0.02)
    await cache.release(["a"])
    assert await asyncio.wait_for(waiting, 0.5) == [None]


async def test_waiting_ends_at_its_timeout(cache: RecordCache) -> None:
    await cache.claim(["slow"], 5)
    await cache.put_many([("quick", entry("q"), 60)])
    began = time.monotonic()
    assert await cache.wait(["slow", "quick"], 0.1) == [None, entry("q")]
    assert 0.09 < time.monotonic() - began < 0.4


async def test_an_entry_expires(cache: RecordCache, clock: Clock) -> None:
    await cache.put_many([("a", entry("a"), 5)])
    clock.now += 5.1
    assert await cache.get_many(["a"]) == [None]


# What Redis adds.


async def test_another_process_finds_it_with_columns_and_age(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", Entry(NOW - 3, frozenset({"sku", "name"}), b"\x00\xff"), 60)])
    assert await there.get_many(["a"]) == [Entry(NOW - 3, frozenset({"sku", "name"}), b"\x00\xff")]


async def test_many_keys_are_one_mget_and_the_second_time_none(
    new: New, valkey: redis.Redis
) -> None:
    here, there = await new(), await new()
    keys = [f"item:{i}" for i in range(2_000)]
    await here.put_many([(key, entry(key), 60) for key in keys])
    valkey.config_resetstat()
    assert await there.get_many([*keys, "missing"]) == [*map(entry, keys), None]
    assert calls(valkey) == {"mget": 1}
    valkey.config_resetstat()
    assert await there.get_many(keys) == [entry(key) for key in keys]
    assert calls(valkey) == {}


async def test_who_wants_the_same_keys_at_the_same_time_shares_one_mget(
    new: New, valkey: redis.Redis
) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60), ("b", entry("b"), 60)])
    valkey.config_resetstat()
    told = await asyncio.gather(*(there.get_many(["a", "none", "b"]) for _ in range(5)))
    assert told == [[entry("a"), None, entry("b")]] * 5
    assert calls(valkey) == {"mget": 1}
    assert dict(there.health()) | {"hits_l2": 10, "misses": 6} == there.health()


async def test_who_shares_a_read_goes_on_when_its_reader_gives_up(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60)])
    read, may_read = there._shared.read, asyncio.Event()  # type: ignore[union-attr]

    async def slowly(keys: list[str]) -> list[bytes | None] | None:
        await may_read.wait()
        return await read(keys)

    there._shared.read = slowly  # type: ignore[union-attr,method-assign]
    first, second, third = (asyncio.create_task(there.get_many(["a"])) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.wait([first, second])
    may_read.set()
    assert await third == [entry("a")]
    assert (first.cancelled(), second.cancelled()) == (True, True)


async def test_only_what_this_process_lacks_is_asked_of_redis(
    new: New, valkey: redis.Redis
) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60)])
    await there.put_many([("b", entry("b"), 60)])
    with valkey.monitor() as monitor:  # type: ignore[no-untyped-call]
        await here.get_many(["a", "b", "c", "b"])
        heard = monitor.next_command()["command"]
    assert heard == f"MGET sg:{FORMAT}.v1:e:b sg:{FORMAT}.v1:e:c"


async def test_every_key_in_redis_has_a_finite_time_to_live(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    await cache.put_many([("a", entry("a"), 60), ("b", entry("b"), 8 * 86_400)])
    await cache.claim(["c"], 5)
    found = {bytes(key).decode()[-3:]: valkey.pttl(key) for key in valkey.scan_iter()}
    assert found.keys() == {"e:a", "e:b", "c:c"}
    assert 59_000 < found["e:a"] <= 60_000
    assert 8 * 86_400_000 - 1_000 < found["e:b"] <= 8 * 86_400_000
    assert 4_000 < found["c:c"] <= 5_000


async def test_a_drop_reaches_the_other_process(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60), ("b", entry("b"), 60)])
    assert await there.get_many(["a", "b"]) == [entry("a"), entry("b")]
    await here.drop(["a"])
    await until(lambda: there.health()["entries"] == 1)
    assert await there.get_many(["a", "b"]) == [None, entry("b")]


async def test_ones_own_drop_does_not_come_back_to_oneself(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    await cache.drop(["a"])
    await cache.put_many([("a", entry("a"), 60)])
    await asyncio.sleep(0.05)  # the message is heard
    valkey.config_resetstat()
    assert await cache.get_many(["a"]) == [entry("a")]
    assert calls(valkey) == {}


async def test_many_and_large_entries_are_written_in_parts(new: New, valkey: redis.Redis) -> None:
    here, there = await new(), await new()
    keys = [f"item:{i}" for i in range(2_500)]
    valkey.config_resetstat()
    assert await here.claim(keys, 5) == keys
    assert calls(valkey)["eval"] == 3
    large = [(f"list:{i}", entry("x" * 900_000), 60.0) for i in range(5)]
    valkey.config_resetstat()
    await here.put_many([*((key, entry(key), 60.0) for key in keys), *large])
    assert calls(valkey)["eval"] == 3 + 2
    assert await there.claim(keys[::500], 5) == keys[::500]  # the put let go of them
    assert await there.get_many(keys) == [entry(key) for key in keys]
    assert await there.get_many([key for key, _, _ in large]) == [e for _, e, _ in large]


async def test_a_read_under_way_does_not_bring_back_what_is_dropped(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60)])
    read, may_return = there._shared.read, asyncio.Event()  # type: ignore[union-attr]

    async def slowly(keys: list[str]) -> list[bytes | None] | None:
        answer = await read(keys)
        await may_return.wait()
        return answer

    there._shared.read = slowly  # type: ignore[union-attr,method-assign]
    reading = asyncio.create_task(there.get_many(["a"]))
    await asyncio.sleep(0.02)
    await here.drop(["a"])
    await until(lambda: any(w.keys for w in there._changes._watches.values()))
    may_return.set()
    assert await reading == [None]
    assert await there.get_many(["a"]) == [None]


async def test_one_fetch_for_many_askers_in_two_processes(new: New) -> None:
    caches = [await new(), await new()]
    fetched: list[str] = []

    async def ask(cache: RecordCache, key: str) -> Entry | None:
        found: Entry | None
        (found,) = await cache.get_many([key])
        if found is None and await cache.claim([key], 5):
            fetched.append(key)
            await asyncio.sleep(0.05)
            await cache.put_many([(key, entry(key), 60)])
            return entry(key)
        if found is None:
            (found,) = await cache.wait([key], 5)
        return found

    answers = await asyncio.gather(
        *(ask(cache, key) for _ in range(25) for cache in caches for key in ("a", "b"))
    )
    assert answers == [entry("a"), entry("b")] * 50
    assert sorted(fetched) == ["a", "b"]


async def test_a_claim_is_not_won_on_what_another_has_put_since(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("stale", entry("old", NOW - 100), 600)])
    assert await there.get_many(["stale", "missing"]) == [entry("old", NOW - 100), None]
    await here.put_many([("stale", entry("new"), 600), ("missing", entry("m"), 600)])
    assert await there.claim(["stale", "missing", "other"], 5) == ["other"]
    assert await there.wait(["stale", "missing"], 1) == [entry("new"), entry("m")]
    assert await there.claim(["stale", "missing"], 5) == ["stale", "missing"]


async def test_a_claim_that_ran_out_does_not_release_its_successor(new: New) -> None:
    here, there, third = await new(), await new(), await new()
    assert await here.claim(["a"], 0.02) == ["a"]
    await asyncio.sleep(0.03)
    assert await there.claim(["a"], 5) == ["a"]
    await here.release(["a"])
    assert await third.claim(["a"], 5) == []


async def test_a_put_releases_only_the_claim_of_this_process(new: New, valkey: redis.Redis) -> None:
    here, there = await new(), await new()
    await here.claim(["a"], 5)
    await there.put_many([("a", entry("a"), 60)])
    assert valkey.exists(f"sg:{FORMAT}.v1:c:a") == 1
    await here.put_many([("a", entry("a"), 60)])
    assert valkey.exists(f"sg:{FORMAT}.v1:c:a") == 0
    assert here._tokens == {}


async def test_another_versions_entries_and_drops_are_strange(new: New) -> None:
    old, fresh = await new("v1"), await new("v2")
    await old.put_many([("a", entry("old"), 60)])
    assert await fresh.get_many(["a"]) == [None]
    await fresh.put_many([("a", entry("new"), 60)])
    await fresh.drop(["a"])
    assert await old.get_many(["a"]) == [entry("old")]


async def test_bytes_of_nobodys_making_count_as_missing(new: New, valkey: redis.Redis) -> None:
    cache = await new()
    valkey.set(f"sg:{FORMAT}.v1:e:a", b"\x80\x04pickle")
    valkey.set(f"sg:{FORMAT}.v1:e:b", b"")
    valkey.rpush(f"sg:{FORMAT}.v1:e:c", b"a list")
    assert await cache.get_many(["a", "b", "c"]) == [None, None, None]
    assert await cache.claim(["a", "b"], 5) == ["a", "b"]
    assert cache.health()["connected"] is True


async def test_this_process_asks_again_after_a_minute(
    new: New, valkey: redis.Redis, clock: Clock
) -> None:
    cache = await new()
    await cache.put_many([("a", entry("a"), 600)])
    valkey.delete(f"sg:{FORMAT}.v1:e:a")  # as if the message of a drop had been lost
    clock.now += 59
    assert await cache.get_many(["a"]) == [entry("a")]
    clock.now += 2
    assert await cache.get_many(["a"]) == [None]


async def test_health_counts_where_entries_were_found(new: New) -> None:
    here, there = await new(), await new()
    await here.put_many([("a", entry("a"), 60)])
    await there.get_many(["a", "missing"])
    await there.get_many(["a"])
    found = dict(there.health())
    wanted = {"connected": True, "errors": 0, "hits_l1": 1, "hits_l2": 1, "misses": 2}
    assert found | wanted == found  # the key that woke it up was missing too
