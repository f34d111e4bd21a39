"""Addresses of Redis: each form gives its client, and mistakes are told without credentials."""

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool

from runtime.cache.connection import RedisHandle
from runtime.cache.urls import InvalidRedisURLError, Timeouts, understand

TIMEOUTS = Timeouts(connect_s=0.5, operation_s=0.25)


def single(url: str) -> dict[str, object]:
    client = understand(url).connect(TIMEOUTS)
    assert isinstance(client, Redis)
    return dict(client.connection_pool.connection_kwargs)


def test_a_single_server() -> None:
    found = single("rediss://me:p%40ss@cache.example:7000/3")
    wanted = {"host": "cache.example", "port": 7000, "db": 3, "username": "me", "password": "p@ss"}
    assert found | wanted == found
    assert (found["socket_connect_timeout"], found["socket_timeout"]) == (0.5, 2.5)


def test_a_socket_on_this_machine() -> None:
    found = single("unix://:secret@/run/valkey.sock?db=2")
    assert found | {"path": "/run/valkey.sock", "db": 2, "password": "secret"} == found


@pytest.mark.parametrize(
    "url",
    ["redis+cluster://u:s3cret@one:7001,two", "redis://u:s3cret@one:7001,two?cluster=true"],
)
def test_a_cluster(url: str) -> None:
    client = understand(url).connect(TIMEOUTS)
    assert isinstance(client, RedisCluster)
    nodes = client.nodes_manager.startup_nodes.values()
    assert sorted((n.host, n.port) for n in nodes) == [("one", 7001), ("two", 6379)]
    found = client.nodes_manager.connection_kwargs
    assert found | {"username": "u", "password": "s3cret"} == found


def test_sentinels() -> None:
    client = understand(
        "redis+sentinel://:s3cret@one,two:7002/my-master/4?sentinel_password=other"
    ).connect(TIMEOUTS)
    assert isinstance(client, Redis)
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "my-master"
    assert pool.connection_kwargs | {"db": 4, "password": "s3cret"} == pool.connection_kwargs
    asked = [s.connection_pool.connection_kwargs for s in pool.sentinel_manager.sentinels]
    assert [(k["host"], k["port"], k["password"]) for k in asked] == [
        ("one", 26379, "other"),
        ("two", 7002, "other"),
    ]


@pytest.mark.parametrize(
    "url,says",
    [
        ("http://u:s3cret@host", "http:// is not an address of Redis"),
        ("s3cret", "is not an address of Redis"),
        ("redis://u:s3cret@", "names no host"),
        ("redis://u:s3cret@host:seven", "cannot be read"),
        ("redis+cluster://u:s3cret@one,,two", "names no host"),
        ("redis+cluster://u:s3cret@one?tls=yes", "unknown options in the address of Redis: ['tls'"),
        ("redis+sentinel://u:s3cret@one", "names no service"),
        ("redis+sentinel://u:s3cret@one/m/four", "no database number: 'four'"),
        ("redis://u:s3cret@one/four", "no database number: 'four'"),
        ("redis://u:s3cret@one?tls=yes", "unknown options in the address of Redis, among: ['tls']"),
        ("redis+ring://u:s3cret@one", "is not an address of Redis"),
    ],
)
def test_mistakes_are_told_at_once_and_without_the_password(url: str, says: str) -> None:
    with pytest.raises(InvalidRedisURLError) as error:
        RedisHandle(url)
    assert says in str(error.value)
    assert "s3cret" not in str(error.value)


def test_the_address_is_shown_without_credentials() -> None:
    handle = RedisHandle("redis://me:s3cret@host:6379/1?password=s3cret")
    assert handle.health()["address"] == "redis://host:6379/1"
