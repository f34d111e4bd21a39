"""The record cache on a real cluster of two nodes, and on a server found by a real Sentinel."""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
import redis
from redis.crc import key_slot

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import FORMAT, Entry
from runtime.cache.record_cache import RecordCache
from runtime.embedded.valkey import EmbeddedValkey, _binary
from tests.fixtures.waiting import until

A = Entry(1.0, frozenset({"sku"}), b"a")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come up"
        time.sleep(0.02)


def ask(port: int, command: str, *, password: str = "secret") -> str:
    """The answer as text; empty while nobody listens."""
    with redis.Redis(port=port, password=password or None) as client:
        try:
            return str(client.execute_command(*command.split()))
        except redis.ConnectionError:
            return ""


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    """A cluster of two nodes that share the slots."""
    ports, buses = [free_port(), free_port()], [free_port(), free_port()]
    nodes = [
        EmbeddedValkey(
            settings={
                "bind": "127.0.0.1",
                "port": str(port),
                "requirepass": "secret",
                "cluster-enabled": "yes",
                "cluster-port": str(bus),
            }
        )
        for port, bus in zip(ports, buses, strict=True)
    ]
    try:
        for node in nodes:
            node.start()
        ask(ports[0], "CLUSTER ADDSLOTSRANGE 0 8191")
        ask(ports[1], "CLUSTER ADDSLOTSRANGE 8192 16383")
        ask(ports[0], f"CLUSTER MEET 127.0.0.1 {ports[1]} {buses[1]}")
        wait_until(lambda: all("state:ok" in ask(port, "CLUSTER INFO") for port in ports))
        yield f"redis+cluster://:secret@127.0.0.1:{ports[0]}"
    finally:
        for node in nodes:
            node.stop()


@pytest.fixture(scope="module")
def sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server, watched by one Sentinel."""
    folder = tmp_path_factory.mktemp("sentinel")
    port, sentinel_port = free_port(), free_port()
    server = EmbeddedValkey(
        settings={"bind": "127.0.0.1", "port": str(port), "requirepass": "secret"}
    ).start()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {sentinel_port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor records 127.0.0.1 {port} 1\nsentinel auth-pass records secret\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [_binary(), config, "--sentinel"], stdout=subprocess.DEVNULL, cwd=Path(folder)
    ) as process:
        try:
            wait_until(lambda: "records" in ask(sentinel_port, "SENTINEL MASTERS", password=""))
            yield f"redis+sentinel://:secret@127.0.0.1:{sentinel_port}/records/1"
        finally:
            process.terminate()
            server.stop()


@pytest_asyncio.fixture(params=["cluster_url", "sentinel_url"])
async def caches(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[RecordCache]]:
    monkeypatch.setattr("runtime.cache.invalidation._QUIET_S", 0.1)
    url: str = request.getfixturevalue(request.param)
    handles = [RedisHandle(url, operation_timeout_s=2) for _ in range(2)]
    caches = [RecordCache(handle, version=request.node.name) for handle in handles]
    for cache in caches:
        await cache.get_many(["wake up"])
    await until(lambda: all(cache.health()["invalidations"] for cache in caches))
    yield caches
    for cache in caches:
        await cache.aclose()
    for handle in handles:
        await handle.aclose()


async def test_entries_claims_and_drops(caches: list[RecordCache]) -> None:
    here, there = caches
    keys = [f"item:{i}" for i in range(200)]
    assert len({key_slot(f"sg:{FORMAT}.x:e:{key}".encode()) > 8191 for key in keys}) == 2
    assert await here.claim(keys, 5) == keys
    assert await there.claim(keys, 5) == []
    await here.put_many([(key, A, 60) for key in keys])
    assert await there.wait(keys, 5) == [A] * 200
    assert await there.get_many([*keys, "missing"]) == [*[A] * 200, None]
    assert await there.claim(keys, 5) == keys
    await there.release(keys)

    await here.drop(keys[:150])
    await until(lambda: len(there._l1) <= 52)  # fifty, and what is known to be absent
    assert await there.get_many(keys) == [*[None] * 150, *[A] * 50]
    assert await there.changed_since([keys[0]], time.time() - 5)
    assert not await there.changed_since(keys[150:], time.time() - 5)
    assert here.health()["errors"] == there.health()["errors"] == 0


async def test_the_channel_survives_silence(caches: list[RecordCache]) -> None:
    heard: list[Sequence[str] | None] = []
    for cache in caches:
        cache.on_change(heard.append)
    await asyncio.sleep(0.5)  # several times the silence after which the other end is asked
    assert [cache.health()["invalidations"] for cache in caches] == [True, True]
    assert heard == []  # never lost, so that nothing had to be forgotten
    here, there = caches
    await here.put_many([("a", A, 60)])
    assert await there.get_many(["a"]) == [A]
    await here.drop(["a"])
    await asyncio.sleep(0.1)
    assert await there.get_many(["a"]) == [None]
