"""A question that a group of subscribers shares: executed once for each event and its bytes shared.

Where an answer turns out to be personal it is executed once for each caller, and goes to that one
alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from msgspec import Struct

from canonical.event_streams import StreamName
from canonical.events import Event
from resolvers.events import Shown
from runtime.security.principal import Identity
from runtime.telemetry import event_metrics
from subscriptions.answering import Answers, Asker, Opened, Refused, SubscriptionRequest
from subscriptions.cursors import encode_cursor
from subscriptions.log import Heard
from subscriptions.payloads import failure, payload_of
from subscriptions.services import Services

_log = structlog.get_logger(__name__)


class Delivery(Struct, frozen=True):
    """What is to be delivered for an event.

    Attributes:
        position: The event's place in its stream.
        payload: What everybody gets, unless it is personal.
        recorded: When the log took the event, in seconds since the epoch.
        occurred: When it happened in its system, in the same way; None if it was told of too late.
        key: Of several with the same one, the last is enough for who is behind; None if all count.
        personal: What each caller gets, by identity; None if everybody gets the same.
    """

    position: int
    payload: bytes
    recorded: float
    occurred: float | None = None
    key: tuple[str, ...] | None = None
    personal: Mapping[Identity, bytes] | None = None

    def to(self, identity: Identity) -> bytes | None:
        """What a caller gets; None if it was not executed for this one."""
        return self.payload if self.personal is None else self.personal.get(identity)


class Question:
    """What a group asks.

    Args:
        services: What all share.
        request: As the first of the group asked it.
        opened: The same, opened.
    """

    def __init__(self, services: Services, request: SubscriptionRequest, opened: Opened) -> None:
        self.field: Final = opened.field
        self._services: Final = services
        self._request: Final = request
        self._opened: Opened | Refused = opened
        self._generation = services.generation
        self._personal = False

    async def deliveries(
        self, stream: StreamName, heards: Sequence[Heard], askers: Sequence[Asker]
    ) -> Sequence[Delivery]:
        """What to deliver for some events; for some askers, who all may see the same.

        Nothing for events about records that they may not see.
        """
        shown = [Shown(h.event, encode_cursor(stream, h.position)) for h in heards]
        return await self.told(shown, askers)

    async def told(self, shown: Sequence[Shown], askers: Sequence[Asker]) -> Sequence[Delivery]:
        """As `deliveries`, for what is ready to be shown."""
        first = askers[0]
        answers = await self._execute(shown, first)
        self._personal = self._personal or answers.personal
        payloads = _payloads(answers, shown)
        if not self._personal:
            return [_delivery(s.event, p) for s, p in zip(shown, payloads, strict=True) if p]
        found = {first.principal.identity: payloads}
        for asker in askers:
            if asker.principal.identity not in found:
                own = await self._execute(shown, asker)
                found[asker.principal.identity] = _payloads(own, shown)
        return [
            _delivery(s.event, b"", {identity: own[at] for identity, own in found.items()})
            for at, s in enumerate(shown)
            if payloads[at]  # they all may see the same
        ]

    async def _execute(self, shown: Sequence[Shown], asker: Asker) -> Answers:
        services = self._services
        correlation_id = shown[0].event.correlation_id
        async with services.turns.turn():
            if self._generation != services.generation:
                self._open_again()
            opened = self._opened
            if isinstance(opened, Refused):
                return Answers([failure(opened.errors)] * len(shown))
            event_metrics.stream_executed(self.field)
            try:
                return await services.answering.execute(opened, shown, asker)
            except Exception as exc:  # noqa: BLE001  # one answer's fault must not end the stream
                _log.exception("an event could not be answered", correlation_id=correlation_id)
                told = services.answering.told(exc, correlation_id)
                return Answers([failure(told)] * len(shown))

    def _open_again(self) -> None:
        self._generation = self._services.generation
        self._opened = self._services.answering.open(self._request)


def _payloads(answers: Answers, shown: Sequence[Shown]) -> list[bytes]:
    return [payload_of(p, s) if p else b"" for p, s in zip(answers.payloads, shown, strict=True)]


def _delivery(
    event: Event, payload: bytes, personal: Mapping[Identity, bytes] | None = None
) -> Delivery:
    recorded = event.recorded_at or event.occurred_at
    key = (event.type, event.system, event.key) if event.kind.coalesces else None
    occurred = event.occurred_at.timestamp() if event.applied else None
    return Delivery(event.position, payload, recorded.timestamp(), occurred, key, personal)
