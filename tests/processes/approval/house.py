"""Recommendations in a store, with a clock that stands; and their approval, in memory."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.events import Event
from canonical.ordering import Ordered, OrderReference, WantedOrder
from canonical.ports import ListQuery, Source
from canonical.replenishment import (
    Approver,
    Decision,
    Evaluated,
    Proposals,
    RecommendationDesk,
    Recommended,
    Verdict,
)
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.replenishment.recommendations import Recommendations
from runtime.replenishment.source import RecommendationSource
from runtime.store.store import Store
from tests.fakes.asks import ASK
from tests.fakes.engines import FakeEngine
from tests.fakes.processes import Clock
from tests.fakes.proposals import LINES, MORNING, evaluated, in_two_weeks, proposal
from workflows.approval.desk import Approvers
from workflows.approval.policies import (
    ApprovalPolicy,
    Automatic,
    Deadlines,
    Escalation,
    Limit,
)
from workflows.approval.ports import Calculating, Ordering
from workflows.approval.process import Approval
from workflows.approval.reacting import Reacting
from workflows.notifications.ports import Notice, NoticeKind
from workflows.process import Process, ProcessKind, Starting
from workflows.replenishment.calculation import Calculated

STREAM = EntityName.RECOMMENDATION
POLICY = ApprovalPolicy(
    automatic=(Automatic(name="small", up_to={"EUR": Decimal(500)}),),
    limits=(
        Limit(roles=frozenset({"planner"}), up_to={"EUR": Decimal(5_000)}),
        Limit(roles=frozenset({"buyer"}), up_to=None, unpriced=True),
    ),
    deadlines=(
        Deadlines(
            to="role:buyer",
            remind_after=(timedelta(hours=4),),
            escalations=(Escalation(timedelta(hours=24), "owner:lea"),),
            expire_after=timedelta(days=14),
        ),
    ),
    two_above={"EUR": Decimal(20_000)},
    requester_decides=False,
    quiet=timedelta(days=7),
)


class House:
    """Recommendations in a store, with a clock that stands."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self.clock = clock or Clock(MORNING)
        self.store = store
        self.ledger = Ledger(store, now=self.clock, random=Random(7))
        self.kept = Recommendations(self.ledger, expires_at=in_two_weeks, quiet=timedelta(days=7))
        self.source: Source = RecommendationSource(store, now=self.clock)
        self.proposals: Proposals = self.kept

    def later(self, **by: float) -> None:
        """Move the clock."""
        self.clock.to(self.clock.now + timedelta(**by))

    async def take(self, *found: Evaluated) -> list[tuple[str, str]]:
        """What comes of evaluations: status and key of what has changed."""
        before = len(await self.told())
        await self.proposals.take(found, at=self.clock())
        return [(e.data.status.value, e.key) for e in (await self.told())[before:]]

    async def one(self, item: str = "SKU-1", **said: Any) -> str:
        """The key of a new recommendation."""
        [(_, key)] = await self.take(evaluated(item, **said))
        return key

    async def told(self) -> list[Event]:
        """What the log was told of."""
        return list(await self.ledger.read(STREAM, 0, 1_000))

    async def standing(self) -> list[tuple[str, str, Decimal]]:
        """Item, status and quantity of all."""
        page = await self.source.page(ListQuery((), (), 100, frozenset()), ASK)
        return [(r.item, r.status.value, r.quantity) for r in page.records]  # type: ignore[attr-defined]

    async def status(self, key: str) -> str:
        """How far one has come."""
        return (await self.kept.get(key)).record.status.value


class OrderAsked(Struct, frozen=True):
    """Input of a process that orders."""

    wanted: WantedOrder


class Made(Struct, frozen=True):
    """What comes of it."""

    ordered: Ordered


class Approving(House):
    """The same with processes, an ordering that does as it is told, and people who are told."""

    def __init__(self, store: Store, policy: ApprovalPolicy = POLICY) -> None:
        super().__init__(store)
        self.notices: list[Notice] = []
        self.decides = ""
        self.wanted: list[WantedOrder] = []
        self.comes_of_it: Ordered | SupplygraphError = self.made("erp-eu", "45/7", "PO-45")
        how = Ordering(self.starting, Made, lambda made: made.ordered)
        self.approval = Approval(self.kept, policy, how, self)
        self.ordering = ProcessKind("ordering", 1, OrderAsked, Made, self.order)
        self.engine = FakeEngine(self.approval.kind(), self.ordering, clock=self.clock)
        self.reacting = Reacting(self.engine)
        self.position = 0
        self.calculating = Calculating(self.again, self.today)
        self.desk: RecommendationDesk = Approvers(self.kept, policy, self.engine, self.calculating)

    @staticmethod
    def made(system: str, key: str, number: str | None = None) -> Ordered:
        """An order is made."""
        return Ordered(order=OrderReference(system, key, number))

    def starting(self, wanted: WantedOrder, found: Recommended) -> Starting:
        """The process that orders."""
        return Starting(
            kind="ordering",
            process_id=f"{found.key}/order",
            asked=OrderAsked(wanted),
            correlation_id=found.record.correlation_id,
        )

    async def order(self, process: Process, asked: OrderAsked) -> Made:
        """Order, as it is told."""
        self.wanted.append(asked.wanted)
        if isinstance(self.comes_of_it, SupplygraphError):
            raise self.comes_of_it
        return Made(self.comes_of_it)

    async def tell(self, notices: Sequence[Notice]) -> None:
        """Tell people, of whom one may decide when he is reminded."""
        self.notices += notices
        if self.decides and notices[0].kind is NoticeKind.APPROVAL_REMINDER:
            await self.kept.decide(self.decides, says(), approvals(1))

    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        """Nobody asks for this."""
        raise NotImplementedError

    def again(self, inputs: bytes) -> Calculated:
        """What the calculation finds on frozen inputs."""
        if inputs != b'{"on_hand":"40"}':
            raise msgspec.ValidationError("another form")
        return Calculated(proposal=proposal(), lines=LINES)

    async def today(self, item: str, location: str, *, correlation_id: str) -> Calculated:
        """What it finds today."""
        return Calculated(lines=LINES[:1])

    async def proposed(self, *found: Evaluated) -> list[str]:
        """Take evaluations; the keys of all processes, in order."""
        await self.kept.take(found or (evaluated(),), at=self.clock())
        await self.react()
        return [key for key in self.engine.processes if not key.endswith("/order")]

    async def react(self) -> None:
        """Let processes hear of what is in the log."""
        events = await self.ledger.read(STREAM, self.position, 1_000)
        await self.reacting.react(events)
        self.position += len(events)
        await self.engine.quiet()

    async def outcome(self, key: str) -> Any:
        """What came of a process."""
        ended = await self.engine.ended(key, 1)
        return None if ended is None else ended.outcome


def says(
    who: str = "pia",
    decision: Decision = Decision.APPROVE,
    *,
    role: str = "planner",
    note: str | None = None,
    once: str | None = None,
) -> Verdict:
    """What somebody says."""
    approver = Approver(subject=who, roles=frozenset({role}))
    return Verdict(decision=decision, approver=approver, note=note, once=once)


def approvals(count: int) -> Callable[[Recommended], int]:
    """A judge who lets everybody, and wants so many to approve."""
    return lambda _: count
