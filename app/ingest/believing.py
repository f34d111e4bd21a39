"""Whether a delivery comes from whom it says, and the errors of those who take deliveries in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SupplygraphError,
    UnauthenticatedError,
    UnavailableError,
)
from runtime.security.signatures import Check, Refusal, Scheme, SignatureError
from runtime.telemetry.correlation import HEADER, accepted, correlated, correlation_id

Take = Callable[[Request], Awaitable[JSONResponse]]

_RETRY_S: Final = 5
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Signing(Struct, frozen=True):
    """How a system signs.

    Attributes:
        scheme: In which way.
        keys: Keys in use, of which one must fit.
        tolerance_s: How many seconds the time of sending may be off.
    """

    scheme: Scheme
    keys: Sequence[bytes]
    tolerance_s: float = 300.0


class TooLargeError(SupplygraphError):
    """A body is longer than it may be."""

    code = "TOO_LARGE"


class TooManyError(SupplygraphError):
    """More comes than is taken."""

    code = "TOO_MANY_REQUESTS"


class NotJsonError(InvalidInputError):
    """A body is no JSON, or nested too deeply to be read."""


class WrongFormError(SupplygraphError):
    """A body says that it is of a kind that is not taken here."""

    code = "UNSUPPORTED_MEDIA_TYPE"


def check_of(signing: Signing, system: str, request: Request, now: datetime) -> Check:
    """The check of a delivery, before any of its body is read.

    Raises:
        UnauthenticatedError: if its headers alone are not believed.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return Check(
            signing.scheme, signing.keys, headers, now=now, tolerance_s=signing.tolerance_s
        )
    except SignatureError as exc:
        raise unbelieved(system, exc) from exc


def unbelieved(system: str, exc: SignatureError) -> UnauthenticatedError:
    """Why a delivery is not believed, as its sender is told: no more than it needs."""
    _log.warning("delivery not believed", system=system, refusal=exc.refusal.value)
    if exc.refusal is Refusal.STALE:
        return UnauthenticatedError("the time of sending is too far from now: sign it anew")
    return UnauthenticatedError("the signature is missing, or does not fit the body")


_STATUSES: Final[Mapping[type[SupplygraphError], int]] = {
    NotJsonError: 400,
    NotFoundError: 404,
    UnauthenticatedError: 401,
    TooLargeError: 413,
    WrongFormError: 415,
    TooManyError: 429,
    ConflictError: 409,
    UnavailableError: 503,
}


def refused(exc: SupplygraphError, status: int | None = None) -> JSONResponse:
    """The answer to a delivery that is not taken."""
    if status is None:
        known = (code for kind, code in _STATUSES.items() if isinstance(exc, kind))
        status = next(known, 422)
    content: dict[str, Any] = {
        "error": {"code": exc.code, "message": exc.message, "correlationId": correlation_id()}
    }
    headers = {"retry-after": str(_RETRY_S)} if status in (429, 503) else {}
    return JSONResponse(content, status, headers)


def answering(take: Take) -> Take:
    """What takes deliveries in, answering for whatever is refused, under a correlation id."""

    async def answer(request: Request) -> JSONResponse:
        with correlated(accepted(request.headers.get(HEADER))):
            try:
                return await take(request)
            except SupplygraphError as exc:
                return refused(exc)
            except ClientDisconnect:
                return refused(InvalidInputError("the body broke off: send it again"), 400)

    return answer
