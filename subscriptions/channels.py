"""A channel: one topic in this process, from the follower to the groups that want an event."""

from collections.abc import Callable
from typing import Final

from canonical.events import Event
from subscriptions.groups import Group
from subscriptions.index import Index, entries
from subscriptions.log import EventLog, Reader
from subscriptions.members import Member
from subscriptions.questions import Question
from subscriptions.services import Services
from subscriptions.topics import Topic, Wanted


class Channel:
    """One topic in this process.

    Args:
        topic: The topic.
        log: The log.
        services: What all share.
        shown: The last position of its stream that this process has been shown.
        on_left: Told of each member that has ended.

    Attributes:
        shown: The last position of its stream that this process has been shown.
        entries: Places in the index that are taken.
    """

    def __init__(
        self,
        topic: Topic,
        log: EventLog,
        services: Services,
        shown: int,
        on_left: Callable[["Channel", Member], None],
    ) -> None:
        self.topic: Final = topic
        self.reader: Final = Reader(log, topic, services)
        self.shown = shown
        self.entries = 0
        self._services: Final = services
        self._on_left: Final = on_left
        self._groups: Final[dict[bytes, Group]] = {}
        self._index: Final[Index[Group]] = Index(len(topic.dimensions))

    def __len__(self) -> int:
        return len(self._groups)

    def find(self, key: bytes) -> Group | None:
        """The group of those who have something in common."""
        return self._groups.get(key)

    def open(self, key: bytes, wanted: Wanted, question: Question) -> Group:
        """A group for what nobody else asks."""
        group = self._groups[key] = Group(self, self._services, key, wanted, question)
        self._index.add(wanted, group)
        self.entries += entries(wanted)
        return group

    def left(self, group: Group, member: Member) -> None:
        """A member of a group has ended."""
        if not group.size:
            del self._groups[group.key]
            self._index.remove(group.wanted, group)
            self.entries -= entries(group.wanted)
        self._on_left(self, member)

    def show(self, event: Event) -> None:
        """Hand an event to those who want it. One that was shown before is left out."""
        if event.position <= self.shown:
            return
        if event.position > self.shown + 1:
            for group in self._groups.values():
                group.leave_to_log(self.shown)
        heard = self.reader.heard(event)
        self.reader.note(heard)
        self.shown = event.position
        if heard.keys is not None:
            for group in self._index.find(heard.keys):
                group.hear(heard)
