"""Addresses of Redis, and the client that each kind of address wants.

redis://[user:password@]host[:port][/db]                    one server; rediss:// over TLS
unix://[user:password@]/path/to/socket[?db=0]               one server on this machine
redis+sentinel://[user:password@]host[:port],host.../name[/db][?sentinel_username=&sentinel_password=]
redis+cluster://[user:password@]host[:port],host...         or redis://...?cluster=true
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

import msgspec
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from runtime.cache.packing import packed

Client = Redis | RedisCluster

TROUBLE: Final = (RedisError, OSError, TimeoutError, RuntimeError, AttributeError)
"""What the client raises when Redis is in trouble; the last two from connections half torn down."""

_SINGLE: Final = ("redis", "rediss", "unix")
_BEYOND: Final = 10
_READ_BYTES: Final = 128 * 1024
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


class InvalidRedisURLError(ValueError):
    """An address of Redis cannot be used. The message says what to mend, without credentials."""


class Timeouts(msgspec.Struct, frozen=True):
    """How long the client waits, in seconds."""

    connect_s: float
    operation_s: float


class Address(msgspec.Struct, frozen=True):
    """An address that was understood.

    Attributes:
        shown: The address without credentials, for people.
        connect: Makes the client; opens no connection yet.
    """

    shown: str
    connect: Callable[[Timeouts], Client]


def understand(url: str) -> Address:
    """Read an address.

    Raises:
        InvalidRedisURLError: if it is not one of the forms above.
    """
    try:
        parts = urlsplit(url)
        base, _, kind = parts.scheme.partition("+")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if options.pop("cluster", "").lower() in ("1", "true", "yes"):
            kind = "cluster"
        if base not in _SINGLE or kind not in ("", "sentinel", "cluster"):
            raise InvalidRedisURLError(
                f"{parts.scheme}:// is not an address of Redis; use redis://, rediss://, unix://, "
                "redis+sentinel:// or redis+cluster://"
            )
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        if kind == "cluster":
            return Address(shown, _cluster(parts, base, options))
        if kind == "sentinel":
            return Address(shown, _sentinel(parts, base, options))
        return Address(shown, _single(parts, options))
    except InvalidRedisURLError:
        raise
    except ValueError as error:
        raise InvalidRedisURLError(f"the address of Redis cannot be read: {error}") from None


async def close(client: Client) -> None:
    """Close all connections of a client, those to Sentinels too."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _common(timeouts: Timeouts) -> dict[str, Any]:
    return {
        "protocol": 2,
        "socket_connect_timeout": timeouts.connect_s,
        "socket_read_size": _READ_BYTES,
        # `RedisHandle` ends an operation in time, and knows better than a timer how long it took.
        "socket_timeout": _BEYOND * timeouts.operation_s,
        # One immediate second try, for pooled connections that a restart of Redis has closed.
        "retry": Retry(NoBackoff(), 1),
    }


def _single(parts: SplitResult, options: Mapping[str, str]) -> Callable[[Timeouts], Client]:
    url = parts._replace(query=urlencode(options)).geturl()
    if parts.scheme != "unix":
        _ = parts.port  # a bad port is told now, not at the first use
        _database(parts.path.lstrip("/"))
        if not parts.hostname:
            raise InvalidRedisURLError("the address of Redis names no host")
    try:
        pool = Redis.from_url(url).connection_pool
        pool.make_connection()  # type: ignore[no-untyped-call] # connects nothing yet
    except TypeError:
        raise InvalidRedisURLError(
            f"unknown options in the address of Redis, among: {sorted(options)}"
        ) from None

    def connect(timeouts: Timeouts) -> Client:
        client = Redis.from_url(url, **_common(timeouts))
        pool = client.connection_pool
        pool.connection_class = packed(pool.connection_class)
        return client

    return connect


def _cluster(
    parts: SplitResult, base: str, options: Mapping[str, str]
) -> Callable[[Timeouts], Client]:
    _refuse(options)
    hosts = _hosts(parts, _PORT)
    credentials = _credentials(parts)

    def connect(timeouts: Timeouts) -> Client:
        return RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in hosts],
            ssl=base == "rediss",
            **credentials,
            **_common(timeouts),
        )

    return connect


def _sentinel(
    parts: SplitResult, base: str, options: Mapping[str, str]
) -> Callable[[Timeouts], Client]:
    rest = dict(options)
    own = {
        name: rest.pop(f"sentinel_{name}")
        for name in ("username", "password")
        if f"sentinel_{name}" in rest
    }
    _refuse(rest)
    hosts = _hosts(parts, _SENTINEL_PORT)
    service, _, db = parts.path.lstrip("/").partition("/")
    number = _database(db)
    if not service:
        raise InvalidRedisURLError(
            "the address names no service: redis+sentinel://host:26379/<service>"
        )
    credentials = _credentials(parts)

    def connect(timeouts: Timeouts) -> Client:
        common = _common(timeouts)
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            hosts, sentinel_kwargs={**common, **own}
        )
        master: Redis = sentinel.master_for(
            unquote(service), db=number, ssl=base == "rediss", **credentials, **common
        )
        return master

    return connect


def _database(text: str) -> int:
    if text and not text.isdecimal():
        raise InvalidRedisURLError(f"the address of Redis names no database number: {text!r}")
    return int(text or 0)


def _refuse(options: Mapping[str, str]) -> None:
    if options:
        raise InvalidRedisURLError(f"unknown options in the address of Redis: {sorted(options)}")


def _credentials(parts: SplitResult) -> dict[str, Any]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    found = []
    for text in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{text}")
        if not one.hostname:
            raise InvalidRedisURLError("the address of Redis names no host")
        found.append((one.hostname, one.port or port))
    return found
