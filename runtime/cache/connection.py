"""The connection to Redis, behind which nobody needs to care whether Redis is there.

    untried --first use--> up --error or timeout--> down --a ping answers--> up

While it is down nothing is asked of it, so it costs a caller nothing; a ping in the background,
every second, finds it again. Each change of state is logged once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import ResponseError

from runtime.cache.urls import TROUBLE, Client, Timeouts, close, understand

T = TypeVar("T")
D = TypeVar("D")

_PING_KEY: Final = "sg:ping"
_COMPLAINT_INTERVAL_S: Final = 10.0
_CLOSING_S: Final = 0.2
_STEPS: Final = 10
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class RedisHandle:
    """One Redis (single, Sentinel or Cluster), connected on first use, for one event loop.

    Args:
        url: Where it is; `runtime.cache.urls` lists the forms.
        connect_timeout_s: Longest wait for a connection.
        operation_timeout_s: Longest wait for an answer.
        retry_interval_s: Seconds between looks whether it is back.

    Raises:
        InvalidRedisURLError: if the address cannot be understood.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float = 0.5,
        operation_timeout_s: float = 0.25,
        retry_interval_s: float = 1.0,
    ) -> None:
        self._address = understand(url)
        self._timeouts = Timeouts(connect_timeout_s, operation_timeout_s)
        self._retry_interval_s = retry_interval_s
        self._client: Client | None = None
        self._up: bool | None = None
        self._since = time.time()
        self._up_at = -retry_interval_s
        self._errors = 0
        self._opening: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._complain_at = 0.0
        self._connected = asyncio.Event()
        self._under_way = 0
        self._idle = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Tell whether Redis answered last time."""
        return self._up is True

    @property
    def down(self) -> bool:
        """Tell whether Redis did not answer last time, so that nothing is asked of it."""
        return self._up is False

    async def run(self, work: Callable[[Client], Awaitable[T]], otherwise: D) -> T | D:
        """Ask something of Redis.

        Args:
            work: Does it with the client; may be given up at the operation's timeout.
            otherwise: The answer if Redis cannot be asked now, or refuses.

        Returns:
            What `work` returns, or `otherwise`. Trouble with Redis never raises.
        """
        if self._up is None:
            await self._open()
        if not self._up or self._client is None:
            return otherwise
        self._under_way += 1
        try:
            return await self._asked(work, self._client, otherwise)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _asked(
        self, work: Callable[[Client], Awaitable[T]], client: Client, otherwise: D
    ) -> T | D:
        try:
            async with asyncio.timeout(None) as limit:
                patience = _Patience(self._timeouts.operation_s, limit)
                try:
                    return await work(client)
                finally:
                    patience.end()
        except ResponseError as error:
            self._refused(error)
        except TROUBLE as error:
            self._lost(error)
        return otherwise

    async def until_connected(self) -> None:
        """Return when Redis has been found. Looks for it only if somebody has asked before."""
        await self._connected.wait()

    def pubsub(self) -> PubSub | None:
        """A subscription on a connection of its own, for the caller to close; None while down."""
        return self._client.pubsub() if self._up and self._client is not None else None

    def waiting(self, longest_s: float) -> Client:
        """A client of its own for reads that wait so long for what comes, for the caller to close.

        Trouble raises, as `runtime.cache.urls.TROUBLE`.
        """
        margin_s = max(self._timeouts.operation_s, self._timeouts.connect_s)
        return self._address.connect(Timeouts(self._timeouts.connect_s, longest_s + margin_s))

    def health(self) -> Mapping[str, object]:
        """State for the health page: address, connected, since (epoch seconds), errors so far."""
        return {
            "address": self._address.shown,
            "connected": self.connected,
            "since": self._since,
            "errors": self._errors,
        }

    async def aclose(self) -> None:
        """Close all connections. The handle is of no use afterwards.

        What has begun may end first, within its time: a connection that is being made would be
        missed.
        """
        self._up = False
        for task in (self._opening, self._recovering):
            while task is not None and not task.done():
                # redis-py can take a cancellation for a timeout while it connects, and go on.
                task.cancel()
                await asyncio.wait({task}, timeout=_CLOSING_S)
        if self._client is not None:
            client, self._client = self._client, None
            if self._under_way:
                self._idle.clear()
                await self._idle.wait()  # each of them has a timeout
            await close(client)

    async def _open(self) -> None:
        """The first connection: whoever comes meanwhile waits for the same one."""
        if self._opening is None:
            self._client = self._address.connect(self._timeouts)
            self._opening = asyncio.create_task(self._first_look())
        await asyncio.shield(self._opening)

    async def _first_look(self) -> None:
        error = await self._ping()
        if error is None:
            self._found()
        else:
            self._lost(error)

    async def _ping(self) -> Exception | None:
        if self._client is None:
            return None
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                await self._client.exists(_PING_KEY)  # a PING would want every node of a cluster
        except TROUBLE as error:
            return error
        return None

    async def _recover(self) -> None:
        # At once, for it may have been a hiccup, unless it has just come back from one.
        seconds_up = time.monotonic() - self._up_at
        pause_s = 0.0 if seconds_up >= self._retry_interval_s else self._retry_interval_s
        while True:
            await asyncio.sleep(pause_s)
            if await self._ping() is None:
                return self._found()
            pause_s = self._retry_interval_s

    def _found(self) -> None:
        if self._up is False:
            _log.info("redis_back", address=self._address.shown)
        self._up = True
        self._connected.set()
        self._since = time.time()
        self._up_at = time.monotonic()

    def _lost(self, error: Exception) -> None:
        self._errors += 1
        if self._up is False:
            return
        self._up = False
        self._connected.clear()
        self._since = time.time()
        _log.warning("redis_lost", address=self._address.shown, error=_named(error))
        self._recovering = asyncio.create_task(self._recover())

    def _refused(self, error: Exception) -> None:
        """Redis is there and said no (out of memory, no permission): told, but not each time."""
        self._errors += 1
        if time.monotonic() >= self._complain_at:
            self._complain_at = time.monotonic() + _COMPLAINT_INTERVAL_S
            _log.warning("redis_refused", address=self._address.shown, error=_named(error))


class _Patience:
    """A limit that counts the time in which this process could have heard the answer.

    A loop that was busy comes to its timers before it looks at its sockets: it would find Redis to
    be late while the answer lies there. So the limit is reached in small steps, each of which
    begins when the one before was noticed, with a look at the sockets in between.
    """

    def __init__(self, limit_s: float, limit: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._step_s = limit_s / _STEPS
        self._left = _STEPS
        self._timer = self._loop.call_later(self._step_s, self._step)

    def end(self) -> None:
        """The answer is there."""
        self._timer.cancel()

    def _step(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._step_s, self._step)
        else:
            self._limit.reschedule(self._loop.time())


def _named(error: Any) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
