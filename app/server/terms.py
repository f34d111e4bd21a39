"""What a request says beside the question: who asks, how old records may be, what to tell."""

import re
from typing import Final

from msgspec import Struct

from app.server.exchange import Inbound
from app.server.negotiation import HTTPRefusal
from app.server.ports import Tokens
from canonical.errors import UnauthenticatedError
from runtime.security.principal import Principal

STALENESS: Final = "X-Supplygraph-Max-Staleness"
EXTENSIONS: Final = "X-Supplygraph-Extensions"

TRACE: Final = b"apollo-federation-include-trace"
"""Header by which a gateway asks for a trace."""

_STALENESS: Final = STALENESS.lower().encode()
_EXTENSIONS: Final = EXTENSIONS.lower().encode()
HEADERS: Final = frozenset({b"authorization", _STALENESS, _EXTENSIONS})
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
    """

    principal: Principal | None
    correlation_id: str
    max_staleness_s: float | None = None
    tell_cost: bool = False
    trace: bool = False


async def read_terms(inbound: Inbound, tokens: Tokens, correlation_id: str) -> Terms:
    """The terms of a request.

    Raises:
        HTTPRefusal: if a header cannot be understood.
        UnauthenticatedError: if there is a token that is not valid now.
        UnavailableError: if tokens cannot be checked now.
    """
    staleness, tell_cost = None, False
    if _STALENESS in inbound.headers:
        staleness = _max_staleness(inbound.header(_STALENESS))
    principal, authorization = None, inbound.header(b"authorization")
    if authorization is not None:
        principal = await tokens.verify(_token(authorization))
    if _EXTENSIONS in inbound.headers:
        wanted = inbound.headers[_EXTENSIONS].lower().split(b",")
        tell_cost = b"cost" in map(bytes.strip, wanted)
    trace = inbound.headers.get(TRACE) == b"ftv1"
    return Terms(principal, correlation_id, staleness, tell_cost, trace)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(
            "the header must be `Authorization: Bearer <token>`; other schemes are not taken"
        )
    return token


def _max_staleness(text: str | None) -> float | None:
    if text is None:
        return None
    seconds = float(text) if _SECONDS.fullmatch(text.strip()) else -1.0
    if not 0 <= seconds <= _MAX_STALENESS_S:
        message = f"{STALENESS} must be a number of seconds from 0 to {_MAX_STALENESS_S}"
        raise HTTPRefusal(400, message)
    return seconds
