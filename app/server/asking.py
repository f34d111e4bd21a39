"""Operations of connections that stay open: whatever goes wrong is told to the outlet."""

import asyncio
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.errors import told_fault, told_refusal, told_request
from app.server.attending import Attendant
from app.server.envelope import encode
from app.server.negotiation import HTTPRefusal
from app.server.requests import GraphQLRequest
from app.server.switchboard import Switchboard
from app.server.telling import Answer
from app.server.terms import Terms
from canonical.errors import SupplygraphError
from runtime.telemetry.correlation import correlate
from subscriptions.outlets import Outlet, Subscription

_ANSWERED: Final = 200


class _Body(Struct):
    errors: Raw
    data: Raw | UnsetType = UNSET


class _Nothing:
    """A subscription that was never begun."""

    def resumed(self) -> None:
        pass

    def end(self) -> None:
        pass


NOTHING: Final = _Nothing()


async def subscribe(
    board: Switchboard, request: GraphQLRequest, terms: Terms, outlet: Outlet
) -> Subscription:
    """Begin a subscription."""
    correlate(terms.correlation_id)
    assert board.streams is not None  # noqa: S101  # see `answer`
    try:
        await board.operator.subscribe(request, terms)
        return await board.streams.begin(request, terms, outlet)
    except SupplygraphError as exc:
        outlet.fail(encode([told_refusal(exc, terms.correlation_id)]))
        return NOTHING
    except Exception as exc:  # noqa: BLE001  # the last border before the client
        outlet.fail(encode([told_fault(exc, terms.correlation_id)]))
        return NOTHING


async def settled(
    board: Switchboard, request: GraphQLRequest, terms: Terms, outlet: Outlet
) -> GraphQLRequest | None:
    """The request with the text that some client has sent before; None if it is refused."""
    correlate(terms.correlation_id)
    try:
        return await board.operator.gate.later(request, terms)
    except HTTPRefusal as exc:
        outlet.fail(refusal(exc.message, exc.code, terms.correlation_id))
    except Exception as exc:  # noqa: BLE001  # the last border before the client
        outlet.fail(encode([told_fault(exc, terms.correlation_id)]))
    return None


async def answer(board: Switchboard, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> None:
    """Answer a query or a mutation by one result; cancelled when nobody wants it any more."""
    correlate(terms.correlation_id)
    try:
        attendant = Attendant(_nothing_more, board.drain)
        made = await board.operator.answer(request, terms, attendant)
        tell(made, outlet)
        await board.operator.gate.learn(request, made.outcome)
    except HTTPRefusal as exc:
        outlet.fail(refusal(exc.message, exc.code, terms.correlation_id))
    except SupplygraphError as exc:
        outlet.fail(encode([told_refusal(exc, terms.correlation_id)]))
    except Exception as exc:  # noqa: BLE001  # the last border before the client
        outlet.fail(encode([told_fault(exc, terms.correlation_id)]))


def tell(answer: Answer, outlet: Outlet) -> None:
    """Send an answer as the only result; one without data is a refusal."""
    if answer.status != _ANSWERED:
        body = msgspec.json.decode(answer.body, type=_Body)
        if body.data is UNSET:
            outlet.fail(bytes(body.errors))
            return
    outlet.deliver(answer.body)
    outlet.complete()


def refusal(message: str, code: str, correlation_id: str) -> bytes:
    """The errors of an operation that is not begun."""
    return encode([told_request(message, code, correlation_id)])


async def _nothing_more() -> Any:
    """What else comes from a client that is heard of elsewhere."""
    await asyncio.get_running_loop().create_future()
