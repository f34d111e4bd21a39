"""Troubles to report, and what stands of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from canonical.event_streams import OwnStream
from canonical.events import Event
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.values import Money
from runtime.events.ledger import Ledger
from runtime.notifications.outbox import OutboxRows
from runtime.store.store import Store
from tests.fakes.engines import FakeEngine
from workflows.exceptions.desk import Decisions
from workflows.exceptions.rules import Rules
from workflows.exceptions.troubles import Reporting
from workflows.notifications.outbox import Outbox, message_of
from workflows.notifications.ports import Notice
from workflows.notifications.routing import Route, Routing
from workflows.process import Engine

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXCEPTION = OwnStream.EXCEPTION
LATE = Trouble(
    cause="order:erp:45/late",
    category=ExceptionCategory.LATE_ACKNOWLEDGEMENT,
    message="S-1 has not confirmed order 45: call them",
    correlation_id="c-45",
    process_id="confirmation-45",
    subjects=("purchase_order:45", "supplier:S-1", "item:I-1", "item:I-2", "region:EU"),
    value_at_risk=Money(Decimal("120.50"), "EUR"),
)


def trouble(**changes: Any) -> Trouble:
    return replace(LATE, **changes)


class Office:
    """Where troubles are reported and decided on, with a clock that goes where it is told."""

    def __init__(self, store: Store, rules: Rules | None = None, engine: Any = None) -> None:
        self.now = NOON
        clock: Callable[[], datetime] = lambda: self.now  # noqa: E731  # reads the attribute
        self.store = store
        self.ledger = Ledger(store, now=clock)
        self.rows = OutboxRows(store)
        self.outbox = Outbox(self.rows, Routing(routes=(Route(channel="chat"),)), now=clock)
        self.engine: Engine = engine or FakeEngine()
        self.troubles = Reporting(self.ledger, rules or Rules(owner="desk"), self.outbox)
        self.desk = Decisions(self.ledger, self.outbox, self.engine)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    async def events(self) -> Sequence[Event]:
        return await self.ledger.read(EXCEPTION, 0, 1_000)

    async def notices(self) -> Sequence[Notice]:
        due = await self.rows.due("chat", self.now + timedelta(days=999), 1_000)
        return [message_of(queued).notice for queued in due]
