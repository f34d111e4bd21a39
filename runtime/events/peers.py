"""Whether every process has applied an event, so that nobody who hears of it reads older data.

Each process announces how far it has come, at once and every half second. One that was not heard
of for two seconds is dead or cut off, and is not waited for. While Redis is away nobody is.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from runtime.events.channel import Channel

HEARTBEAT_S: Final = 0.5
ALIVE_S: Final = 2.0
_CANCEL_AGAIN_S: Final = 1.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Note(Struct, array_like=True):
    """What a process announces.

    Attributes:
        member: Its name.
        applied: The last position of each stream that it has applied.
        leaving: Whether it is about to end.
    """

    member: str
    applied: dict[str, int]
    leaving: bool = False


class _Peer:
    def __init__(self) -> None:
        self.applied: dict[str, int] = {}
        self.heard_at = 0.0

    def reached(self, marks: Mapping[str, int]) -> bool:
        return all(self.applied.get(stream, 0) >= mark for stream, mark in marks.items())


_NOTE: Final = msgspec.msgpack.Decoder(Note)


class Peers:
    """All processes that follow the log.

    Args:
        channel: Between them.
        member: Name of this process, which no other has.
        clock: Seconds, of a clock that never goes back.
    """

    def __init__(self, channel: Channel, member: str, clock: Callable[[], float]) -> None:
        self._channel = channel
        self._member = member
        self._clock = clock
        self._applied: dict[str, int] = {}
        self._peers: dict[str, _Peer] = {}
        self._news = asyncio.Event()
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, applied: Mapping[str, int]) -> None:
        """Announce this process, and go on doing so."""
        self._applied = dict(applied)
        await self._announce()
        self._task = asyncio.create_task(self._run())

    def applied(self, marks: Mapping[str, int]) -> None:
        """This process has applied each stream up to a position."""
        self._applied.update(marks)
        self._dirty.set()

    def heard(self, content: bytes) -> None:
        """A process has announced something."""
        try:
            note = _NOTE.decode(content)
        except msgspec.MsgspecError:
            return
        if note.member == self._member:
            return
        if note.leaving:
            self._peers.pop(note.member, None)
        else:
            peer = self._peers.setdefault(note.member, _Peer())
            peer.applied, peer.heard_at = note.applied, self._clock()
        self._news.set()

    def alive(self) -> Mapping[str, Mapping[str, int]]:
        """The other processes, and how far each has come."""
        now = self._clock()
        for member, peer in list(self._peers.items()):
            if now - peer.heard_at > ALIVE_S:
                del self._peers[member]
        return {member: peer.applied for member, peer in self._peers.items()}

    async def reached(self, marks: Mapping[str, int], timeout_s: float) -> bool:
        """Wait until all living processes have applied each stream up to a position.

        Returns:
            False if some had not in time. True at once if there are no others, or Redis is away.
        """
        until = self._clock() + timeout_s
        while self._channel.connected:
            alive = self.alive()
            late = [member for member in alive if not self._peers[member].reached(marks)]
            left_s = until - self._clock()
            if not late:
                return True
            if left_s <= 0:
                _log.warning("events_applied_late", processes=late)
                return False
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, HEARTBEAT_S)):
                    await self._news.wait()
        return True

    async def aclose(self) -> None:
        """Announce that this process ends."""
        if self._task is not None:
            while not self._task.done():  # the Redis client may swallow a cancellation
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=_CANCEL_AGAIN_S)
            await self._announce(leaving=True)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._dirty.wait()
            self._dirty.clear()
            await self._announce()

    async def _announce(self, *, leaving: bool = False) -> None:
        note = Note(self._member, self._applied, leaving)
        await self._channel.announce(msgspec.msgpack.encode(note))
