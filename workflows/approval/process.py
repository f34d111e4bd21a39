"""The process of one recommendation: decided by itself or by people, then ordered.

    automatic ------------------------------------------> APPROVED -> ordering -> ORDERED | FAILED
    waits: reminders, escalations ... a decision is heard -> APPROVED -> ...
                                                          -> REJECTED, SUPERSEDED: it ends
                                      nobody decides      -> EXPIRED: it ends

Decisions are made in the store, once. The process is told of them, and reads them there: so it does
not matter how often it is told, nor whether the one who told it lived to do so (see `Approvals`).

An operator who gives it up rejects what is not decided. What is approved counts as failed; the
process that orders it goes on by itself, and is given up by itself.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from typing_extensions import override

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RejectedError,
)
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ordering import OrderReference, WantedLine, WantedOrder
from canonical.recommendations import RecommendationStatus
from canonical.replenishment import Recommended
from runtime.replenishment.recommendations import Recommendations
from workflows.approval.policies import ApprovalPolicy
from workflows.approval.ports import Ordering
from workflows.approval.telling import notice
from workflows.notifications.ports import NoticeKind, Notices
from workflows.process import CancelledByOperatorError, Process, ProcessKind

KIND: Final = "approval"
DECIDED: Final = "decided"
"""Topic of the message that a recommendation was decided, or taken back."""
_PROPOSED: Final = RecommendationStatus.PROPOSED
_EXPIRED: Final = RecommendationStatus.EXPIRED
_REFUSALS: Final = (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RejectedError,
)


class ApprovalAsked(Struct, frozen=True):
    """Input of the process: the key of the recommendation, which is the process's id too."""

    recommendation: str


class ApprovalOutcome(Struct, frozen=True, kw_only=True):
    """What came of a recommendation.

    Attributes:
        status: What it came to.
        decided_by: Who decided; None if nobody did.
        order: The order that came of it.
        note: Why.
    """

    status: RecommendationStatus
    decided_by: str | None = None
    order: OrderReference | None = None
    note: str | None = None

    @override
    def __str__(self) -> str:
        by = "" if self.decided_by is None else f", decided by {self.decided_by}"
        order = self.order
        made = "" if order is None else f": {order.number or order.key} in {order.system}"
        why = f": {self.note}" if order is None and self.note else ""
        return f"{self.status.value.lower()}{by}{made}{why}"


class Told(Struct, frozen=True):
    """Something was said to a recommendation: it is to be read."""


class Act(StrEnum):
    """What is done when nobody has decided by a moment."""

    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


class Due(Struct, frozen=True):
    """What is done at a moment, and who is told; the number tells those of a kind apart."""

    at: datetime
    act: Act
    to: str
    number: int


class Terms(Struct, frozen=True):
    """By what a recommendation is decided: chosen when its process begins, and kept.

    Attributes:
        found: The recommendation.
        automatic: The rule by which it needs nobody.
        new: Whether people have not been asked about its item and location before.
        to: Who is told that a decision is waited for.
        due: What is done while nobody decides, in order; the last is that it expires.
    """

    found: Recommended
    automatic: str | None
    new: bool
    to: str
    due: tuple[Due, ...]


