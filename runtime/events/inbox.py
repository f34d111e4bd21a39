"""What was heard of one stream, put in order: each event once, none left out."""

from collections.abc import Iterable
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

    def take(self, limit: int) -> list[Event]:
        """The next events, in order; empty if there are none, or the next is missing."""
        taken: list[Event] = []
        while len(taken) < limit:
            event = self._waiting.pop(self.position + 1, None)
            if event is None:
                break
            self.position += 1
            taken.append(event)
        if taken:
            self.missing_since = None
        return taken

    def missing(self) -> int:
        """How many events, from the next one on, are in the log and were not heard."""
        if self.head == self.position or self.position + 1 in self._waiting:
            return 0
        return min(self._waiting, default=self.head + 1) - self.position - 1

    def skip_to(self, position: int) -> None:
        """Events up to a position are no longer in the log."""
        self.position = max(self.position, position)
        self.head = max(self.head, self.position)
        self._waiting = {n: e for n, e in self._waiting.items() if n > self.position}
