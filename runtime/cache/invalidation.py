"""Hears from other processes which keys have changed, so that this one forgets them too.

Messages of Redis pub/sub are not kept for those who are away. So each time the subscription begins,
the first time too, the listener says that there was a gap, and everything must be forgotten.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog
from redis.asyncio.client import PubSub

from runtime.cache.connection import RedisHandle
from runtime.cache.urls import TROUBLE

_QUIET_S: Final = 2.0
"""After so long without a word the other end is asked whether it is there."""
_PAUSE_S: Final = 0.2
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_MESSAGE: Final = msgspec.msgpack.Decoder(tuple[bytes, list[str]])


class Invalidations:
    """One process's end of the channel.

    Args:
        redis: Where the channel is.
        channel: Its name.
        on_drop: Told the keys that another process dropped.
        on_gap: Told that messages may have been missed.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        redis: RedisHandle,
        channel: str,
        *,
        on_drop: Callable[[Sequence[str]], None],
        on_gap: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._redis = redis
        self._channel = channel
        self._on_drop = on_drop
        self._on_gap = on_gap
        self._clock = clock
        self._origin = secrets.token_bytes(8)
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.lost_at = 0.0

    def start(self) -> None:
        """Listen from now on, in the running event loop. Does nothing if it listens already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def message(self, keys: Iterable[str]) -> bytes:
        """What to publish when this process drops keys."""
        return msgspec.msgpack.encode((self._origin, list(keys)))

    async def aclose(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            # redis-py can take a cancellation for a timeout while it connects, and go on.
            task.cancel()
            await asyncio.wait({task}, timeout=_PAUSE_S)

    async def _run(self) -> None:
        while True:
            await self._redis.until_connected()
            pubsub = self._redis.pubsub()
            if pubsub is not None:
                try:
                    await self._listen(pubsub)
                except TROUBLE as error:
                    _log.debug("invalidation_channel_lost", error=str(error))
                finally:
                    if self.connected:
                        self.connected = False
                        self.lost_at = self._clock()
                    await _close(pubsub)
            await asyncio.sleep(_PAUSE_S)

    async def _listen(self, pubsub: PubSub) -> None:
        await pubsub.subscribe(self._channel)
        asked = False
        while True:
            message = await pubsub.get_message(timeout=_QUIET_S)
            if message is None:
                if asked:
                    raise TimeoutError("no answer on the invalidation channel")
                await pubsub.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "subscribe":  # also after the client reconnected by itself
                self._on_gap()
                self.connected = True
            elif message["type"] == "message":
                self._heard(message["data"])

    def _heard(self, data: bytes) -> None:
        try:
            origin, keys = _MESSAGE.decode(data)
        except msgspec.MsgspecError:
            self._on_gap()  # somebody changed something, and we cannot tell what
            return
        if origin != self._origin:
            self._on_drop(keys)


async def _close(pubsub: PubSub) -> None:
    with suppress(*TROUBLE):
        await pubsub.aclose()  # type: ignore[no-untyped-call]
