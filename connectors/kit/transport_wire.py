"""The seam to the HTTP library: one whole exchange on kept connections.

No redirects, no cookies, no settings from the environment, no time limit of its own (the transport
cancels).
"""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct, field

from connectors.kit.transport_body import TooLargeError, UndecodableError


class Progress:
    """How far an exchange has come, also where it was given up.

    Attributes:
        begun: Whether there was a connection, so that something may have been sent.
    """

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


class Outgoing(Struct, frozen=True):
    """What goes out; `progress` is kept up by the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int
    progress: Progress = field(default_factory=Progress)


class Incoming(Struct, frozen=True):
    """What came back: header names in lower case, the body decompressed.

    The body of an error may be cut short.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class BrokenError(Exception):
    """The exchange failed below HTTP; the message says how in a few words, without addresses."""


class UnsendableError(Exception):
    """The request cannot be sent as it is configured; the message says why, without addresses."""


WIRE_ERRORS: Final = (BrokenError, UnsendableError, TooLargeError, UndecodableError)
"""All that an exchange may raise."""


class Wire(Protocol):
    """An HTTP library."""

    async def exchange(self, out: Outgoing) -> Incoming:
        """Send a request and read the whole answer.

        Raises:
            BrokenError, UnsendableError: see there.
            TooLargeError, UndecodableError: as `transport_body.Body`.
        """

    async def aclose(self) -> None:
        """Close all connections."""
