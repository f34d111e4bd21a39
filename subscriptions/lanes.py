"""A lane: reads the log for members of a group that are at the same place, until they are live.

It reads up to what the group has got to; when little is left, what is new is held for its members
meanwhile, so that nothing comes between. Who cannot take more drops out, and begins another lane
from its own place later.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from canonical.errors import InvalidInputError, SupplygraphError
from runtime.telemetry import event_metrics
from subscriptions.cursors import CursorTooOldError, encode_cursor
from subscriptions.log import Heard
from subscriptions.members import Member, Mode
from subscriptions.payloads import failure
from subscriptions.problems import StreamGapError
from subscriptions.questions import Delivery

if TYPE_CHECKING:
    from subscriptions.groups import Group

_FIRST_PAGE: Final = 32
# A client that was behind often takes little before it is behind again, and the rest of the page
# was read in vain.
_SLICE: Final = 256
_AHEAD: Final = (
    "`after` is ahead of everything that has happened here: it is not of this installation, or the "
    "log was set back. Subscribe without `after`, or with `snapshot: true`"
)


class Lane:
    """Reads the log for members that are at the same place.

    Args:
        group: Theirs.
        at: They have everything up to this position.
        fresh: Whether it is where their clients asked to begin.

    Attributes:
        members: Those that it reads for; more may be added until it has set off.
    """

    def __init__(self, group: "Group", at: int, *, fresh: bool) -> None:
        self.at = at
        self.fresh = fresh
        self.members: dict[Member, None] = {}
        self._group: Final = group
        self._page = _FIRST_PAGE

    async def run(self) -> None:
        """Read until nobody is left: all are live, parked or gone."""
        ahead, kept = await self._looked_at()
        self._group.set_off(self)
        if ahead:
            self._refuse(InvalidInputError(_AHEAD))
        elif not kept and self.fresh:
            self._refuse(CursorTooOldError(self._group.stream))
        elif not kept:
            self._tell_gap(self._left())
        while self._left():
            self._skip_what_is_too_much()
            await self._step()

    async def _step(self) -> None:
        """Read up to where the group is; if that is near, let the members be live then."""
        head = self._group.delivered
        if head - self.at <= self._group.services.limits.page:
            for member in self._left():
                member.catch(max(head, self.at))
        await self._read_to(head)
        for member in self._left():
            if member.mode is Mode.CATCHING:
                del self.members[member]
                member.go_live()

    async def _looked_at(self) -> tuple[bool, bool]:
        """Whether its place is ahead of the log, and whether all that came after it is kept."""
        group, reader = self._group, self._group.channel.reader
        if self.at > group.channel.shown:
            return self.fresh and self.at > await reader.head(), True
        return False, self.at >= group.delivered or await reader.is_kept(self.at)

    def _left(self) -> list[Member]:
        """Those that it still reads for."""
        for member in [m for m in self.members if m.mode not in (Mode.READING, Mode.CATCHING)]:
            del self.members[member]
        return [*self.members]

    def _refuse(self, problem: SupplygraphError) -> None:
        for member in self._left():
            told = self._group.services.answering.told(problem, member.asker.correlation_id)
            member.fail(told)

    def _skip_what_is_too_much(self) -> None:
        """Tell those of a gap that are too far behind."""
        behind = self._group.delivered - self.at - self._group.services.limits.behind
        if behind > 0:
            self._tell_gap([m for m in self._left() if behind > m.allowance])

    def _tell_gap(self, members: Sequence[Member]) -> None:
        """Let some go on from what is shown now, and say what they miss."""
        group, shown = self._group, self._group.channel.shown
        cursor, after = encode_cursor(group.stream, shown), encode_cursor(group.stream, self.at)
        problem = StreamGapError(cursor, after, shown - self.at)
        for member in members:
            del self.members[member]
            told = group.services.answering.told(problem, member.asker.correlation_id)
            member.outlet.deliver(failure(told))
            event_metrics.stream_gap_told(group.field)
            if not member.ended:
                group.reread(member, shown)

    async def _read_to(self, target: int) -> None:
        group, most = self._group, self._group.services.limits.page
        while self.at < target and self._left():
            asked, self._page = self._page, min(2 * self._page, most)
            page = await group.channel.reader.page(self.at, asked)
            if page is None:
                self._tell_gap(self._left())
                return
            last = page[-1].position if len(page) == asked else target
            await self._tell([h for h in page if h.position <= target and group.wants(h)])
            self.at = min(last, target)

    async def _tell(self, wanted: Sequence[Heard]) -> None:
        group = self._group
        if not self.fresh:
            kept = _latest(wanted)
            event_metrics.stream_coalesced(group.field, len(wanted) - len(kept))
            wanted = kept
        size = group.services.limits.batch
        for start in range(0, len(wanted), size):
            askers = [m.asker for m in self._left()]
            if not askers:
                return
            batch = wanted[start : start + size]
            for delivery in await group.question.deliveries(group.stream, batch, askers):
                await self._deliver(delivery)

    async def _deliver(self, delivery: Delivery) -> None:
        members = self._left()
        for start in range(0, len(members), _SLICE):
            if start:
                await asyncio.sleep(0)
            sent = 0
            for member in members[start : start + _SLICE]:
                if member.mode not in (Mode.READING, Mode.CATCHING):
                    continue
                if member.outlet.congested:
                    del self.members[member]
                    member.park(delivery.position - 1)
                else:
                    member.outlet.deliver(delivery.to(member.asker.principal.identity) or b"")
                    sent += 1
            if sent:
                self._group.count_delivered(delivery, sent)


def _latest(wanted: Sequence[Heard]) -> list[Heard]:
    """What is left if of each key of a type that allows it only the latest is told."""
    last = {
        (h.event.type, h.event.system, h.event.key): h.position
        for h in wanted
        if h.event.kind.coalesces
    }
    return [
        h
        for h in wanted
        if last.get((h.event.type, h.event.system, h.event.key), h.position) == h.position
    ]
