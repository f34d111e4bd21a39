"""Evaluations and what they propose, for tests of what becomes of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.recommendations import (
    OWN_SYSTEM,
    RecommendationStatus,
    ReplenishmentRecommendation,
)
from canonical.records import Provenance
from canonical.replenishment import Evaluated, ExplainedLine, Proposal, Recommended
from canonical.values import Money

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LINES = (
    ExplainedLine(label="On hand", value="40", unit="EA", source="erp-eu"),
    ExplainedLine(label="Quantity", value="240", unit="EA", source="to maximum"),
)


def proposal(item: str = "SKU-1", location: str = "L-1", **said: Any) -> Proposal:
    """240 pieces for 1,200 EUR, unless it says otherwise."""
    given: dict[str, Any] = {
        "supplier": "S-1",
        "quantity": Decimal(240),
        "unit": "EA",
        "need_by": date(2026, 12, 7),
        "cost": Money(Decimal("1200.00"), "EUR"),
        "reason": f"stock of {item} falls under its safety stock on 2026-12-07",
        "lines": LINES,
        "inputs": b'{"on_hand":"40"}',
        "region": "EU",
        "category": "Tools",
        "stockout_on": date(2026, 12, 12),
    }
    return Proposal(item=item, location=location, **{**given, **said})


def evaluated(item: str = "SKU-1", location: str = "L-1", **said: Any) -> Evaluated:
    """An evaluation that proposes that."""
    return needs(proposal(item, location, **said))


def needs(
    wanted: Proposal, *, correlation_id: str | None = None, requested_by: str | None = None
) -> Evaluated:
    """An evaluation that proposes something."""
    return Evaluated(
        item=wanted.item,
        location=wanted.location,
        correlation_id=correlation_id or f"c-{wanted.item}",
        proposal=wanted,
        requested_by=requested_by,
    )


def nothing(item: str = "SKU-1", location: str = "L-1", *, problem: str | None = None) -> Evaluated:
    """An evaluation that proposes nothing."""
    return Evaluated(item=item, location=location, correlation_id="c-none", problem=problem)


def in_two_weeks(_: Proposal, at: datetime) -> datetime:
    """When what is proposed at a moment expires."""
    return at + timedelta(days=14)


def recommended(key: str = "r-1", **said: Any) -> Recommended:
    """A recommendation of what `proposal` says, open unless it says otherwise."""
    wanted = proposal()
    columns: dict[str, Any] = {
        "status": RecommendationStatus.PROPOSED,
        "item": wanted.item,
        "location": wanted.location,
        "supplier": wanted.supplier,
        "quantity": wanted.quantity,
        "unit": wanted.unit,
        "need_by": wanted.need_by,
        "estimated_cost": wanted.cost,
        "reason": wanted.reason,
        "created_at": MORNING,
        "decided_by": None,
        "decided_at": None,
        "decision_note": None,
        "first_approved_by": None,
        "expires_at": in_two_weeks(wanted, MORNING),
        "escalated_to": None,
        "purchase_order": None,
        "correlation_id": "c-SKU-1",
    }
    facts: dict[str, Any] = {"region": "EU", "category": "Tools", "urgent": False}
    facts |= {
        name: said.pop(name) for name in (*facts, "requested_by", "failed_before") if name in said
    }
    record = ReplenishmentRecommendation(
        provenance=Provenance(OWN_SYSTEM, key, MORNING), **{**columns, **said}
    )
    return Recommended(record=record, waiting_since=MORNING, **facts)
