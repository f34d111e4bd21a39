"""Redis killed, hung, restarted: callers hardly notice, and everything is found again by itself."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import redis
from structlog.testing import capture_logs

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import FORMAT, Entry
from runtime.cache.local import LocalAges
from runtime.cache.record_cache import RecordCache
from runtime.embedded.valkey import EmbeddedValkey
from tests.fixtures.waiting import until

A = Entry(1.0, frozenset({"sku"}), b"a")


@pytest.fixture
def server() -> Iterator[EmbeddedValkey]:
    """A server that a test may mistreat."""
    server = EmbeddedValkey().start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def caches(server: EmbeddedValkey) -> AsyncIterator[list[RecordCache]]:
    """Two caches that hear each other; the second keeps nothing long without hearing the first."""
    handles = [RedisHandle(server.url, retry_interval_s=0.2) for _ in range(2)]
    ages = [LocalAges(), LocalAges(unheard_s=0.05)]
    caches = [
        RecordCache(handle, version="v", ages=age)
        for handle, age in zip(handles, ages, strict=True)
    ]
    for cache in caches:
        await cache.get_many(["wake up"])
    await until_all(caches, connected=True, invalidations=True)
    yield caches
    for cache in caches:
        await cache.aclose()
    for handle in handles:
        await handle.aclose()


async def until_all(caches: list[RecordCache], **state: object) -> None:
    await until(lambda: all(state.items() <= cache.health().items() for cache in caches))


async def timed(cache: RecordCache, key: str) -> tuple[Entry | None, float]:
    began = time.monotonic()
    (found,) = await cache.get_many([key])
    return found, time.monotonic() - began


async def test_killed_and_restarted(server: EmbeddedValkey, caches: list[RecordCache]) -> None:
    here, there = caches
    await here.put_many([("a", A, 60)])
    with capture_logs() as logs:
        server.halt(kill=True)
        found, seconds = await timed(there, "a")
        assert found is None
        assert seconds < 0.3
        await here.put_many([("b", A, 60)])
        assert await here.get_many(["a", "b"]) == [A, A]  # from this process
        assert await there.claim(["a", "b"], 5) == ["a", "b"]
        assert await there.wait(["a"], 5) == [None]
        await there.release(["a"])
        await until_all(caches, connected=False, invalidations=False)

        server.start()
        await until_all(caches, connected=True, invalidations=True)
    assert await here.get_many(["a"]) == [None]  # dropped meanwhile, for all we know
    await here.put_many([("a", A, 60)])
    assert await there.get_many(["a"]) == [A]
    told = sorted(line["event"] for line in logs if line["log_level"] != "debug")
    assert told == ["redis_back", "redis_back", "redis_lost", "redis_lost"]


async def test_hung(server: EmbeddedValkey, caches: list[RecordCache]) -> None:
    here, there = caches
    await here.put_many([("a", A, 60)])
    server.signal(signal.SIGSTOP)
    try:
        with capture_logs() as logs:
            answers = await asyncio.gather(*(timed(there, "a") for _ in range(20)))
        assert [line["event"] for line in logs] == ["redis_lost"]
        assert all(found is None and 0.2 < seconds < 0.6 for found, seconds in answers)
        began = time.monotonic()
        for _ in range(100):
            assert await there.get_many(["a"]) == [None]
        assert time.monotonic() - began < 0.1
    finally:
        server.signal(signal.SIGCONT)
    await until_all([there], connected=True)
    assert await there.get_many(["a"]) == [A]


async def test_what_is_dropped_during_an_outage_does_not_come_back(
    server: EmbeddedValkey, caches: list[RecordCache]
) -> None:
    here, there = caches
    await here.put_many([("a", A, 60), ("b", A, 60)])
    assert await there.get_many(["a", "b"]) == [A, A]
    server.signal(signal.SIGSTOP)
    try:
        await here.drop(["a"])
        assert await here.get_many(["a", "b"]) == [None, A]
    finally:
        server.signal(signal.SIGCONT)
    await until_all(caches, connected=True, invalidations=True)
    assert await here.get_many(["a", "c"]) == [None, None]
    await asyncio.sleep(0.06)
    assert await there.get_many(["a", "b"]) == [None, A]


async def test_what_redis_refuses_to_drop_is_not_read_here(
    server: EmbeddedValkey, caches: list[RecordCache]
) -> None:
    here, _ = caches
    await here.put_many([("a", A, 60)])
    with redis.Redis.from_url(server.url) as admin:
        admin.acl_setuser("default", commands=["-unlink"])
        await here.drop(["a"])
        assert await here.get_many(["a"]) == [None]
        admin.acl_setuser("default", commands=["+unlink"])
        assert await here.get_many(["a"]) == [None]
        assert admin.exists(f"sg:{FORMAT}.v:e:a") == 0


async def test_this_process_does_not_answer_for_long_while_it_hears_nothing(
    server: EmbeddedValkey, caches: list[RecordCache]
) -> None:
    _, there = caches
    await there.put_many([("a", A, 60)])
    server.halt(kill=True)
    await until_all([there], invalidations=False)
    assert await there.get_many(["a"]) == [A]
    await asyncio.sleep(0.06)
    assert await there.get_many(["a"]) == [None]


async def test_absent_from_the_start_then_there(server: EmbeddedValkey) -> None:
    server.halt()
    handle = RedisHandle(server.url, retry_interval_s=0.05)
    cache = RecordCache(handle, version="v")
    assert await asyncio.gather(*(cache.get_many(["a"]) for _ in range(10))) == [[None]] * 10
    assert cache.health()["connected"] is False
    server.start()
    await until_all([cache], connected=True, invalidations=True)
    await cache.put_many([("a", A, 60)])
    assert await cache.get_many(["a"]) == [A]
    await cache.aclose()
    await handle.aclose()


async def test_a_wrong_password_is_told_once_and_never_raised(server: EmbeddedValkey) -> None:
    handle = RedisHandle("unix://:wrong@" + server.url.partition("@")[2], retry_interval_s=0.02)
    cache = RecordCache(handle, version="v")
    with capture_logs() as logs:
        assert await cache.get_many(["a"]) == [None]
        await asyncio.sleep(0.1)
        assert await cache.get_many(["a"]) == [None]
    await cache.aclose()
    await handle.aclose()
    assert [line["event"] for line in logs] == ["redis_lost"]
    assert "invalid username-password" in logs[0]["error"]


async def test_a_redis_that_is_full_is_told_once_and_goes_on_answering(
    server: EmbeddedValkey, caches: list[RecordCache]
) -> None:
    here, there = caches
    await here.put_many([("a", A, 60)])
    full = RedisHandle(server.url)

    async def fill(client: object) -> bool:
        await client.config_set("maxmemory-policy", "noeviction")  # type: ignore[attr-defined]
        return bool(await client.config_set("maxmemory", "1"))  # type: ignore[attr-defined]

    assert await here.claim(["c"], 5) == ["c"]
    assert await full.run(fill, otherwise=False)
    with capture_logs() as logs:
        await here.put_many([("b", A, 60)])
        await here.put_many([("c", A, 60)])
        assert await there.get_many(["a", "b"]) == [A, None]
        await here.release(["c"])
    assert [line["event"] for line in logs] == ["redis_refused"]
    assert await there.wait(["c"], 0) == [None]
    assert here.health()["connected"] is True
    await full.aclose()


async def test_a_process_that_had_no_time_itself_hears_the_answer_late(valkey_url: str) -> None:
    handle = RedisHandle(valkey_url, operation_timeout_s=0.05)

    async def meanwhile_busy(client: Any) -> bool:
        asyncio.get_running_loop().call_soon(time.sleep, 0.3)
        return bool(await client.ping())

    assert await handle.run(lambda client: client.ping(), otherwise=None)
    assert await handle.run(meanwhile_busy, otherwise=None) is True
    assert handle.connected
    await handle.aclose()
