"""The outbox: what people are to be told, kept in one transaction with what it tells of."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog
from typing_extensions import override

from runtime.events.writing import Writing
from runtime.notifications.outbox import OutboxRows, Queued, put
from workflows.notifications.ports import Notice, Notices
from workflows.notifications.routing import Message, Routing

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Message).decode


class Outbox(Notices):
    """Keeps what people are to be told.

    Args:
        rows: Where.
        routing: Who is told of what, and how.
        now: The time.
    """

    def __init__(self, rows: OutboxRows, routing: Routing, *, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._routing = routing
        self._now = now

    @override
    async def tell(self, notices: Sequence[Notice]) -> None:
        await self._rows.put(self._queued(notices))

    @override
    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        await put(writing.connection, self._queued(notices))

    def _queued(self, notices: Sequence[Notice]) -> Sequence[Queued]:
        at = self._now()
        found: list[Queued] = []
        for notice in notices:
            messages = self._routing.messages(notice)
            if not messages:
                _log.info("notice.nobody_told", kind=notice.kind.value, about=notice.about)
            found += (_queued(message, at) for message in messages)
        return found


class Silence(Notices):
    """Tells nobody: for installations without channels."""

    @override
    async def tell(self, notices: Sequence[Notice]) -> None:
        """Nobody is told."""

    @override
    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        """Nobody is told."""


def message_of(queued: Queued) -> Message:
    """The message of a row.

    Raises:
        msgspec.MsgspecError: if it is none that this release knows.
    """
    return _decode(queued.content)


def _queued(message: Message, at: datetime) -> Queued:
    return Queued(
        message_id=message.message_id,
        channel=message.channel,
        about=message.notice.about,
        content=_encode(message).decode(),
        created_at=at,
    )
