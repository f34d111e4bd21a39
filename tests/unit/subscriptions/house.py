"""A process with subscriptions: a log, an answerer, and outlets that remember what they got."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from graphql import parse

from canonical import events
from canonical.criteria import Condition, Criteria, Op
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.event_streams import StreamName
from canonical.events import Event
from canonical.purchase_orders import PurchaseOrderStatus
from resolvers.context import RequestContext
from resolvers.events import Shown
from runtime.security.principal import Principal, Role
from subscriptions.answering import (
    Answers,
    Asker,
    Opened,
    Refused,
    SubscriptionRequest,
)
from subscriptions.cursors import decode_cursor, encode_cursor
from subscriptions.hub import Streams
from subscriptions.limits import StreamLimits
from subscriptions.outlets import CloseCode, Subscription

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ORDER = EntityName.PURCHASE_ORDER
ORDERS = "subscription S($after: String, $snapshot: Boolean, $filter: PurchaseOrderEventFilter) {"
ORDERS += " purchaseOrderChanged(filter: $filter, after: $after, snapshot: $snapshot) { cursor } }"
FORECASTS = "subscription { forecastChanged { cursor } }"


def planner(subject: str = "pia", hours: float = 1) -> Principal:
    return Principal(subject, frozenset({Role.PLANNER}), None, NOW + timedelta(hours=hours))


def supplier(*codes: str, subject: str = "sam") -> Principal:
    return Principal(subject, frozenset({Role.SUPPLIER}), codes, NOW + timedelta(hours=1))


def order(position: int, number: str = "1", code: str = "S1", **changes: Any) -> Event:
    data = events.PurchaseOrderStatusChanged(
        number=number, supplier=code, status=changes.pop("status", PurchaseOrderStatus.SENT)
    )
    return _event(events.STATUS_CHANGED, position, number, data, **changes)


def forecast(position: int, item: str = "I1", **changes: Any) -> Event:
    data = events.ForecastRevised(
        item=item,
        location=None,
        period_start=NOW.date(),
        period_end=None,
        quantity=Decimal(position),
    )
    return _event(events.FORECAST_REVISED, position, item, data, **changes)


def _event(kind: events.EventType, position: int, key: str, data: Any, **changes: Any) -> Event:
    return Event(
        type=kind.type,
        system="erp",
        source_event_id=f"{kind.name}{position}",
        key=key,
        subjects=(f"{kind.stream.value}:{key}",),
        occurred_at=NOW,
        data=data,
        correlation_id=f"c{position}",
        event_id=f"e{position}",
        position=position,
        recorded_at=NOW,
        **changes,
    )


class Log:
    """The log of one stream; a reading waits at `gate` if there is one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.first_kept = 1
        self.reads: list[int] = []
        self.gate: Callable[[], Awaitable[object]] | None = None

    async def read(self, stream: StreamName, after: int, limit: int) -> Sequence[Event]:
        self.reads.append(after)
        if self.gate is not None:
            await self.gate()
        if after + 1 < self.first_kept:
            raise InvalidInputError("no longer kept")
        return [e for e in self.events if e.stream is stream][after : after + limit]

    async def heads(self) -> Mapping[StreamName, int]:
        return {e.stream: e.position for e in self.events}

    async def oldest(self, stream: StreamName) -> int:
        return self.first_kept


