"""A group: all who ask the same and may see the same. Each event is answered for them once.

Events wait in the group while an execution is under way, and are answered together after it. If
more wait than may be kept, what comes after them is left to the log.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from canonical.event_streams import StreamName
from runtime.telemetry import event_metrics
from subscriptions.lanes import Lane
from subscriptions.log import Heard
from subscriptions.members import Member
from subscriptions.questions import Delivery, Question
from subscriptions.services import Services
from subscriptions.topics import Wanted

if TYPE_CHECKING:
    from subscriptions.channels import Channel

_SLICE: Final = 256
# Deliveries without a break for the rest of the process: some milliseconds.


class Group:
    """All who ask the same and may see the same.

    Attributes:
        key: What they have in common.
        wanted: What they want.
        question: What they ask.
        delivered: The last position whose delivery was begun; what is between it and what is
            pending is of no concern to them.
    """

    def __init__(
        self, channel: "Channel", services: Services, key: bytes, wanted: Wanted, question: Question
    ) -> None:
        self.channel: Final = channel
        self.services: Final = services
        self.key: Final = key
        self.wanted: Final = wanted
        self.question: Final = question
        self.delivered = channel.shown
        self.size = 0
        self._listening: dict[Member, None] = {}
        self._in_order: tuple[Member, ...] | None = ()
        self._pending: list[Heard] = []
        self._left_to_log = False
        self._working = False
        self._lanes: dict[tuple[int, bool], Lane] = {}

    @property
    def field(self) -> str:
        """The field that they subscribe to."""
        return self.question.field

    @property
    def stream(self) -> StreamName:
        """The stream that they hear."""
        return self.channel.topic.stream

    def wants(self, heard: Heard) -> bool:
        """Tell whether an event is for them, as the index does."""
        if heard.keys is None or self.wanted.nothing:
            return False
        return self.wanted.matches(heard.keys)

    def listen(self, member: Member) -> None:
        """What is new is handed to a member from now on."""
        self._listening[member] = None
        self._in_order = None

    def unlisten(self, member: Member) -> None:
        """What is new is handed to a member no longer."""
        self._listening.pop(member, None)
        self._in_order = None

    def leave(self, member: Member) -> None:
        """A member has ended."""
        self.unlisten(member)
        self.size -= 1
        self.channel.left(self, member)

    def reread(self, member: Member, after: int, *, fresh: bool = False) -> None:
        """Let a member read the log from a position on; with others who do so from there.

        Args:
            member: Who.
            after: The position.
            fresh: Whether it is where the client asked to begin, and nothing was sent yet.
        """
        self.unlisten(member)
        member.read_on(after)
        lane = self._lanes.get((after, fresh))
        if lane is None:
            lane = self._lanes[after, fresh] = Lane(self, after, fresh=fresh)
            self.services.start(lane.run())
        lane.members[member] = None

    def set_off(self, lane: Lane) -> None:
        """A lane begins to read, and takes nobody along any more."""
        del self._lanes[lane.at, lane.fresh]

    def hear(self, heard: Heard) -> None:
        """Something new that they want."""
        if self._left_to_log:
            return
        if not self._working and not self._listening:
            self.delivered = heard.position
        elif len(self._pending) < self.services.limits.pending:
            self._pending.append(heard)
            self._work()
        else:
            self._left_to_log = True

    def leave_to_log(self, after: int) -> None:
        """Something new after a position was missed: the log has it."""
        if not self._working and not self._left_to_log:
            self.delivered = after
        self._left_to_log = True
        self._work()

    def _work(self) -> None:
        if not self._working:
            self._working = True
            self.services.start(self._worked())

    async def _worked(self) -> None:
        while self._pending or self._left_to_log:
            batch = self._pending[: self.services.limits.batch]
            del self._pending[: len(batch)]
            if batch:
                await self._answer(batch)
            else:
                self._fall_back()
        self._working = False

    async def _answer(self, batch: list[Heard]) -> None:
        askers = [m.asker for m in self._listening]
        if not askers:
            self.delivered = batch[-1].position
            return
        for delivery in await self.question.deliveries(self.stream, batch, askers):
            self.delivered = delivery.position
            await self._deliver(delivery)
        self.delivered = batch[-1].position  # what they may not see is behind them too

    async def _deliver(self, delivery: Delivery) -> None:
        position, payload = delivery.position, delivery.payload
        shared = delivery.personal is None
        members = self._members()
        for start in range(0, len(members), _SLICE):
            if start:
                await asyncio.sleep(0)
            sent = 0
            for member in members[start : start + _SLICE]:
                if member.after >= position:
                    continue
                if shared and member.ready and not member.outlet.congested:
                    member.outlet.deliver(payload)
                    sent += 1
                else:
                    member.take(delivery)
            if sent:
                self.count_delivered(delivery, sent)

    def _members(self) -> tuple[Member, ...]:
        if self._in_order is None:
            self._in_order = tuple(self._listening)
        return self._in_order

    def _fall_back(self) -> None:
        """Let everybody read on from the log, for what came last is not here."""
        members, at = self._members(), self.delivered
        self._listening, self._in_order = {}, ()
        self.delivered, self._left_to_log = self.channel.shown, False
        for member in members:
            member.back_to_log(at)

    def count_delivered(self, delivery: Delivery, times: int) -> None:
        """An event was delivered to so many."""
        now = self.services.clock()
        event_metrics.stream_delivered(self.field, max(0.0, now - delivery.recorded), times)
        if delivery.occurred is not None:
            event_metrics.stream_told(self.field, max(0.0, now - delivery.occurred), times)