class Approval:
    """The process's code.

    Args:
        store: Recommendations.
        policy: How they are approved.
        ordering: How what is approved is ordered.
        notices: Tells people.
    """

    def __init__(
        self, store: Recommendations, policy: ApprovalPolicy, ordering: Ordering, notices: Notices
    ) -> None:
        self._store = store
        self._policy = policy
        self._ordering = ordering
        self._notices = notices

    def kind(self) -> ProcessKind:
        """The process, to be given to an engine."""
        return ProcessKind(KIND, 1, ApprovalAsked, ApprovalOutcome, self.run)

    async def run(self, process: Process, asked: ApprovalAsked) -> ApprovalOutcome:
        """Have a recommendation decided, and ordered if it is approved."""
        key = asked.recommendation
        try:
            found = await self._decided(process, key)
            if found.record.status is RecommendationStatus.APPROVED:
                return await self._ordered(process, found)
        except CancelledByOperatorError as given_up:
            by, why = given_up.actor, given_up.reason
            await process.step(
                "take the recommendation back", lambda: self._give_up(key, by, why), Recommended
            )
            raise
        return _outcome(found, None)

    async def _decided(self, process: Process, key: str) -> Recommended:
        terms = await process.step("choose how it is decided", lambda: self._terms(key), Terms)
        await process.about(*subjects(terms.found))
        if terms.found.record.status is not _PROPOSED:
            return terms.found
        if terms.automatic is not None:
            rule = f"rule {terms.automatic}"
            return await process.step(
                "approve it automatically", lambda: self._approve(key, rule), Recommended
            )
        if terms.new:
            await process.step("say that a decision is waited for", lambda: self._tell(terms), bool)
        await process.waits_for("a decision")
        found = await self._waited(process, terms)
        await process.waits_for(None)
        return found

    async def _waited(self, process: Process, terms: Terms) -> Recommended:
        found = terms.found
        overdue = found.record.escalated_to is not None
        if overdue:  # by the one before
            await process.report(_overdue(found))
        for due in terms.due:
            found = await self._until(process, due, terms)
            if found.record.status is not _PROPOSED:
                break
            if due.act is Act.ESCALATE:
                overdue = True
                await process.report(_overdue(found))
        if overdue:
            await process.over(_cause(found), f"it is {found.record.status.value.lower()}")
        return found

    async def _until(self, process: Process, due: Due, terms: Terms) -> Recommended:
        """The recommendation when it is decided, or after what was due was done."""
        key = terms.found.key
        while await process.wait(DECIDED, due.at, Told) is not None:
            found = await process.step(
                "read the decision", lambda: self._store.get(key), Recommended
            )
            if found.record.status is not _PROPOSED:
                return found
        name = f"{due.act.value}, {due.number}"
        return await process.step(name, lambda: self._done(key, due), Recommended)

    async def _ordered(self, process: Process, found: Recommended) -> ApprovalOutcome:
        key = found.key
        today = (await process.now()).date()
        starting = self._ordering.starting(wanted(found, today), found)
        await process.waits_for("its order")
        try:
            await process.start(starting.kind, starting.process_id, starting.asked)
            came = await process.result(starting.process_id, self._ordering.outcome)
        except _REFUSALS as refusal:
            order, why = None, refusal.message
        else:
            ordered = self._ordering.ordered(came)
            order, why = ordered.order, "; ".join(each.message for each in ordered.findings)
        await process.waits_for(None)
        if order is None:
            why = why or f"process {starting.process_id} has made no order"
            found = await process.step(
                "note that it failed", lambda: self._store.failed(key, why), Recommended
            )
            return _outcome(found, None)
        await process.about(f"purchase_order:{order.number or order.key}")
        found = await process.step(
            "note its order", lambda: self._store.ordered(key, order), Recommended
        )
        return _outcome(found, order)

    async def _terms(self, key: str) -> Terms:
        found = await self._store.get(key)
        deadlines, since = self._policy.deadlines_of(found), found.waiting_since
        made = found.record.created_at
        due = [Due(since + a, Act.REMIND, deadlines.to, 0) for a in deadlines.remind_after]
        due += [Due(since + e.after, Act.ESCALATE, e.to, 0) for e in deadlines.escalations]
        last = found.record.expires_at or made + deadlines.expire_after
        left = (each for each in due if made < each.at < last)  # others were done for those before
        kept = sorted(left, key=lambda each: each.at)
        kept.append(Due(last, Act.EXPIRE, deadlines.to, 0))
        numbered = tuple(Due(d.at, d.act, d.to, number) for number, d in enumerate(kept, 1))
        automatic = self._policy.automatic_for(found)
        return Terms(found, automatic, since == made, deadlines.to, numbered)

    async def _approve(self, key: str, rule: str) -> Recommended:
        note = "the value is under the limit of automatic approval"
        return await self._store.close(key, RecommendationStatus.APPROVED, by=rule, note=note)

    async def _tell(self, terms: Terms) -> bool:
        await self._notices.tell([notice(NoticeKind.APPROVAL_REQUESTED, terms.found, terms.to, 0)])
        return True

    async def _done(self, key: str, due: Due) -> Recommended:
        """Do what is due, unless it was decided meanwhile."""
        if due.act is Act.REMIND:
            found, kind = await self._store.get(key), NoticeKind.APPROVAL_REMINDER
        elif due.act is Act.ESCALATE:
            found = await self._store.escalate(key, due.to, number=due.number)
            kind = NoticeKind.APPROVAL_ESCALATED
        else:
            note = "nobody has decided in time"
            found = await self._store.close(key, _EXPIRED, by=None, note=note)
            kind = NoticeKind.APPROVAL_EXPIRED
        if found.record.status in {_PROPOSED, _EXPIRED}:
            await self._notices.tell([notice(kind, found, due.to, due.number)])
        return found

    async def _give_up(self, key: str, actor: str, reason: str) -> Recommended:
        rejected = RecommendationStatus.REJECTED
        found = await self._store.close(key, rejected, by=actor, note=reason)
        if found.record.status is RecommendationStatus.APPROVED:
            return await self._store.failed(key, f"given up by {actor}: {reason}")
        return found


def wanted(found: Recommended, today: date) -> WantedOrder:
    """What is ordered for a recommendation, in its unit, at its supplier's terms.

    It is due on the day on which it is needed, and today at the earliest.
    """
    record = found.record
    assert record.location is not None  # noqa: S101  # ours always have one
    line = WantedLine(
        item=record.item,
        quantity=record.quantity,
        due_on=max(record.need_by, today),
        ship_to=record.location,
    )
    cost = record.estimated_cost
    currency = None if cost is None else cost.currency
    return WantedOrder(supplier=record.supplier, lines=(line,), currency=currency)


def _outcome(found: Recommended, order: OrderReference | None) -> ApprovalOutcome:
    record = found.record
    return ApprovalOutcome(
        status=record.status,
        decided_by=record.decided_by,
        order=order,
        note=record.decision_note,
    )


def _cause(found: Recommended) -> str:
    return f"approval:{found.key}/overdue"


def subjects(found: Recommended) -> tuple[str, ...]:
    """What a recommendation is about, as processes and exceptions are looked for."""
    record = found.record
    about = {
        "recommendation": found.key,
        "item": record.item,
        "supplier": record.supplier,
        "location": record.location,
        "region": found.region,
        "category": found.category,
    }
    return tuple(f"{kind}:{name}" for kind, name in about.items() if name is not None)


def _overdue(found: Recommended) -> Trouble:
    record = found.record
    return Trouble(
        cause=_cause(found),
        category=ExceptionCategory.APPROVAL_OVERDUE,
        message=f"nobody has decided since {found.waiting_since:%Y-%m-%d %H:%M} UTC whether "
        f"{record.quantity:f} {record.unit} of {record.item} are bought for {record.location}, "
        f"needed by {record.need_by}: approve or reject recommendation {found.key}",
        correlation_id=record.correlation_id,
        subjects=subjects(found),
        value_at_risk=record.estimated_cost,
    )
