"""What carries subscriptions needs of what makes them."""

from typing import Protocol

from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from subscriptions.outlets import Outlet, Subscription


class Streams(Protocol):
    """Begins subscriptions."""

    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        """Begin one: authorise, parse, validate, plan.

        What a client did wrong is told by `outlet.fail`; the subscription that is returned then
        does nothing. It is not cancelled when the client goes away meanwhile: `end`
        is called as soon as it has returned.

        Args:
            request: A document whose operation is a subscription.
            terms: By whom, and on which terms; the principal is known.
            outlet: Where the results go, from now on.

        Raises:
            UnavailableError: if none can be begun yet.
        """
