"""The port between what streams say and the connections that carry it.

A stream pushes; it is never asked. A connection that cannot take more says so by `congested`, and
calls back when it can: what to keep, to merge or to give up meanwhile is for the stream to decide,
for it alone knows what may be left out.
"""

from enum import IntEnum
from typing import Protocol


class CloseCode(IntEnum):
    """Why a connection is closed by us, in the codes of graphql-transport-ws and WebSocket."""

    GOING_AWAY = 1001
    TRY_AGAIN_LATER = 1013
    FORBIDDEN = 4403
    UNAUTHORIZED = 4401
    TOO_MANY_REQUESTS = 4429


class Outlet(Protocol):
    """One subscription's way to its client. All calls return at once and never fail.

    After `fail`, `complete` or `close`, and after the client has ended it, nothing more is sent.
    """

    @property
    def congested(self) -> bool:
        """Whether the client is behind with reading; what is delivered now only queues up."""

    def deliver(self, payload: bytes) -> None:
        """Send one execution result: JSON of an object with `data`, `errors`, `extensions`.

        The same bytes object may go to many outlets; they frame it without copying where they can.
        """

    def fail(self, errors: bytes) -> None:
        """Refuse the operation, before anything was delivered: JSON of the list of errors."""

    def complete(self) -> None:
        """Say that nothing more will come."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the whole connection; the reason (up to 123 bytes) tells people what to do."""


class Subscription(Protocol):
    """A subscription that was begun."""

    def resumed(self) -> None:
        """The outlet is congested no longer: what was held back may follow."""

    def end(self) -> None:
        """The client wants no more, or is gone. May be called again."""
