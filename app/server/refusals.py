"""Why a request is not answered: the error that is told, the status and further headers."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from app.demand.control import rate_headers
from app.errors import Told, told_fault, told_refusal, told_request
from app.server.negotiation import HTTPRefusal
from canonical.errors import (
    LimitedError,
    RefusedError,
    SupplygraphError,
    UnauthenticatedError,
    UnavailableError,
)

_RETRY_S: Final = 5.0


class Refusal(Struct, frozen=True):
    """What is said instead of an answer.

    Attributes:
        told: The error.
        status: HTTP status.
        headers: Further headers.
    """

    told: Told
    status: int
    headers: Mapping[str, str] = {}


def refusal_of(error: Exception, correlation_id: str, *, named: bool) -> Refusal:
    """What is said on an error; one that is not of our own tree is a fault of ours.

    Args:
        error: What has happened.
        correlation_id: Of the request.
        named: Whether the client has said who it is.
    """
    if isinstance(error, HTTPRefusal):
        told = told_request(error.message, error.code, correlation_id)
        return Refusal(told, error.status, error.headers)
    if not isinstance(error, SupplygraphError):
        return Refusal(told_fault(error, correlation_id), 500)
    told = told_refusal(error, correlation_id)
    if isinstance(error, UnauthenticatedError):
        how = 'Bearer error="invalid_token"' if named else "Bearer"
        return Refusal(told, 401, {"WWW-Authenticate": how})
    if isinstance(error, LimitedError):
        return Refusal(told, 429, rate_headers(error))
    if isinstance(error, UnavailableError):
        retry_s = max(1, round(error.retry_after_s or _RETRY_S))
        return Refusal(told, 503, {"Retry-After": f"{retry_s}"})
    return Refusal(told, 403 if isinstance(error, RefusedError) else 400)
