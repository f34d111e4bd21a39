"""Replenishment recommendations: lists, how they came about, and decisions on them.

Those of our own are decided and explained here; those of planning systems, there.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Sort
from canonical.entities import EntityName
from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ids import decode_global_id
from canonical.recommendations import OWN_SYSTEM, ReplenishmentRecommendation, order_of
from canonical.replenishment import (
    Approver,
    Decision,
    ExplainedLine,
    Recalculated,
    Verdict,
)
from canonical.values import Money
from execution.fields import Asked
from execution.operation import Partial
from resolvers.commands import UserError, refused
from resolvers.context import RequestContext
from resolvers.reading import by_name, by_reference, root_list

_TYPE: Final = "ReplenishmentRecommendation"
_PARTS: Final = 2
_REFUSALS: Final = (InvalidInputError, NotFoundError, ConflictError, RefusedError)

recommendations = root_list(EntityName.RECOMMENDATION, Sort("need_by"))
"""A page of recommendations, by the day on which the goods are needed."""


class Deciding(Struct, frozen=True):
    """A decision as it is asked for.

    Attributes:
        id: Global id of the recommendation.
        note: Why.
        idempotency_key: Names the request.
    """

    id: str
    note: str | None = None
    idempotency_key: str | None = None


class DecisionPayload(Struct, frozen=True):
    """What came of a decision."""

    recommendation: ReplenishmentRecommendation | None = None
    user_errors: Sequence[UserError] = ()


class RecalculationBasis(StrEnum):
    """On which figures a recommendation is calculated again."""

    SAME = "SAME"
    TODAY = "TODAY"


class Recalculation(Struct, frozen=True, kw_only=True):
    """What a recommendation would be if it were made now; nothing where nothing would be."""

    recommendation: ReplenishmentRecommendation
    same: bool
    needed: bool
    supplier: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    need_by: date | None = None
    estimated_cost: Money | None = None
    reason: str | None = None
    explanation: Sequence[ExplainedLine] = ()


async def orders_of(
    context: RequestContext, parents: Sequence[ReplenishmentRecommendation], asked: Asked
) -> list[Any]:
    """The order that came of each recommendation, in whichever system; None where none did."""
    orders = [order_of(parent) for parent in parents]
    return await by_reference(context, EntityName.PURCHASE_ORDER, orders, asked)


async def explanations_of(
    context: RequestContext, parents: Sequence[ReplenishmentRecommendation], asked: Asked
) -> list[Sequence[ExplainedLine]]:
    """How each recommendation was calculated; nothing for those that are not ours."""
    desk = context.processing.recommendations
    keys = {p.provenance.key for p in parents if p.provenance.system == OWN_SYSTEM}
    found = await desk.explain(keys) if desk is not None and keys else {}
    return [
        found.get(p.provenance.key, ()) if p.provenance.system == OWN_SYSTEM else ()
        for p in parents
    ]


async def supplier_of(
    context: RequestContext, parents: Sequence[Recalculation], asked: Asked
) -> list[Any]:
    """The supplier that would be bought from; None where nothing is needed."""
    return await by_name(context, EntityName.SUPPLIER, [p.supplier for p in parents], asked)


async def approve(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Deciding
) -> list[DecisionPayload]:
    """Approve a recommendation."""
    done = await _decided(context, input, Decision.APPROVE)
    return [done for _ in parents]


async def reject(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Deciding
) -> list[DecisionPayload]:
    """Reject a recommendation."""
    done = await _decided(context, input, Decision.REJECT)
    return [done for _ in parents]


async def recalculate(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    id: str,
    on: RecalculationBasis = RecalculationBasis.SAME,
) -> list[Recalculation | None]:
    """Calculate a recommendation again; None if it is not there or may not be seen.

    Raises:
        UnsupportedError: if it is another system's, or nothing is calculated here.
        NotFoundError: if its item is no more.
        InvalidInputError: if it cannot be calculated, because something is missing in a system.
    """
    context.operation.personal = True  # today's figures are not for the next who asks
    desk = context.processing.recommendations
    if desk is None:
        raise UnsupportedError("nothing is calculated here: this installation runs no processes")
    try:
        key = await _seen(context, id)
    except NotFoundError:
        return [None for _ in parents]
    found = await desk.recalculate(
        key, today=on is RecalculationBasis.TODAY, correlation_id=context.correlation_id
    )
    again = _recalculation(found)
    return [again for _ in parents]


def _recalculation(found: Recalculated) -> Recalculation:
    record, proposal = found.recommended.record, found.proposal
    if proposal is None:
        return Recalculation(
            recommendation=record, same=False, needed=False, explanation=found.lines
        )
    return Recalculation(
        recommendation=record,
        same=found.same,
        needed=True,
        supplier=proposal.supplier,
        quantity=proposal.quantity,
        unit=proposal.unit,
        need_by=proposal.need_by,
        estimated_cost=proposal.cost,
        reason=proposal.reason,
        explanation=found.lines,
    )


async def _decided(context: RequestContext, asked: Deciding, decision: Decision) -> DecisionPayload:
    caller = context.caller
    approver = Approver(
        subject=caller.subject,
        roles=frozenset(role.value for role in caller.roles),
        regions=caller.regions,
    )
    verdict = Verdict(
        decision=decision, approver=approver, note=asked.note, once=asked.idempotency_key
    )
    desk = context.processing.recommendations
    if desk is None:
        return DecisionPayload(user_errors=[refused()])
    try:
        key = await _seen(context, asked.id)
        record = await desk.decide(key, verdict, correlation_id=context.correlation_id)
    except _REFUSALS as exc:
        return DecisionPayload(user_errors=[_user_error(exc)])
    return DecisionPayload(record)


async def _seen(context: RequestContext, id: str) -> str:
    """The key of a recommendation of ours that the caller may see.

    Raises:
        InvalidInputError: if the id names none, or one of another system.
        NotFoundError: if it is not there, or not for this caller.
        SupplygraphError: if it could not be read.
    """
    given = decode_global_id(id)
    if given.type_name != _TYPE or len(given.parts) != _PARTS:
        raise InvalidInputError(f"{id!r} is not the id of a recommendation")
    system, key = given.parts
    if system != OWN_SYSTEM:
        raise UnsupportedError(f"this recommendation is {system}'s: it is decided there")
    wanted = Asked(frozenset({"status"}))
    [found] = await by_reference(context, EntityName.RECOMMENDATION, [(system, key)], wanted)
    if isinstance(found, SupplygraphError):
        raise found
    if found is None or (isinstance(found, Partial) and found.value is None):
        raise NotFoundError("there is no such recommendation, or none that you may see")
    return key


def _user_error(error: SupplygraphError) -> UserError:
    at_id = isinstance(error, InvalidInputError | NotFoundError)
    return UserError(error.code, error.message, ["input", "id"] if at_id else None)
