"""Reading the log: the port to it, and the latest events, which need not be read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from msgspec import Struct

from canonical.errors import InvalidInputError
from canonical.event_streams import StreamName
from canonical.events import Event
from subscriptions.services import Services
from subscriptions.topics import Keys, Topic

T = TypeVar("T")
_SHORTEST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_log = structlog.get_logger(__name__)


class EventLog(Protocol):
    """The log, as subscriptions read it."""

    async def read(self, stream: StreamName, after: int, limit: int) -> Sequence[Event]:
        """Events of a stream after a position, ascending; fewer than the limit only at its end.

        Raises:
            InvalidInputError: if some of them are no longer kept.
        """

    async def heads(self) -> Mapping[StreamName, int]:
        """The last position of each stream."""

    async def oldest(self, stream: StreamName) -> int:
        """The first position that is still kept."""


class Heard(Struct, frozen=True):
    """An event in its place, with what it is found by; None where nobody is told of it."""

    event: Event
    position: int
    keys: Keys | None


class Reader:
    """Reads one topic's stream.

    Args:
        log: The log.
        topic: The topic.
        services: What all share.
    """

    def __init__(self, log: EventLog, topic: Topic, services: Services) -> None:
        self._log: Final = log
        self._topic: Final = topic
        self._services: Final = services
        self._most: Final = services.limits.recent
        self._recent: list[Heard] = []

    def heard(self, event: Event) -> Heard:
        """An event, with what it is found by."""
        return Heard(event, event.position, self._topic.keys(event))

    def note(self, heard: Heard) -> None:
        """Keep one of the latest; without the one before it, those before are forgotten."""
        recent = self._recent
        if recent and recent[-1].position + 1 != heard.position:
            recent.clear()
        recent.append(heard)
        if len(recent) >= 2 * self._most:
            del recent[: -self._most]

    def covers(self, after: int) -> bool:
        """Whether all that came after a position is kept here."""
        return bool(self._recent) and self._recent[0].position <= after + 1

    async def page(self, after: int, limit: int) -> Sequence[Heard] | None:
        """As `EventLog.read`; None if not all that came after the position is still kept.

        Waits while the log cannot be read.
        """
        if self.covers(after):
            at = after + 1 - self._recent[0].position
            return self._recent[at : at + limit]
        return await self._patiently(lambda: self._read(after, limit))

    async def head(self) -> int:
        """The last position in the log. Waits while it cannot be read."""
        return (await self._patiently(self._log.heads)).get(self._topic.stream, 0)

    async def is_kept(self, after: int) -> bool:
        """Whether all that came after a position is still kept. Waits while it cannot be read."""
        return self.covers(after) or after + 1 >= await self._patiently(self._oldest)

    async def _oldest(self) -> int:
        return await self._log.oldest(self._topic.stream)

    async def _read(self, after: int, limit: int) -> Sequence[Heard] | None:
        try:
            events = await self._log.read(self._topic.stream, after, limit)
        except InvalidInputError:
            if after + 1 >= await self._oldest():
                raise
            return None
        return [self.heard(e) for e in events]

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        pause_s = _SHORTEST_PAUSE_S
        while True:
            try:
                async with self._services.readers:
                    return await read()
            except Exception as exc:  # noqa: BLE001  # whatever it is, it is not told to clients
                _log.warning(
                    "the event log cannot be read", stream=self._topic.stream, exc_info=exc
                )
            await self._services.pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
