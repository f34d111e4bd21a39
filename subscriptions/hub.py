"""The hub: from the follower of the event log to the connections of this process.

follower -> show -> index -> groups, each executed once -> outlets
begin -> opened, allowed, limited -> its group -> a lane that reads the log, or the present state
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from canonical.errors import InvalidInputError, SupplygraphError, UnauthenticatedError
from canonical.event_streams import StreamName
from canonical.events import Event
from runtime.security.principal import Identity, Principal, scope_key
from runtime.telemetry import event_metrics
from subscriptions.answering import Answering, Asker, Opened, Refused, SubscriptionRequest
from subscriptions.channels import Channel
from subscriptions.cursors import decode_cursor
from subscriptions.groups import Group
from subscriptions.limits import StreamLimits
from subscriptions.log import EventLog
from subscriptions.members import Member
from subscriptions.outlets import Outlet, Subscription
from subscriptions.presents import begin_with_present
from subscriptions.problems import TooManySubscriptionsError
from subscriptions.questions import Question
from subscriptions.services import Pause, Services
from subscriptions.sharing import Questions
from subscriptions.topics import TOPICS, Topic, Wanted

_SLICE: Final = 128
_TICK_S: Final = 1.0
_BOTH: Final = (
    "`after` and `snapshot: true` exclude each other: go on from a cursor, or begin with the "
    "present state"
)
_NOBODY: Final = (
    "no token: send one with the connection, as `Authorization: Bearer <token>` in its headers or "
    "its `connection_init` payload"
)


class Streams:
    """All subscriptions of this process.

    Args:
        log: The log.
        answering: What answers.
        shown: Where the follower begins: the last position of each stream before what it shows.
        limits: What subscriptions may take.
        clock: Seconds since the epoch.
        pause: Waits for some seconds.
    """

    def __init__(
        self,
        log: EventLog,
        answering: Answering,
        shown: Mapping[StreamName, int],
        *,
        limits: StreamLimits | None = None,
        clock: Callable[[], float] = time.time,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._services: Final = Services(answering, limits or StreamLimits(), clock, pause)
        self._limits: Final = self._services.limits
        self._questions: Final = Questions()
        self._of_principal: Final[Counter[Identity]] = Counter()
        self._channels: Final = {
            t.field: Channel(t, log, self._services, shown.get(t.stream, 0), self._left)
            for t in TOPICS.values()
        }
        self._by_stream: Final = {c.topic.stream: c for c in self._channels.values()}
        self.size = 0

    def begin(self, request: SubscriptionRequest, outlet: Outlet) -> Subscription:
        """Begin a subscription, or refuse it through the outlet."""
        opened = self._services.answering.open(request)
        if isinstance(opened, Refused):
            outlet.fail(opened.errors)
            return _NEVER
        try:
            return self._begun(request, opened, outlet)
        except SupplygraphError as exc:
            outlet.fail(self._services.answering.refused(exc, request))
            return _NEVER

    async def show(self, events: Sequence[Event]) -> None:
        """Show what has happened: of each stream in order, each once, after its effects.

        Returns when all know of it, not when it is delivered.
        """
        for start in range(0, len(events), _SLICE):
            if start:
                await asyncio.sleep(0)
            for event in events[start : start + _SLICE]:
                channel = self._by_stream.get(event.stream)
                if channel is not None:
                    channel.show(event)

    def replace(self, answering: Answering) -> None:
        """Answer by another one from the next event on; subscriptions go on."""
        self._services.replace(answering)

    async def run(self) -> None:
        """Look at what has become due once a second, until cancelled."""
        while True:
            await self._services.pause(_TICK_S)
            self.tick()

    def tick(self) -> None:
        """Look at what has become due: tokens that have expired, clients that read nothing."""
        now = self._services.clock()
        for watched in self._services.wheel.due(now):
            watched.check(now)

    async def stop(self) -> None:
        """Deliver nothing more. Connections are left to those who have opened them."""
        await self._services.stop()

    def _begun(self, request: SubscriptionRequest, opened: Opened, outlet: Outlet) -> Subscription:
        principal = _known(request.principal)
        channel = self._channels[opened.field]
        wanted = channel.topic.wanted(opened.criteria, principal, self._limits.filter_values)
        after = _position(opened, channel.topic)
        self._check_limits(principal)
        group = self._group(channel, request, opened, wanted, principal)
        asker = Asker(principal, request.correlation_id, request.max_staleness_s)
        behind = 0 if after is None else max(0, channel.shown - after)
        member = Member(group, outlet, asker, channel.shown if after is None else after, behind)
        self._enter(channel, group, member)
        if after is not None:
            group.reread(member, after, fresh=True)
            return member
        member.catch(channel.shown)
        if opened.snapshot:
            self._services.start(begin_with_present(group, member, opened.criteria))
        else:
            member.go_live()
        return member

    def _check_limits(self, principal: Principal) -> None:
        limits = self._limits
        if self._of_principal[principal.identity] >= limits.per_principal:
            raise TooManySubscriptionsError(
                f"one caller may have {limits.per_principal} subscriptions at a time: end one first"
            )
        if self.size >= limits.per_process:
            raise TooManySubscriptionsError(
                f"this process has its {limits.per_process} subscriptions: try again later"
            )

    def _group(
        self,
        channel: Channel,
        request: SubscriptionRequest,
        opened: Opened,
        wanted: Wanted,
        principal: Principal,
    ) -> Group:
        key = b"%b|%r|%b" % (
            self._questions.digest(
                request.query, opened.tree, request.operation_name, request.variables
            ),
            request.max_staleness_s,
            scope_key(principal),
        )
        group = channel.find(key)
        if group is not None:
            return group
        channels = self._channels.values()
        if sum(map(len, channels)) >= self._limits.groups or (
            sum(c.entries for c in channels) >= self._limits.index_entries
        ):
            raise TooManySubscriptionsError(
                "this process has as many different subscriptions as it can hold: try again later, "
                "or use fewer values in the filter"
            )
        return channel.open(key, wanted, Question(self._services, request, opened))

    def _enter(self, channel: Channel, group: Group, member: Member) -> None:
        group.size += 1
        self.size += 1
        principal = member.asker.principal
        self._of_principal[principal.identity] += 1
        self._services.wheel.add(member, principal.expires_at.timestamp())
        event_metrics.stream_subscribed(channel.topic.field, 1, groups=len(channel))

    def _left(self, channel: Channel, member: Member) -> None:
        self.size -= 1
        identity = member.asker.principal.identity
        self._of_principal[identity] -= 1
        if not self._of_principal[identity]:
            del self._of_principal[identity]
        event_metrics.stream_subscribed(channel.topic.field, -1, groups=len(channel))


class _Never:
    """A subscription that was refused."""

    def resumed(self) -> None:
        """Nothing was held back."""

    def end(self) -> None:
        """It has never begun."""


_NEVER: Final = _Never()


def _known(principal: Principal | None) -> Principal:
    if principal is None:
        raise UnauthenticatedError(_NOBODY)
    return principal


def _position(opened: Opened, topic: Topic) -> int | None:
    if opened.after is None:
        return None
    if opened.snapshot:
        raise InvalidInputError(_BOTH)
    return decode_cursor(opened.after, topic.stream)
