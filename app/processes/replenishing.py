"""Replenishment, wired: evaluations become recommendations, and these are approved and ordered."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import uuid4

from msgspec import Struct

from app.event_log import EventLog
from app.manifest.approval import ApprovalConfig
from app.manifest.replenishment import ReplenishmentConfig
from canonical.exceptions import Troubles
from canonical.ordering import Ordered, WantedOrder
from canonical.reading import Records
from canonical.replenishment import Recommended
from runtime.replenishment.evaluations import Evaluations
from runtime.replenishment.recommendations import Recommendations
from runtime.replenishment.risks import OpenRisks
from workflows.approval.policies import ApprovalPolicy
from workflows.approval.ports import Calculating, Ordering
from workflows.approval.process import Approval
from workflows.notifications.ports import Notices
from workflows.ordering.handing import (
    ORDERING,
    OrderAsked,
    OrderMade,
    OrderState,
    named_id,
    subjects_of,
)
from workflows.process import ProcessKind, Starting
from workflows.replenishment.calculation import Calculated, recalculate
from workflows.replenishment.evaluating import Evaluator
from workflows.replenishment.working import Ports, Replenisher


class Replenishing(Struct, frozen=True):
    """What replenishment is made of.

    Attributes:
        evaluations: What is to be evaluated.
        replenisher: Evaluates it.
        recommendations: What came of it.
        policy: Who approves it.
        kind: The process of approval.
        calculating: The calculation, to be done again.
    """

    evaluations: Evaluations
    replenisher: Replenisher
    recommendations: Recommendations
    policy: ApprovalPolicy
    kind: ProcessKind
    calculating: Calculating


class Declared(Struct, frozen=True):
    """What the manifest says of it."""

    replenishment: ReplenishmentConfig
    approval: ApprovalConfig


def replenishing(
    declared: Declared, log: EventLog, records: Records, troubles: Troubles, notices: Notices
) -> Replenishing:
    """What replenishment is made of, over a log.

    Args:
        declared: What the manifest says.
        log: Where it is kept.
        records: Where figures are read.
        troubles: Where risks are reported.
        notices: Tells people that something is to be decided.
    """
    config, policy = declared.replenishment, declared.approval.policy()
    recommendations = Recommendations(log.ledger, expires_at=policy.expires_at, quiet=policy.quiet)
    evaluator = Evaluator(records, config.house(), today=_today(config))
    evaluations = Evaluations(log.store, debounce=config.debounce, longest=config.longest)
    ports = Ports(
        records=records,
        proposals=recommendations,
        troubles=troubles,
        risks=OpenRisks(log.store),
        evaluations=evaluations,
        ledger=log.ledger,
        leases=log.leases,
    )

    async def today(item: str, location: str, *, correlation_id: str) -> Calculated:
        return await evaluator.recalculated(item, location, correlation_id=correlation_id)

    return Replenishing(
        evaluations,
        Replenisher(
            evaluator,
            ports,
            config.pace(),
            now=lambda: datetime.now(UTC),
            new_id=lambda: uuid4().hex,
        ),
        recommendations,
        policy,
        Approval(recommendations, policy, ORDERED, notices).kind(),
        Calculating(recalculate, today),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid4().hex


def _today(config: ReplenishmentConfig) -> Callable[[], date]:
    return lambda: datetime.now(config.zone).date()


def _ordering(wanted: WantedOrder, found: Recommended) -> Starting:
    """The order of an approved recommendation: one, however often it is asked for."""
    record = found.record
    return Starting(
        kind=ORDERING,
        process_id=named_id(ORDERING, "recommendation", found.key),
        asked=OrderAsked(wanted=wanted, actor=record.decided_by or "approval"),
        correlation_id=record.correlation_id,
        subjects=subjects_of(wanted),
        started_by=record.decided_by,
    )


def _ordered(made: OrderMade) -> Ordered:
    is_made = made.state in {OrderState.MADE, OrderState.SETTLED}
    order = made.orders[0] if is_made and made.orders else None
    return Ordered(findings=made.findings, warnings=made.warnings, order=order)


ORDERED = Ordering(_ordering, OrderMade, _ordered)
"""How what is approved is ordered."""
