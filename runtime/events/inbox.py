"""What was heard of one stream, put in order: each event once, none left out."""

from collections.abc import Iterable, Sequence
from typing import Final

from canonical.events import Event

_MOST: Final = 5_000
"""Events that wait for their turn; further ones are read from the log when it comes."""


class Inbox:
    """One stream's events on their way to those who follow it.

    Args:
        position: Of the last event that needs not to be handed out.

    Attributes:
        position: Of the last event that was handed out.
        head: The last position that is known to be in the log.
        missing_since: When the next event was first missed, in seconds; None if it is not.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self.head = position
        self.missing_since: float | None = None
        self._waiting: dict[int, Event] = {}
        self._absent: set[int] = set()

    def hear(self, event: Event) -> None:
        """An event is in the log, however it was heard of."""
        if event.position > self.position:
            self.head = max(self.head, event.position)
            if len(self._waiting) < _MOST or event.position == self.position + 1:
                self._waiting[event.position] = event

    def hear_all(self, events: Iterable[Event]) -> None:
        """Several events are in the log."""
        for event in events:
            self.hear(event)

    def settle(self, events: Sequence[Event], until: int) -> None:
        """All events up to a position were read: what is not among them does not concern us."""
        self.hear_all(events)
        read = {event.position for event in events}
        self._absent.update(n for n in range(self.position + 1, until + 1) if n not in read)

    def take(self, limit: int) -> list[Event]:
        """The next events, in order; empty if there are none, or the next is missing."""
        taken: list[Event] = []
        while len(taken) < limit:
            event = self._waiting.pop(self.position + 1, None)
            if event is not None:
                taken.append(event)
            elif self.position + 1 not in self._absent:
                break
            self.position += 1
            self._absent.discard(self.position)
            self.missing_since = None
        return taken

    def missing(self) -> int:
        """How many events, from the next one on, are in the log and were not heard."""
        following = self.position + 1
        if self.head < following or following in self._waiting or following in self._absent:
            return 0
        return min(self._waiting, default=self.head + 1) - self.position - 1

    def skip_to(self, position: int) -> None:
        """Events up to a position are no longer in the log."""
        self.position = max(self.position, position)
        self.head = max(self.head, self.position)
        self._waiting = {n: e for n, e in self._waiting.items() if n > self.position}
        self._absent = {n for n in self._absent if n > self.position}
