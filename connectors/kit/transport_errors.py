"""Translates what a system did once, into errors by what the caller can do about it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from msgspec import Struct

from canonical.errors import (
    BadAnswerError,
    ConflictError,
    InDoubtError,
    InvalidInputError,
    MisconfiguredError,
    Reason,
    RejectedError,
    SignInRefusedError,
    SupplygraphError,
    UnavailableError,
)
from connectors.kit.http import Explain, Request, Response
from connectors.kit.policy import CallPolicy
from connectors.kit.transport_body import TooLargeError
from connectors.kit.transport_wire import BrokenError, UnsendableError

_log = structlog.get_logger(__name__)

_MOST_SAID: Final = 300
_MOST_LOGGED: Final = 2_000
_BLANKS: Final = re.compile(r"\s+")

_UNAUTHORISED, _FORBIDDEN, _TIMED_OUT, _THROTTLED, _DOWN = 401, 403, 408, 429, 503
_CONFLICTS: Final = frozenset({409, 412, 423, 428})
_TOO_LONG: Final = frozenset({413, 414, 431})
_SHORTEN: Final = "Lower `policy.max_url_bytes` or `policy.max_keys_per_request`"
_MISCONFIGURED: Final = {
    403: "may not be read with our credentials",
    404: "does not exist there",
    405: "cannot be asked in this way",
    406: "cannot be asked in this way",
    407: "needs a proxy that knows us",
    410: "does not exist there any more",
    415: "cannot be asked in this way",
}
_SERVER_ERRORS: Final = 500
_REDIRECTS: Final = range(300, 400)
_LEAST_FAIR_S: Final = 1.0
"""A try that was given less time than this (and than its policy) says nothing about the system."""


class Failure(Struct, frozen=True):
    """One try that failed.

    Attributes:
        error: What to tell the caller if it stays at that.
        again: Whether another try may go better.
        status: The HTTP status, if there was an answer.
        wait_s: How long the system asked to be left alone.
        counts: Whether it speaks for a fault of the system (circuit breaker).
        undone: Whether what was told was surely not done.
        words: What the system said of it, fit for callers.
    """

    error: SupplygraphError
    again: bool = False
    status: int | None = None
    wait_s: float | None = None
    counts: bool = False
    undone: bool = False
    words: str | None = None

    @property
    def throttled(self) -> bool:
        """Whether the system asked for fewer calls."""
        return self.status == _THROTTLED or (self.status == _DOWN and self.wait_s is not None)


def said(response: Response, explain: Explain | None, hidden: Iterable[str]) -> str | None:
    """What the system said of its refusal: short, on one line, without what is not for callers.

    Args:
        response: The refusal.
        explain: Reads the vendor's error body.
        hidden: Texts that are left out: the host, our credentials.
    """
    if explain is None:
        return None
    try:
        text = explain(response)
    except (BadAnswerError, LookupError, TypeError, ValueError, AttributeError):
        return None  # an odd error body must not hide the status
    text = _without(hidden, _BLANKS.sub(" ", text or "").strip())
    if len(text) > _MOST_SAID:
        text = f"{text[: _MOST_SAID - 3]}..."
    return text or None


def log_refusal(response: Response, correlation_id: str, hidden: Iterable[str]) -> None:
    """Put a refusal on record for operators, with the vendor's own words less our credentials."""
    text = response.content[:_MOST_LOGGED].decode(errors="replace")
    _log.warning(
        "call_refused",
        system=response.system,
        label=response.label,
        status=response.status,
        correlation_id=correlation_id,
        vendor_text=_without(hidden, text),
    )


def log_broken(exc: Exception, system: str, label: str, correlation_id: str) -> None:
    """Put an exchange without an answer on record for operators, with its cause below HTTP."""
    cause = exc.__cause__ or exc
    _log.warning(
        "call_broken",
        system=system,
        label=label,
        correlation_id=correlation_id,
        error=f"{type(cause).__name__}: {cause}"[:_MOST_LOGGED],
    )


def secrets_in(credentials: Mapping[str, str]) -> list[str]:
    """What must not be shown of credentials: the values of their headers, whole and in part."""
    return [part for value in credentials.values() for part in (value, value.rpartition(" ")[2])]


def _without(hidden: Iterable[str], text: str) -> str:
    for word in hidden:
        if word:
            text = re.sub(re.escape(word), "(hidden)", text, flags=re.IGNORECASE)
    return text


