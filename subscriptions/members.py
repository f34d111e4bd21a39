"""One subscriber: how far it is, and what is kept for it while it cannot take more.

READING   a lane reads the log for it            -> CATCHING, or PARKED if it cannot take more
CATCHING  the rest is read from the log, what is new is held -> LIVE, or READING if too much is
LIVE      gets what is new as it happens         -> PARKED if too much is held for it
PARKED    its place in the log is remembered, nothing is kept -> READING once it takes more
ENDED
"""

import asyncio
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from runtime.telemetry import event_metrics
from subscriptions.answering import Asker
from subscriptions.cursors import encode_cursor
from subscriptions.outlets import CloseCode, Outlet
from subscriptions.questions import Delivery

if TYPE_CHECKING:
    from subscriptions.groups import Group

_ROOM_AFTER: Final = 3 / 4
# Of what may be held, when merging is worth while: less would be merged again at once.
_EXPIRED: Final = "the token has expired: connect again with a new one"


class Mode(IntEnum):
    """Where a subscriber gets its events from."""

    READING = 0
    CATCHING = 1
    LIVE = 2
    PARKED = 3
    ENDED = 4


class Member:
    """A subscriber, in its group. It is what `Streams.begin` returns.

    Attributes:
        asker: Who it is.
        outlet: The way to its client.
        mode: Where it gets its events from.
        ready: Whether what is new goes straight to the outlet, unless that is congested.
        after: It needs nothing up to this position.
        allowance: How far it was behind when it began; so much more it may be behind.
    """

    __slots__ = (
        "_group", "_held", "_room", "_since", "after", "allowance", "asker", "mode", "outlet",
        "ready",
    )  # fmt: skip

    def __init__(
        self, group: "Group", outlet: Outlet, asker: Asker, after: int, allowance: int = 0
    ) -> None:
        self._group = group
        self._held: deque[Delivery] | None = None
        self._since: float | None = None
        self.asker = asker
        self.outlet = outlet
        self.mode = Mode.READING
        self.ready = False
        self.after = after
        self.allowance = allowance
        self._room: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self.mode is Mode.ENDED

    def catch(self, after: int) -> None:
        """What comes after a position is held from now on, until `go_live`."""
        self.mode, self.ready, self.after = Mode.CATCHING, False, after
        self._held = deque()
        self._group.listen(self)

    def go_live(self) -> None:
        """It has all that is not held for it."""
        self.mode = Mode.LIVE
        self._drain()

    def take(self, delivery: Delivery) -> None:
        """Deliver, or hold, what is new to it."""
        if self.mode not in (Mode.LIVE, Mode.CATCHING):
            return
        payload = delivery.to(self.asker.principal.identity)
        if payload is None:
            self._group.reread(self, delivery.position - 1)
            return
        if self._held is None:
            self._held, self.ready = deque(), False
        self._held.append(delivery)
        if self.mode is Mode.LIVE:
            self._drain()
        if self._held is not None and len(self._held) > self._group.services.limits.held:
            self._make_room()

    def _drain(self) -> None:
        """Deliver what is held for it, as far as the client takes it."""
        held, outlet, identity = self._held, self.outlet, self.asker.principal.identity
        while held and not self.ended and not outlet.congested:
            delivery = held.popleft()
            outlet.deliver(delivery.to(identity) or b"")
            self._group.count_delivered(delivery, 1)
            self._since = None
        if self.ended:
            return
        if held:
            self._fell_behind()
        else:
            self._held, self._since, self.ready = None, None, True

    def _make_room(self) -> None:
        """Too much is held: merge it, else leave it to the log."""
        held = self._held or deque()
        if self.mode is Mode.CATCHING:
            self._group.unlisten(self)
            self.mode, self._held = Mode.READING, None
            return
        kept = _latest(held)
        if len(kept) <= self._group.services.limits.held * _ROOM_AFTER:
            event_metrics.stream_coalesced(self._group.field, len(held) - len(kept))
            self._held = kept
        else:
            self.park(held[0].position - 1)

    def park(self, after: int) -> None:
        """Nothing is held for it; once it takes more, it reads on from a position."""
        self._group.unlisten(self)
        self.mode, self.ready, self._held = Mode.PARKED, False, None
        self.after = after
        self._fell_behind()

    def back_to_log(self, at: int) -> None:
        """What is new could not be kept for it any longer: it reads on.

        Args:
            at: The last position that was delivered to all who were ready.
        """
        held, mode = self._held, self.mode
        if mode is Mode.CATCHING:
            self.mode, self._held = Mode.READING, None
        elif held:
            self.park(held[0].position - 1)
        else:
            self._group.reread(self, max(at, self.after))

    def read_on(self, after: int) -> None:
        """A lane reads the log for it from a position on."""
        self.mode, self.ready, self._held, self.after = Mode.READING, False, None, after

    def resumed(self) -> None:
        """The outlet is congested no longer: what was held back follows."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self.mode is Mode.LIVE and self._held:
            self._drain()
        elif self.mode is Mode.PARKED:
            self._since = None
            self._group.reread(self, self.after)

    def end(self) -> None:
        """The client wants no more, or is gone. May be called again."""
        if self.mode is Mode.ENDED:
            return
        self.mode, self.ready, self._held = Mode.ENDED, False, None
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        services = self._group.services
        services.wheel.discard(self, self.asker.principal.expires_at.timestamp())
        self._group.leave(self)

    def fail(self, errors: bytes) -> None:
        """Refuse it, before anything was delivered."""
        if self.mode is not Mode.ENDED:
            self.end()
            self.outlet.fail(errors)

    def check(self, now: float) -> None:
        """Close the connection if the token has expired, or nothing was read for long."""
        if self.mode is Mode.ENDED:
            return
        if self.asker.principal.expires_at.timestamp() <= now:
            self._close(CloseCode.UNAUTHORIZED, _EXPIRED)
            return
        since, services = self._since, self._group.services
        if since is None:
            return
        if now - since < services.limits.stalled_s:
            services.wheel.add(self, since + services.limits.stalled_s)
            return
        cursor = encode_cursor(self._group.stream, self.reached)
        reason = f"nothing was read for long; connect again and go on with after: {cursor}"
        self._close(CloseCode.TRY_AGAIN_LATER, reason)

    @property
    def reached(self) -> int:
        """The position up to which it was sent everything; a congested one's, to the event."""
        return self._held[0].position - 1 if self._held else self.after

    async def has_room(self) -> None:
        """Wait until the client takes more, or is gone."""
        while self.outlet.congested and not self.ended:
            self._fell_behind()
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self._room, self._since = None, None

    def _fell_behind(self) -> None:
        if self._since is None:
            services = self._group.services
            self._since = services.clock()
            services.wheel.add(self, self._since + services.limits.stalled_s)

    def _close(self, code: CloseCode, reason: str) -> None:
        self.end()
        self.outlet.close(code, reason)


def _latest(held: deque[Delivery]) -> deque[Delivery]:
    """What is left if of each key only the latest is kept, in order."""
    last = {d.key: d.position for d in held if d.key is not None}
    return deque(d for d in held if d.key is None or last[d.key] == d.position)