class Answerer:
    """Answers with the event's position and who it was executed for; counts executions."""

    def __init__(self) -> None:
        self.executed: list[tuple[str, tuple[int, ...]]] = []
        self.gate: Callable[[], Awaitable[object]] | None = None
        self.personal = False
        self.hidden: set[int] = set()
        self.name = "first"
        self.opened = 0

    def open(self, request: SubscriptionRequest) -> Opened | Refused:
        self.opened += 1
        if "nonsense" in request.query:
            return Refused(b'[{"message":"nonsense"}]')
        field = next(w for w in request.query.replace("(", " ").split() if w in _FIELDS)
        given = request.variables
        return Opened(
            tree=parse(request.query),
            field=field,
            criteria=_criteria(given.get("filter")),
            after=given.get("after"),
            snapshot=bool(given.get("snapshot")),
        )

    async def execute(self, opened: Opened, shown: Sequence[Shown], asker: Asker) -> Answers:
        subject = asker.principal.subject
        self.executed.append((subject, tuple(s.event.position for s in shown)))
        if self.gate is not None:
            await self.gate()
        told = [{"data": {"at": s.cursor, "for": subject, "by": self.name}} for s in shown]
        payloads = [msgspec.json.encode(t) for t in told]
        seen = [s.event.position not in self.hidden for s in shown]
        return Answers(
            [p if s else b"" for p, s in zip(payloads, seen, strict=True)], self.personal
        )

    async def read(self, reading: Callable[[RequestContext], Awaitable[T]], asker: Asker) -> T:
        raise NotImplementedError

    def told(self, problem: Exception, correlation_id: str) -> bytes:
        assert isinstance(problem, SupplygraphError)
        extensions = {"code": problem.code, **problem.details()}
        return msgspec.json.encode([{"message": problem.message, "extensions": extensions}])

    def refused(self, problem: Exception, request: SubscriptionRequest) -> bytes:
        return self.told(problem, request.correlation_id)


_FIELDS = {"purchaseOrderChanged", "forecastChanged", "receiptPosted", "recommendationChanged"}


def _criteria(given: Mapping[str, Sequence[str]] | None) -> Criteria:
    return tuple(Condition(k, Op.IN, tuple(v)) for k, v in (given or {}).items())


class Tap:
    """An outlet. It takes `room` payloads at a time, as many as come if that is None."""

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        self.raw: list[bytes] = []
        self.failed: Any = None
        self.closed: tuple[CloseCode, str] | None = None
        self.subscription: Subscription | None = None

    @property
    def congested(self) -> bool:
        return self.room is not None and self.room <= 0

    def deliver(self, payload: bytes) -> None:
        self.raw.append(payload)
        if self.room is not None:
            self.room -= 1

    def fail(self, errors: bytes) -> None:
        self.failed = json.loads(errors)

    def complete(self) -> None:
        raise NotImplementedError

    def close(self, code: CloseCode, reason: str) -> None:
        self.closed = (code, reason)

    def drink(self, room: int | None = None) -> None:
        """The client has read all; it takes so many more."""
        self.room = room
        assert self.subscription is not None
        self.subscription.resumed()

    @property
    def told(self) -> list[Any]:
        return [json.loads(p) for p in self.raw]

    def positions(self, stream: StreamName = ORDER) -> list[int]:
        return [decode_cursor(t["data"]["at"], stream) for t in self.told if t["data"]]

    @property
    def code(self) -> str | None:
        return None if self.failed is None else str(self.failed[0]["extensions"]["code"])


class House:
    """A process with subscriptions, and the follower that shows it what is in the log."""

    def __init__(self, shown: int = 0, **limits: Any) -> None:
        self.log = Log()
        self.answerer = Answerer()
        self.now = NOW.timestamp()
        self.paused = 0
        self.streams = Streams(
            self.log,
            self.answerer,
            {ORDER: shown},
            limits=StreamLimits(**limits),
            clock=lambda: self.now,
            pause=self._pause,
        )
        if shown:
            self.log.events = [order(n + 1) for n in range(shown)]

    async def _pause(self, _: float) -> None:
        self.paused += 1
        await asyncio.sleep(0)

    def begin(
        self,
        principal: Principal | None,
        query: str = ORDERS,
        *,
        tap: Tap | None = None,
        after: int | str | None = None,
        **variables: Any,
    ) -> Tap:
        tap = tap or Tap()
        if after is not None:
            variables["after"] = after if isinstance(after, str) else encode_cursor(ORDER, after)
        request = SubscriptionRequest(query, variables, None, principal, "mine")
        tap.subscription = self.streams.begin(request, tap)
        return tap

    async def happen(self, *happened: Event) -> None:
        """Record and show events, and let everything settle."""
        self.log.events += happened
        await self.streams.show(happened)
        await settled()


async def settled() -> None:
    """Let everything run that can run."""
    for _ in range(60):
        await asyncio.sleep(0)
