"""Ordering, as callers ask for it: tried, made, and called off."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError, RefusedError, SupplygraphError
from canonical.ids import decode_global_id
from canonical.ordering import (
    Finding,
    FindingCode,
    OrderDesk,
    Ordered,
    OrderPreview,
    OrderReference,
    WantedOrder,
)
from execution.fields import Asked
from execution.operation import Partial
from resolvers.commands import UserError, refused
from resolvers.context import RequestContext
from resolvers.reading import by_name, by_reference
from resolvers.visibility import sees_everything

_INPUT: Final = "input"
_LONGEST: Final = 200


class OrderWish(Struct, frozen=True):
    """An order that is asked for, and the key that makes it count once."""

    wanted: WantedOrder
    key: str


class CancelWish(Struct, frozen=True):
    """An order that is to be called off, by its global id."""

    id: str
    reason: str
    key: str


class OrderPayload(Struct, frozen=True):
    """What came of a wish for an order."""

    order: OrderReference | None = None
    user_errors: Sequence[UserError] = ()
    warnings: Sequence[UserError] = ()
    process: str | None = None
    pending: bool = False


class ValidatedPayload(Struct, frozen=True):
    """What would come of a wish for an order."""

    order: OrderPreview | None = None
    user_errors: Sequence[UserError] = ()
    warnings: Sequence[UserError] = ()


async def create_purchase_order(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: OrderWish
) -> list[OrderPayload]:
    """Make an order, once for each caller and key."""
    desk = _desk(context)
    if desk is None:
        return [OrderPayload(user_errors=[refused()])]
    wrong = _wrong_key(input.key) or await _out_of_sight(context, input.wanted)
    if wrong:
        return [OrderPayload(user_errors=wrong)]
    try:
        ordered = await desk.create(
            input.wanted,
            key=_key(context, input.key),
            actor=context.caller.subject,
            correlation_id=context.correlation_id,
        )
    except ConflictError as exc:
        return [OrderPayload(user_errors=[_used(exc)])]
    return [_payload(context, ordered)]


async def validate_purchase_order(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: WantedOrder
) -> list[ValidatedPayload]:
    """Tell what would come of an order; nothing is made."""
    desk = _desk(context)
    if desk is None:
        return [ValidatedPayload(user_errors=[refused()])]
    wrong = await _out_of_sight(context, input)
    if wrong:
        return [ValidatedPayload(user_errors=wrong)]
    found = await desk.validate(input, correlation_id=context.correlation_id)
    return [ValidatedPayload(found.order, _told(found.findings), _told(found.warnings))]


async def cancel_purchase_order(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: CancelWish
) -> list[OrderPayload]:
    """Call an order off in every system that has it."""
    desk = _desk(context)
    if desk is None:
        return [OrderPayload(user_errors=[refused()])]
    wrong = _wrong_key(input.key)
    if not input.reason.strip():
        message = "say why it is called off: the supplier and whoever looks later want to know"
        wrong = [*wrong, UserError(InvalidInputError.code, message, (_INPUT, "reason"))]
    order = await _order(context, input.id)
    if order is None:
        message = "there is no such order: pass an order's `id` exactly as it was read"
        wrong = [*wrong, UserError("NOT_FOUND", message, (_INPUT, "id"))]
    if wrong or order is None:
        return [OrderPayload(user_errors=wrong)]
    try:
        called_off = await desk.cancel(
            order,
            input.reason,
            key=_key(context, input.key),
            actor=context.caller.subject,
            correlation_id=context.correlation_id,
        )
    except ConflictError as exc:
        return [OrderPayload(user_errors=[_used(exc)])]
    return [_payload(context, called_off)]


async def purchase_order_of(
    context: RequestContext, parents: Sequence[OrderPayload], asked: Asked
) -> list[Any]:
    """The orders that payloads are about, as their systems have them now."""
    context.reads.context.demand(0)
    references = [None if p.order is None else (p.order.system, p.order.key) for p in parents]
    return await by_reference(context, EntityName.PURCHASE_ORDER, references, asked)


def _desk(context: RequestContext) -> OrderDesk | None:
    """Where orders are made; None if this installation makes none.

    Raises:
        RefusedError: if the caller may see a part of the orders only: it could not even see what it
            has ordered, nor may it commit others.
    """
    caller = context.caller
    if not sees_everything(caller):
        raise RefusedError("who is bound to suppliers may not order: ask a buyer")
    if context.reads.context.territory.companies is not None:
        raise RefusedError(
            "who is bound to companies may not order here, where the company follows from the "
            "region: ask a buyer of the region"
        )
    return context.processing.orders


def _key(context: RequestContext, key: str) -> str:
    """The key among those of all issuers: two of them may know callers by the same subject."""
    return msgspec.json.encode((context.caller.issuer, key)).decode()


def _wrong_key(key: str) -> list[UserError]:
    if key.strip() and len(key) <= _LONGEST:
        return []
    message = f"an idempotency key has 1 to {_LONGEST} characters; a UUID is a good one"
    return [UserError(InvalidInputError.code, message, (_INPUT, "idempotencyKey"))]


async def _out_of_sight(context: RequestContext, wanted: WantedOrder) -> list[UserError]:
    """Lines that go where the caller may not see anything: as if there were no such places."""
    if context.reads.context.territory.regions is None or not wanted.lines:
        return []
    codes = sorted({line.ship_to for line in wanted.lines})
    found = await by_name(context, EntityName.LOCATION, codes, Asked(frozenset({"code", "name"})))
    seen: dict[str, Any] = dict(zip(codes, found, strict=True))
    for problem in found:
        if isinstance(problem, SupplygraphError):
            raise problem
    return [
        UserError(
            FindingCode.LOCATION_UNKNOWN.value,
            f"there is no location {line.ship_to!r}: check the code",
            (_INPUT, "lines", str(i), "shipTo"),
        )
        for i, line in enumerate(wanted.lines)
        if seen[line.ship_to] is None
    ]


async def _order(context: RequestContext, id: str) -> OrderReference | None:
    """The order with an id, as far as the caller may see it."""
    try:
        given = decode_global_id(id)
    except InvalidInputError:
        return None
    if given.type_name != "PurchaseOrder" or len(given.parts) != 2:  # noqa: PLR2004  # system, key
        return None
    system, key = given.parts
    wanted = Asked(frozenset({"number"}))
    [found] = await by_reference(context, EntityName.PURCHASE_ORDER, [(system, key)], wanted)
    if isinstance(found, SupplygraphError):
        raise found
    record = found.value if isinstance(found, Partial) else found
    return None if record is None else OrderReference(system, key, record.number)


def _payload(context: RequestContext, ordered: Ordered) -> OrderPayload:
    return OrderPayload(
        order=ordered.order,
        user_errors=_told(ordered.findings),
        warnings=_told(ordered.warnings),
        process=ordered.process_id,
        pending=ordered.pending,
    )


def _told(findings: Sequence[Finding]) -> list[UserError]:
    return [
        UserError(f.code.value, f.message, (_INPUT, *f.field) if f.field else None)
        for f in findings
    ]


def _used(conflict: ConflictError) -> UserError:
    return UserError("IDEMPOTENCY_CONFLICT", conflict.message, (_INPUT, "idempotencyKey"))
