r"""Follows the log in one process: every event once, in the order of its stream.

    own commits ----------\
    Redis Stream ----------> inboxes -> apply -> have all processes applied it? -> show
    heads, every 0.5 s ---/     \--- what is missing is read from the log

`apply` is for what must be so in every process before anybody is told (caches dropped); `show` is
for telling. While one batch waits for other processes the next ones are applied.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

import structlog

from canonical.errors import UnavailableError
from canonical.event_streams import StreamName
from canonical.events import Event
from runtime.events.channel import Channel
from runtime.events.inbox import Inbox
from runtime.events.ledger import Ledger, PositionTooOldError
from runtime.events.peers import Peers
from runtime.telemetry import event_metrics

OnEvents = Callable[[Sequence[Event]], Awaitable[None]]

_POLL_S: Final = 0.5
_GRACE_S: Final = 0.02
"""A missing event may be on its way from another process that was told of its commit later."""
_BATCH: Final = 500
_BATCHES: Final = 16
"""Batches that wait to be shown; then nothing is applied, until the slow catch up."""
_PEERS_S: Final = 1.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Follower:
    """One process's way through the log.

    Args:
        ledger: The log.
        channel: To and from other processes.
        apply: What must have happened in every process before an event is shown.
        show: Tells of events.
        clock: Seconds, of a clock that never goes back.
        member: Name of this process, which no other has.
    """

    def __init__(
        self,
        ledger: Ledger,
        channel: Channel,
        *,
        apply: OnEvents,
        show: OnEvents,
        clock: Callable[[], float] = time.monotonic,
        member: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._channel = channel
        self._apply = apply
        self._show = show
        self._clock = clock
        self._peers = Peers(channel, member or uuid4().hex, clock)
        self._inboxes: dict[StreamName, Inbox] = {}
        self._wake = asyncio.Event()
        self._look = asyncio.Event()
        self._shows: asyncio.Queue[Sequence[Event]] = asyncio.Queue(_BATCHES)
        self._tasks: list[asyncio.Task[None]] = []
        self._heard = 0

    @property
    def positions(self) -> Mapping[StreamName, int]:
        """Of each stream, the last position that is applied here, or about to be."""
        return {stream: inbox.position for stream, inbox in self._inboxes.items()}

    async def start(self, since: datetime | None = None) -> None:
        """Follow from what is the end of the log now, or was at a moment that is not long past.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        ledger = self._ledger
        heads = await (ledger.heads() if since is None else ledger.heads_at(since))
        self._inboxes = {stream: Inbox(head) for stream, head in heads.items()}
        self._ledger.on_commit(self._committed)
        self._channel.start(self._hear, self._peers.heard, self._look.set)
        await self._peers.start({stream.value: head for stream, head in heads.items()})
        self._tasks = [
            asyncio.create_task(run()) for run in (self._polls, self._applies, self._show_all)
        ]

    async def applied_everywhere(self, stream: StreamName, position: int, timeout_s: float) -> bool:
        """Wait until all processes have applied a stream up to a position.

        Returns:
            False if some had not in time. True at once where there is one process, or while Redis
            is away.
        """
        return await self._peers.reached({stream.value: position}, timeout_s)

    def health(self) -> Mapping[str, object]:
        """How far it is: events that are known of and not applied yet, and the other processes."""
        behind = sum(inbox.head - inbox.position for inbox in self._inboxes.values())
        others = len(self._peers.alive())
        return {"behind": behind, "others": others, "connected": self._channel.connected}

    async def aclose(self) -> None:
        """Stop. Events that were not shown yet are not shown."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._channel.aclose()
        await self._peers.aclose()

    async def _committed(self, events: Sequence[Event]) -> None:
        self._hear(events)
        await self._channel.publish(events)

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            self._inbox(event.stream).hear(event)
        self._wake.set()

    def _inbox(self, stream: StreamName) -> Inbox:
        """A stream that was not there at the start is followed from its beginning."""
        return self._inboxes.setdefault(stream, Inbox(0))

    async def _polls(self) -> None:
        """Look for what was committed and not told of, as by a process that was killed then."""
        while True:
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                heads = await self._ledger.heads()
            except UnavailableError as error:
                _log.debug("heads_not_read", error=error.message)
            else:
                self._seen(heads)

    def _seen(self, heads: Mapping[StreamName, int]) -> None:
        unheard = False
        for stream, head in heads.items():
            inbox = self._inbox(stream)
            unheard |= head > inbox.head
            inbox.head = max(inbox.head, head)
        if unheard and self._channel.heard == self._heard:
            self._channel.listen_anew()  # perhaps its entries are numbered from the start again
        self._heard = self._channel.heard
        self._wake.set()

    async def _applies(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while events := await self._next():
                await _guarded(self._apply, events)
                marks = _marks(events)
                self._peers.applied(marks)
                self._measure(events)
                await self._shows.put(events)

    async def _next(self) -> list[Event]:
        """What comes next, of all streams."""
        found: list[Event] = []
        for stream, inbox in list(self._inboxes.items()):
            if missing := inbox.missing():
                await self._fill(stream, inbox, missing)
            found += inbox.take(_BATCH)
        return found

    async def _fill(self, stream: StreamName, inbox: Inbox, missing: int) -> None:
        now = self._clock()
        if inbox.missing_since is None:
            inbox.missing_since = now
        if (left_s := inbox.missing_since + _GRACE_S - now) > 0:
            asyncio.get_running_loop().call_later(left_s, self._wake.set)
            return
        first, missing = inbox.position, min(missing, _BATCH)
        try:
            events = await self._ledger.read(stream, first, missing)
        except PositionTooOldError as error:
            _log.warning("events_gone_before_they_were_followed", stream=stream.value)
            inbox.skip_to(error.oldest - 1)
        except UnavailableError as error:
            _log.debug("log_not_read", error=error.message)  # the next look wakes us again
        else:
            inbox.settle(events, first + missing)

    async def _show_all(self) -> None:
        while True:
            events = list(await self._shows.get())
            while not self._shows.empty():
                events += self._shows.get_nowait()
            await self._peers.reached(_marks(events), _PEERS_S)
            await _guarded(self._show, events)

    def _measure(self, events: Sequence[Event]) -> None:
        behind = sum(inbox.head - inbox.position for inbox in self._inboxes.values())
        recorded_at = events[-1].recorded_at
        if recorded_at is not None:
            event_metrics.follower_applied(
                behind, (self._ledger.now() - recorded_at).total_seconds()
            )


async def _guarded(tell: OnEvents, events: Sequence[Event]) -> None:
    """Tell; one who fails loses these events, and neither the next ones nor the others theirs."""
    try:
        await tell(events)
    except Exception:  # noqa: BLE001  # the next ones are to be told all the same
        _log.exception("events_not_handled", events=len(events), first=events[0].event_id)


def _marks(events: Sequence[Event]) -> dict[str, int]:
    return {event.stream.value: event.position for event in events}
