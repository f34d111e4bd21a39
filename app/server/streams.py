"""What carries subscriptions needs of what makes them, and what one client may take of it."""

from typing import Protocol

from msgspec import Struct

from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from subscriptions.outlets import Outlet, Subscription


class Streams(Protocol):
    """Begins subscriptions."""

    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        """Begin one: authorise, parse, validate, plan.

        What a client did wrong is told by `outlet.fail`, never raised; the subscription that is
        returned then does nothing. It is not cancelled when the client goes away meanwhile: `end`
        is called as soon as it has returned.

        Args:
            request: A document whose operation is a subscription.
            terms: By whom, and on which terms; the principal is known.
            outlet: Where the results go, from now on.
        """


class StreamSettings(Struct, frozen=True, kw_only=True):
    """What connections that stay open may take, in each process.

    Attributes:
        connections_per_principal: Sockets and event streams of one subject.
        operations_per_connection: Operations under way on one socket.
        messages_per_minute: Messages that a socket may send; all of them may come at once.
        max_message_bytes: Longest message of a socket.
        connection_init_s: How long a socket may take to say who it is.
        keep_alive_s: After how long a silent connection is asked for a sign of life; a socket that
            gives none within as long again is dropped.
        write_buffer_bytes: How much may wait to be sent on a connection before it is congested.
        allowed_origins: Pages that may open sockets besides our own, such as
            `https://portal.example.com`.
    """

    connections_per_principal: int = 1_000
    operations_per_connection: int = 100
    messages_per_minute: int = 1_200
    max_message_bytes: int = 256 * 1024
    connection_init_s: float = 10.0
    keep_alive_s: float = 15.0
    write_buffer_bytes: int = 64 * 1024
    allowed_origins: tuple[str, ...] = ()
