"""Recommendations as rows of their table, as records, and as events of the log."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.entities import EntityName
from canonical.events import RECOMMENDATION_CHANGED, Event, RecommendationChanged, subject
from canonical.recommendations import (
    OWN_SYSTEM,
    RecommendationStatus,
    ReplenishmentRecommendation,
)
from canonical.records import Provenance
from canonical.replenishment import Evaluated, ExplainedLine, Proposal, Recommended
from canonical.values import Money
from runtime.store.process_tables import RECOMMENDATIONS

_T: Final = RECOMMENDATIONS.c
RECORD_COLUMNS: Final = tuple(c for c in _T if c.name not in {"inputs", "facts"})
"""What `record_of` wants."""
COLUMNS: Final = (*RECORD_COLUMNS, _T.facts)
"""What `recommended_of` wants."""


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a proposal beside its columns: decisions and explanations go by it."""

    region: str | None = None
    category: str | None = None
    stockout_on: date | None = None
    urgent: bool = False
    failed_before: bool = False
    lines: tuple[ExplainedLine, ...] = ()


_FACTS: Final = msgspec.json.Decoder(Facts)


def number_text(number: Decimal) -> str:
    """A number as its column has it: in plain digits, with no more of them than it needs."""
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


def terms_of(proposal: Proposal) -> tuple[str | None, ...]:
    """What a proposal says, as its columns have it: proposals with the same say the same."""
    cost = proposal.cost
    return (
        proposal.supplier,
        number_text(proposal.quantity),
        proposal.unit,
        proposal.need_by.isoformat(),
        None if cost is None else number_text(cost.amount),
        None if cost is None else cost.currency,
    )


def terms_of_row(row: Any) -> tuple[str | None, ...]:
    """What the recommendation of a row says."""
    return (row.supplier, row.quantity, row.unit, row.need_by, row.cost, row.currency)


class Place(Struct, frozen=True, kw_only=True):
    """What a new recommendation has beside its proposal.

    Attributes:
        key: Names it.
        at: When it is made.
        expires_at: When it expires.
        before: The row of the one that it supersedes.
        failed_before: Whether the last order of its item and location could not be made.
    """

    key: str
    at: datetime
    expires_at: datetime
    before: Any = None
    failed_before: bool = False


def row_of(evaluated: Evaluated, proposal: Proposal, place: Place) -> dict[str, Any]:
    """The row of a new recommendation. Who was asked about the one before is asked still."""
    supplier, quantity, unit, need_by, cost, currency = terms_of(proposal)
    before = place.before
    facts = Facts(
        region=proposal.region,
        category=proposal.category,
        stockout_on=proposal.stockout_on,
        urgent=proposal.urgent,
        failed_before=place.failed_before,
        lines=proposal.lines,
    )
    made = {
        "id": place.key,
        "status": RecommendationStatus.PROPOSED.value,
        "item": proposal.item,
        "location": proposal.location,
        "supplier": supplier,
        "quantity": quantity,
        "unit": unit,
        "need_by": need_by,
        "cost": cost,
        "currency": currency,
        "reason": proposal.reason,
        "inputs": proposal.inputs.decode(),
        "facts": msgspec.json.encode(facts).decode(),
        "waiting_since": place.at if before is None else before.waiting_since,
        "created_at": place.at,
        "updated_at": place.at,
        "requested_by": evaluated.requested_by,
        "expires_at": place.expires_at,
        "escalated_to": None if before is None else before.escalated_to,
        "correlation_id": evaluated.correlation_id,
    }
    return {**dict.fromkeys(RECOMMENDATIONS.columns.keys()), **made}


def record_of(row: Any, fetched_at: datetime) -> ReplenishmentRecommendation:
    """The record of a row that has `RECORD_COLUMNS`."""
    return ReplenishmentRecommendation(
        provenance=Provenance(OWN_SYSTEM, row.id, fetched_at),
        status=RecommendationStatus(row.status),
        item=row.item,
        location=row.location,
        supplier=row.supplier,
        quantity=Decimal(row.quantity),
        unit=row.unit,
        need_by=date.fromisoformat(row.need_by),
        estimated_cost=None if row.cost is None else Money(Decimal(row.cost), row.currency),
        reason=row.reason,
        created_at=row.created_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_note=row.note,
        first_approved_by=row.first_approved_by,
        expires_at=row.expires_at,
        escalated_to=row.escalated_to,
        purchase_order=row.purchase_order,
        correlation_id=row.correlation_id,
    )


def recommended_of(row: Any, fetched_at: datetime) -> Recommended:
    """The recommendation of a row that has `COLUMNS`."""
    facts = _FACTS.decode(row.facts)
    return Recommended(
        record=record_of(row, fetched_at),
        waiting_since=row.waiting_since,
        region=facts.region,
        category=facts.category,
        stockout_on=facts.stockout_on,
        urgent=facts.urgent,
        failed_before=facts.failed_before,
        requested_by=row.requested_by,
    )


def lines_of(facts: str) -> Sequence[ExplainedLine]:
    """The calculation that a row's facts hold."""
    return _FACTS.decode(facts).lines


class Came(Struct, frozen=True):
    """What a recommendation came to.

    Attributes:
        status: The status.
        previous: What it was before; None if it is new.
        name: Tells this from what else happens to the recommendation, where it is not the status.
    """

    status: RecommendationStatus
    previous: RecommendationStatus | None
    name: str = ""


def event_of(row: Any, came: Came, at: datetime) -> Event:
    """What the log is told of the recommendation of a row, by its own correlation id."""
    data = RecommendationChanged(
        item=row.item,
        location=row.location,
        supplier=row.supplier,
        status=came.status,
        previous_status=came.previous,
    )
    return Event(
        type=RECOMMENDATION_CHANGED.type,
        system=OWN_SYSTEM,
        source_event_id=f"{row.id}/{came.name or came.status.value}",
        key=row.id,
        subjects=(
            subject(EntityName.RECOMMENDATION, row.id),
            subject(EntityName.ITEM, row.item),
            subject(EntityName.SUPPLIER, row.supplier),
            subject(EntityName.LOCATION, row.location),
        ),
        occurred_at=at,
        data=data,
        correlation_id=row.correlation_id,
    )
