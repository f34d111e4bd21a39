"""Sends what is in the outbox: each message at least once, until it is sent or given up.

Of each channel what is due longest is tried first. Of several processes one sends by a channel at a
time, under a lease that it takes anew for each round. What fails is tried again after longer and
longer times; what the other side refuses for good, and what was tried too often, is given up and
becomes an exception of its channel. Of that exception nobody is sent anything: the channel is what
is broken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from canonical.errors import SupplygraphError
from canonical.exceptions import ExceptionCategory, Trouble, Troubles
from runtime.events.leases import Leases
from runtime.notifications.outbox import OutboxRows, Queued
from workflows.exceptions.troubles import UNTOLD
from workflows.notifications.outbox import message_of
from workflows.notifications.routing import Message

_TIDY_S: Final = 3_600.0
_MOST: Final = 1_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class NotSentError(Exception):
    """A message was not sent, or nobody knows that it was.

    Attributes:
        message: Why, for people; no secrets.
        final: Whether it would be refused again, however often it is tried.
        after_s: Seconds that the other side asks to be left in peace for; None if it does not.
    """

    def __init__(self, message: str, *, final: bool = False, after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.final = final
        self.after_s = after_s


class Channel(Protocol):
    """A way to send messages."""

    async def send(self, message: Message) -> None:
        """Send a message, within a time of its own.

        Raises:
            NotSentError: if it was not sent, or nobody knows that it was.
        """


class Pace(Struct, frozen=True, kw_only=True):
    """When and how often messages are tried.

    Attributes:
        first_s: Seconds until the second try; each further one is twice as far off.
        longest_s: Most seconds between two tries.
        tries: How often a message is tried before it is given up.
        at_once: How many are sent at the same time.
        every_s: Seconds between two looks into the outbox.
        lease_s: Seconds for which a process sends; longer than any channel takes for a message.
        kept_days: Days for which what was sent or given up is remembered.
    """

    first_s: float = 30.0
    longest_s: float = 3_600.0
    tries: int = 12
    at_once: int = 8
    every_s: float = 1.0
    lease_s: float = 120.0
    kept_days: int = 30

    def pause_s(self, attempts: int, random: Random) -> float:
        """Seconds until the next try, after so many."""
        grown_s = self.first_s * 2.0 ** min(attempts - 1, 30)
        return min(grown_s, self.longest_s) * random.uniform(0.8, 1.2)


class Sender:
    """Sends what is in an outbox.

    Args:
        rows: The outbox.
        leases: Which process sends.
        holder: Name of this process.
        channels: Ways to send, by name.
        troubles: Where it is reported that something cannot be sent.
        pace: When and how often messages are tried.
        now: The time.
        random: Spreads what is tried again.
        pause: Waits for some seconds.
    """

    def __init__(  # noqa: PLR0913  # each is another port
        self,
        rows: OutboxRows,
        leases: Leases,
        *,
        holder: str,
        channels: Mapping[str, Channel],
        troubles: Troubles,
        pace: Pace,
        now: Callable[[], datetime],
        random: Random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rows = rows
        self._leases = leases
        self._holder = holder
        self._channels = channels
        self._troubles = troubles
        self._pace = pace
        self._now = now
        self._random = random
        self._pause = pause

    async def run(self) -> None:
        """Send until cancelled; a channel that is slow or away keeps no other waiting."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(self.tidy, _TIDY_S))
            for name in self._channels:
                group.create_task(self._again_and_again(partial(self.round, name)))

    async def round(self, channel: str) -> int:
        """Try what is due by a channel, some of it.

        Returns:
            How many messages were tried; 0 too if another process sends by this channel.

        Raises:
            UnavailableError: the store cannot be reached. What was sent may be sent again.
        """
        if not await self._rows.due(channel, self._now(), 1):
            return 0
        lease = await self._leases.acquire(_lease(channel), self._holder, self._pace.lease_s)
        if lease is None:
            return 0
        try:
            due = await self._rows.due(channel, self._now(), self._pace.at_once)
            async with asyncio.TaskGroup() as group:
                for queued in due:
                    group.create_task(self._try(queued))
        except* SupplygraphError as several:
            raise several.exceptions[0] from None
        finally:
            await self._leases.release(lease)
        return len(due)

    async def tidy(self) -> int:
        """Forget what is old, and give up what would go by channels that are no more.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        for queued in await self._rows.lost(self._channels, _MOST):
            gone = f"there is no channel {queued.channel!r} any more"
            await self._failed(queued, None, NotSentError(gone, final=True))
        before = self._now() - timedelta(days=self._pace.kept_days)
        while await self._rows.forget(before, _MOST) == _MOST:
            pass
        return 0

    async def _again_and_again(
        self, work: Callable[[], Awaitable[int]], rest_s: float | None = None
    ) -> None:
        """Do work, at once again as long as there is some to do."""
        while True:
            try:
                done = await work()
            except SupplygraphError as error:
                _log.warning("notices.unsent", error=error.message)
                done = 0
            except Exception as exc:  # noqa: BLE001  # one channel must not end the others
                _log.error("notices.broken", exc_info=exc)
                done = 0
            if not done:
                await self._pause(self._pace.every_s if rest_s is None else rest_s)

    async def _try(self, queued: Queued) -> None:
        try:
            message = message_of(queued)
        except msgspec.MsgspecError:
            unknown = NotSentError("it is of a form that is not known here", final=True)
            await self._failed(queued, None, unknown)
            return
        try:
            await self._channels[queued.channel].send(message)
        except NotSentError as error:
            await self._failed(queued, message, error)
        except Exception as exc:  # noqa: BLE001  # one message must not keep the others
            _log.error("notice.broken", message_id=queued.message_id, exc_info=exc)
            broken = NotSentError(f"it failed in a way not foreseen ({type(exc).__name__})")
            await self._failed(queued, message, broken)
        else:
            await self._rows.sent(queued.message_id, self._now())
            for cause in (_cause(message.channel, None), _cause(message.channel, message.address)):
                await self._troubles.over(cause, why="a message was sent")

    async def _failed(self, queued: Queued, message: Message | None, error: NotSentError) -> None:
        tries = queued.attempts + 1
        about = {"message_id": queued.message_id, "channel": queued.channel, "tries": tries}
        if error.final or tries >= self._pace.tries:
            await self._rows.given_up(queued.message_id, error.message)
            _log.error("notice.given_up", reason=error.message, **about)
            await self._troubles.report(_trouble(queued, message, error, tries))
            return
        wait_s = max(self._pace.pause_s(tries, self._random), error.after_s or 0.0)
        next_at = self._now() + timedelta(seconds=min(wait_s, self._pace.longest_s * 1.2))
        await self._rows.failed(queued.message_id, error.message, next_at)
        _log.warning("notice.not_sent", reason=error.message, **about)


def _lease(channel: str) -> str:
    return f"notifications:{channel}"


def _cause(channel: str, address: str | None) -> str:
    """Names that a channel, or one address of it, takes nothing."""
    return f"{UNTOLD}{channel}" if address is None else f"{UNTOLD}{channel}/{address}"


def _trouble(queued: Queued, message: Message | None, error: NotSentError, tries: int) -> Trouble:
    """That a message was given up: one for the channel, or for the address that it refuses."""
    address = message.address if message is not None and error.final else None
    way = queued.channel if address is None else f"{queued.channel} to {address}"
    category = ExceptionCategory.BACKEND_UNAVAILABLE
    if error.final:
        category = ExceptionCategory.VALIDATION_REFUSED
    return Trouble(
        cause=_cause(queued.channel, address),
        category=category,
        message=(
            f"nobody was told of {queued.about} by {way}, in {tries} tries: {error.message}. Put "
            "right what is wrong, and tell them yourself"
        ),
        correlation_id=queued.about if message is None else message.notice.correlation_id,
        details={"channel": queued.channel, "notice": queued.message_id},
    )
