"""Several requests in one body: each is answered as if it had come alone, all at the same time.

The answers stand in the order of the requests. What is wrong with one of them is told in its place,
and costs the others nothing; hence the status is 200 for all that could be taken apart.
"""

import asyncio
from typing import Final

from app.server.attending import Attendant
from app.server.drain import Drain
from app.server.envelope import enveloped
from app.server.exchange import ClientGoneError, Inbound
from app.server.negotiation import HTTPRefusal
from app.server.operator import Operator
from app.server.refusals import refusal_of
from app.server.requests import Batch, GraphQLRequest
from app.server.telling import Answer
from app.server.terms import Terms
from runtime.telemetry.metrics import OperationOutcome

_OK: Final = 200


class Batches:
    """Answers batches.

    Args:
        operator: Answers one request.
        drain: Tells when what is under way is given up.
    """

    def __init__(self, operator: Operator, drain: Drain) -> None:
        self._operator = operator
        self._drain = drain

    async def answer(self, batch: Batch, terms: Terms, inbound: Inbound) -> Answer:
        """The answers to several requests of one caller.

        Raises:
            ClientGoneError: if the client hung up.
        """
        bodies = await asyncio.gather(*(self._body(each, terms, inbound) for each in batch))
        body = b"".join((b"[", b",".join(bodies), b"]"))
        return Answer(body, _OK, OperationOutcome.COMPLETE)

    async def _body(
        self, asked: GraphQLRequest | HTTPRefusal, terms: Terms, inbound: Inbound
    ) -> bytes:
        if isinstance(asked, HTTPRefusal):
            return _refused(asked, terms)
        try:
            attendant = Attendant(inbound.receive, self._drain)
            gate = self._operator.gate
            request = await gate.settled(asked, terms)
            found = self._operator.at_hand(request, terms)
            answer = found or await self._operator.answer(request, terms, attendant)
            await gate.learn(request, answer.outcome)
            return answer.body
        except ClientGoneError:
            raise
        except Exception as exc:  # noqa: BLE001  # the last border before the client
            return _refused(exc, terms)


def _refused(error: Exception, terms: Terms) -> bytes:
    named = terms.principal is not None
    return enveloped(None, [refusal_of(error, terms.correlation_id, named=named).told])
