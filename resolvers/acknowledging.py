"""What suppliers say to orders, and what buyers decide on that.

Who may not see an order may not speak of it either, and is not told whether it is there.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError, NotFoundError, SupplygraphError
from canonical.ordering import (
    Acknowledged,
    AcknowledgedWish,
    AcknowledgementDecision,
    AcknowledgementDesk,
    OrderReference,
    Speaker,
)
from execution.fields import Asked
from execution.operation import Partial
from resolvers.commands import UserError, refused
from resolvers.context import RequestContext
from resolvers.reading import by_reference
from resolvers.visibility import refusal, rules

_ORDER: Final = EntityName.PURCHASE_ORDER
_REFUSALS: Final = (ConflictError, InvalidInputError, NotFoundError)
_AT: Final = {NotFoundError: "number", ConflictError: "idempotencyKey", InvalidInputError: "system"}


class AcknowledgementPayload(Struct, frozen=True):
    """What came of a word to an order."""

    user_errors: Sequence[UserError] = ()
    purchase_order: Any = None
    pending: bool = False


async def acknowledge(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: AcknowledgedWish
) -> list[Any]:
    """Confirm an order, as its supplier or on its behalf."""

    async def said(desk: AcknowledgementDesk, speaker: Speaker) -> Acknowledged:
        return await desk.acknowledge(input, speaker=speaker, correlation_id=context.correlation_id)

    found = await _taken(context, said, asked)
    return [found for _ in parents]


async def decide(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    input: AcknowledgementDecision,
) -> list[Any]:
    """Decide on a supplier's answer that is off."""

    async def said(desk: AcknowledgementDesk, speaker: Speaker) -> Acknowledged:
        return await desk.decide(input, speaker=speaker, correlation_id=context.correlation_id)

    found = await _taken(context, said, asked)
    return [found for _ in parents]


async def _taken(
    context: RequestContext,
    said: Callable[[AcknowledgementDesk, Speaker], Awaitable[Acknowledged]],
    asked: Asked,
) -> Any:
    caller, desk = context.caller, context.processing.acknowledgements
    if desk is None:
        return AcknowledgementPayload([refused()])
    forbidden = refusal(_ORDER, caller)
    if forbidden is not None:
        raise forbidden
    catalog = context.reads.catalog
    supplies = catalog.supplies(_ORDER) if catalog.has(_ORDER) else ()
    speaker = Speaker(
        subject=caller.subject,
        issuer=caller.issuer,
        criteria=rules(context, _ORDER),
        systems=frozenset(supply.system for supply in supplies),
    )
    try:
        done = await said(desk, speaker)
    except _REFUSALS as exc:
        return AcknowledgementPayload([_user_error(exc)])
    errors = [UserError(f.code, f.message, ("input", *f.field)) for f in done.findings]
    return await _with_order(
        context, AcknowledgementPayload(errors, None, done.pending), done, asked
    )


async def _with_order(
    context: RequestContext, payload: AcknowledgementPayload, done: Acknowledged, asked: Asked
) -> Any:
    """The payload with the order as it is now; partial where that cannot be read."""
    order = done.order
    if order is None or not asked.columns:
        return payload
    context.reads.context.demand(0)
    found = await _read(context, order, asked)
    if isinstance(found, SupplygraphError):
        return Partial(payload, (found,))
    problems = found.problems if isinstance(found, Partial) else ()
    record = found.value if isinstance(found, Partial) else found
    whole = AcknowledgementPayload(payload.user_errors, record, payload.pending)
    return Partial(whole, problems) if problems else whole


async def _read(context: RequestContext, order: OrderReference, asked: Asked) -> Any:
    [found] = await by_reference(context, _ORDER, [(order.system, order.key)], asked)
    return found


def _user_error(error: SupplygraphError) -> UserError:
    field = next((name for kind, name in _AT.items() if isinstance(error, kind)), None)
    return UserError(error.code, error.message, ["input"] if field is None else ["input", field])
