"""The way between processes: a Redis Stream of events, and one of how far each process has come.

One stream for all events, so that one blocking read hears everything and one slot of a cluster
holds it. It is a quick way and no store: it is cut to the newest, may be emptied at any time, and
whatever does not come through it is read from the log.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog

from canonical.events import Event
from runtime.cache.connection import RedisHandle
from runtime.cache.urls import TROUBLE, Client, close
from runtime.events.rows import packed, unpacked

_ENTRIES: Final = 5_000
_EVENTS_AN_ENTRY: Final = 20
"""Together they bound the stream to some 50 MB where an event takes 500 bytes."""
_AT_ONCE: Final = 2_000
"""Of more, only the last go this way, within the time of one question to Redis: whoever hears them
reads those before them from the log."""
_NOTES: Final = 1_000
_KEPT_S: Final = 86_400
"""From the last one on."""
_BLOCK_S: Final = 1.0
_READ: Final = 200
_PAUSE_S: Final = 0.1
_CLOSING_S: Final = 0.2
_FIELD: Final = b"e"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

OnEvents = Callable[[Sequence[Event]], None]
OnNote = Callable[[bytes], None]


class Channel:
    """One process's end. Trouble with Redis never raises.

    Args:
        redis: Where it is.
        prefix: Of its keys.

    Attributes:
        connected: Whether it listens.
        heard: How many entries of events it has heard.
    """

    def __init__(self, redis: RedisHandle, *, prefix: str = "sg") -> None:
        self._redis = redis
        self._events = f"{prefix}:{{events}}:log".encode()
        self._notes = f"{prefix}:{{events}}:applied".encode()
        self._last: dict[bytes, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.heard = 0

    async def publish(self, events: Sequence[Event]) -> None:
        """Tell of events that were committed."""
        told = events[-_AT_ONCE:]
        contents = [
            packed(told[start : start + _EVENTS_AN_ENTRY])
            for start in range(0, len(told), _EVENTS_AN_ENTRY)
        ]

        async def add(client: Client) -> None:
            pipeline: Any = client.pipeline(transaction=False)
            for content in contents:
                pipeline.xadd(self._events, {_FIELD: content}, maxlen=_ENTRIES, approximate=True)
            pipeline.expire(self._events, _KEPT_S)
            await pipeline.execute()

        await self._redis.run(add, None)

    async def announce(self, note: bytes) -> None:
        """Tell how far this process has come."""

        async def add(client: Client) -> None:
            pipeline: Any = client.pipeline(transaction=False)
            pipeline.xadd(self._notes, {_FIELD: note}, maxlen=_NOTES, approximate=True)
            pipeline.expire(self._notes, _KEPT_S)
            await pipeline.execute()

        await self._redis.run(add, None)

    def start(self, on_events: OnEvents, on_note: OnNote, on_gap: Callable[[], None]) -> None:
        """Listen from now on, in the running event loop.

        Args:
            on_events: Told events as they come: perhaps twice, out of order, or not at all.
            on_note: Told what processes announce, this one too.
            on_gap: Told that events may have been missed.
        """
        self._task = asyncio.create_task(self._run(on_events, on_note, on_gap))

    def listen_anew(self) -> None:
        """Go to the end of the streams: events came that were not heard here."""
        self._last.clear()

    async def aclose(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            # redis-py can take a cancellation for a timeout while it connects, and go on.
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSING_S)

    async def _run(self, on_events: OnEvents, on_note: OnNote, on_gap: Callable[[], None]) -> None:
        while True:
            await self._redis.run(lambda client: client.exists(self._events), None)
            await self._redis.until_connected()
            client = self._redis.waiting(_BLOCK_S)
            try:
                while True:
                    await self._hear(client, on_events, on_note, on_gap)
            except TROUBLE as error:
                _log.debug("event_channel_lost", error=str(error))
            finally:
                self.connected = False
                self._last.clear()
                await _closed(client)
            await asyncio.sleep(_PAUSE_S)

    async def _hear(
        self, client: Any, on_events: OnEvents, on_note: OnNote, on_gap: Callable[[], None]
    ) -> None:
        if not self._last:
            self._last = {key: await _end(client, key) for key in (self._events, self._notes)}
            self.connected = True
            on_gap()
        found = await client.xread(dict(self._last), count=_READ, block=int(_BLOCK_S * 1000))
        for key, entries in found or ():
            for entry, fields in entries:
                if key in self._last:
                    self._last[key] = entry
                content = fields.get(_FIELD, b"")
                if key == self._notes:
                    on_note(content)
                    continue
                self.heard += 1
                try:
                    on_events(unpacked(content))
                except (msgspec.MsgspecError, KeyError):
                    on_gap()  # from another release: the log has it


async def _end(client: Any, key: bytes) -> bytes:
    newest = await client.xrevrange(key, count=1)
    end: bytes = newest[0][0] if newest else b"0-0"
    return end


async def _closed(client: Client) -> None:
    try:
        await close(client)
    except TROUBLE as error:
        _log.debug("event_channel_not_closed", error=str(error))
