"""Replenishment recommendations: what is proposed to be bought, and why."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from canonical.absent import ABSENT, is_absent
from canonical.records import Record
from canonical.values import Money

OWN_SYSTEM: Final = "supplygraph"
"""The system that recommendations of our own come from; no backend may be called so."""


class RecommendationStatus(StrEnum):
    """How far a recommendation has come."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ORDERED = "ORDERED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"


class ReplenishmentRecommendation(Record, frozen=True, kw_only=True):
    """What a planning system or the replenishment process proposes to buy, and why."""

    status: Annotated[RecommendationStatus, Meta(description="How far it has come.")] = ABSENT
    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    location: Annotated[str | None, Meta(description="Code of the location that needs it.")] = (
        ABSENT
    )
    supplier: Annotated[str, Meta(description="Code of the supplier to buy from.")] = ABSENT
    quantity: Annotated[Decimal, Meta(description="Proposed quantity, in `unit`.")] = ABSENT
    unit: Annotated[str, Meta(description="Unit of the quantity.")] = ABSENT
    need_by: Annotated[date, Meta(description="Day on which the goods are needed.")] = ABSENT
    estimated_cost: Annotated[Money | None, Meta(description="What it would cost.")] = ABSENT
    reason: Annotated[str, Meta(description="Why it is proposed.")] = ABSENT
    created_at: Annotated[datetime, Meta(description="When it was proposed.")] = ABSENT
    decided_by: Annotated[str | None, Meta(description="Who decided.")] = ABSENT
    decided_at: Annotated[datetime | None, Meta(description="When it was decided.")] = ABSENT
    decision_note: Annotated[
        str | None, Meta(description="Why it was decided so, or came to its status by itself.")
    ] = ABSENT
    first_approved_by: Annotated[
        str | None, Meta(description="Who has approved it first, where two people have to.")
    ] = ABSENT
    expires_at: Annotated[
        datetime | None, Meta(description="When it expires if nobody decides.")
    ] = ABSENT
    escalated_to: Annotated[
        str | None, Meta(description="Who was asked because nobody had decided in time.")
    ] = ABSENT
    purchase_order: Annotated[
        str | None,
        Meta(
            description="Key, in the same system, of the order that came of it; for those of our "
            "own, its system and its key there: `erp-eu/4500001`."
        ),
    ] = ABSENT
    correlation_id: Annotated[
        str, Meta(description="Id that ties everything about it together.")
    ] = ABSENT


def order_of(recommendation: ReplenishmentRecommendation) -> tuple[str, str] | None:
    """System and key of the order that came of a recommendation; None if none did, or none said."""
    order, system = recommendation.purchase_order, recommendation.provenance.system
    if order is None or is_absent(order):
        return None
    if system != OWN_SYSTEM:
        return system, order
    system, _, key = order.partition("/")
    return system, key