def translate(
    response: Response, words: str | None, *, authorise: bool, wait_s: float | None
) -> SupplygraphError:
    """The error that a refusal means.

    Args:
        response: The refusal (no 2xx).
        words: What the system said of it, fit for callers.
        authorise: Whether the request carried credentials.
        wait_s: How long the system asked to be left alone.
    """
    system, label, status = response.system, response.label, response.status
    tail = f": {words}" if words else ""
    if status == _THROTTLED or (status == _DOWN and wait_s is not None):
        message = f"{label} was put off, too many calls ({status}){tail}"
        return UnavailableError(system, Reason.THROTTLED, message, retry_after_s=wait_s)
    if status >= _SERVER_ERRORS:
        message = f"{label} failed there ({status}){tail}"
        return UnavailableError(system, Reason.SERVER_ERROR, message)
    if status == _TIMED_OUT:
        return UnavailableError(system, Reason.TIMEOUT, f"{label} took too long there (408){tail}")
    if status in _REDIRECTS:
        message = (
            f"{label} answered with a redirect ({status}), which is not followed. Check `url` and "
            f"whether the system sends its callers to a login page"
        )
        return MisconfiguredError(system, message)
    return _refused(response, tail, authorise=authorise)


def _refused(response: Response, tail: str, *, authorise: bool) -> SupplygraphError:
    system, label, status = response.system, response.label, response.status
    if status in _CONFLICTS:
        return ConflictError(f"{system}: {label} is in conflict ({status}){tail}")
    if status == _UNAUTHORISED:
        what = "our credentials were" if authorise else "our sign-in was"
        message = f"{label}: {what} refused (401){tail}. Check `auth`"
        return SignInRefusedError(system, message)
    if status in _TOO_LONG:
        message = f"{label}: our request is too long for it ({status}){tail}. {_SHORTEN}"
        return MisconfiguredError(system, message)
    if status in _MISCONFIGURED:
        message = f"{label} {_MISCONFIGURED[status]} ({status}){tail}"
        reason = Reason.CREDENTIALS if status == _FORBIDDEN else Reason.MISCONFIGURED
        return MisconfiguredError(system, message, reason=reason)
    return InvalidInputError(f"{system}: {label} was refused ({status}){tail}")


def of(request: Request, failure: Failure, system: str) -> SupplygraphError:
    """What a failure means for who sent the request.

    Args:
        request: What was asked or told.
        failure: What became of the last try; of a write, nothing was done by those before.
        system: The backend's name.
    """
    error = failure.error
    if not request.is_write:
        return error
    if not failure.undone:
        return in_doubt(system, request.label, error)
    if isinstance(error, InvalidInputError):
        return RejectedError(system, failure.words or f"{request.label} ({failure.status})")
    return error


def in_doubt(system: str, label: str, error: SupplygraphError) -> InDoubtError:
    """The error of a write of which the system was told, and whose answer tells nothing."""
    why = error.message.removeprefix(f"{system}: ")
    doubt = InDoubtError(system, f"{label} may have been done: {why}")
    doubt.__cause__ = error
    return doubt


def broken(exc: Exception, system: str, label: str, policy: CallPolicy, given_s: float) -> Failure:
    """The failure that an exchange without an answer means.

    Args:
        exc: One of `WIRE_ERRORS`, or the transport's timeout.
        system: The backend's name.
        label: What was asked.
        policy: How the backend may be asked.
        given_s: Seconds that the try was given.
    """
    match exc:
        case TimeoutError():
            message = f"{label} took longer than {given_s:.3g} s"
            error = UnavailableError(system, Reason.TIMEOUT, message)
            fair = given_s >= min(policy.timeout_s, _LEAST_FAIR_S)
            return Failure(error, again=True, counts=fair)
        case BrokenError():
            error = UnavailableError(system, Reason.CONNECTION, f"{label}: {exc}")
            return Failure(error, again=True, counts=True)
        case UnsendableError():
            return Failure(MisconfiguredError(system, f"{label}: {exc}"), undone=True)
        case TooLargeError():
            most = f"{policy.max_response_mb:g} MB (policy.max_response_mb)"
            return Failure(BadAnswerError(system, f"{label} answered more than {most}"))
        case _:
            message = f"the answer to {label} cannot be read: {exc}"
            return Failure(BadAnswerError(system, message), counts=True)
