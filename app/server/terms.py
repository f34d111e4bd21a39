"""What a request says beside the question: who asks, how old records may be, what to tell."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from app.server.credentials import HEADERS as CREDENTIALS
from app.server.credentials import credential_of
from app.server.exchange import Inbound
from app.server.negotiation import HTTPRefusal
from app.server.ports import Tokens
from runtime.security.principal import Principal
from runtime.usage.counting import UNKNOWN, Client, client_named

STALENESS: Final = "X-Supplygraph-Max-Staleness"
EXTENSIONS: Final = "X-Supplygraph-Extensions"

TRACE: Final = b"apollo-federation-include-trace"
"""Header by which a gateway asks for a trace."""

_STALENESS: Final = STALENESS.lower().encode()
_EXTENSIONS: Final = EXTENSIONS.lower().encode()
_APOLLO: Final = (b"apollographql-client-name", b"apollographql-client-version")
_PLAIN: Final = (b"graphql-client-name", b"graphql-client-version")
HEADERS: Final = CREDENTIALS | {
    _STALENESS,
    _EXTENSIONS,
    *_APOLLO,
    *_PLAIN,
}
"""Names of the headers that terms are read from."""

_MAX_STALENESS_S: Final = 8 * 86_400
_SECONDS: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?")


class Terms(Struct, frozen=True):
    """What the request says beside the question.

    Attributes:
        principal: Who is asking; None if nobody said.
        correlation_id: Ties logs together.
        max_staleness_s: No record older than this is of use to the caller.
        tell_cost: Whether the answer says what it cost.
        trace: Whether a gateway asks how long each field took.
        client: What the caller's program calls itself.
        address: Where a caller asks from that did not say who it is.
    """

    principal: Principal | None
    correlation_id: str
    max_staleness_s: float | None = None
    tell_cost: bool = False
    trace: bool = False
    client: Client = UNKNOWN
    address: str = ""


async def read_terms(inbound: Inbound, tokens: Tokens, correlation_id: str) -> Terms:
    """The terms of a request.

    Raises:
        HTTPRefusal: if a header cannot be understood.
        UnauthenticatedError: if there is a token or key that is not valid now.
        UnavailableError: if they cannot be checked now.
    """
    staleness, tell_cost = None, False
    if _STALENESS in inbound.headers:
        staleness = _max_staleness(inbound.header(_STALENESS))
    credential = credential_of(inbound)
    principal = None if credential is None else await tokens.verify(credential)
    if _EXTENSIONS in inbound.headers:
        wanted = inbound.headers[_EXTENSIONS].lower().split(b",")
        tell_cost = b"cost" in map(bytes.strip, wanted)
    trace = inbound.headers.get(TRACE) == b"ftv1"
    address = inbound.address if principal is None else ""
    client = _client(inbound.headers)
    return Terms(principal, correlation_id, staleness, tell_cost, trace, client, address)


def _client(headers: Mapping[bytes, bytes]) -> Client:
    if _APOLLO[0] in headers:
        name, version = _APOLLO
    elif _PLAIN[0] in headers:
        name, version = _PLAIN
    else:
        return UNKNOWN
    return client_named(headers[name], headers.get(version, b""))


def _max_staleness(text: str | None) -> float | None:
    if text is None:
        return None
    seconds = float(text) if _SECONDS.fullmatch(text.strip()) else -1.0
    if not 0 <= seconds <= _MAX_STALENESS_S:
        message = f"{STALENESS} must be a number of seconds from 0 to {_MAX_STALENESS_S}"
        raise HTTPRefusal(400, message)
    return seconds
