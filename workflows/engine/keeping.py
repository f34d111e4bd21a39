"""What is kept of steps: results by their types, and errors so that they can be raised again.

Everything is JSON that later versions can read: decimals as text, types by the reader's say.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from canonical import errors
from canonical.errors import (
    ConflictError,
    InvalidInputError,
    LimitedError,
    NotFoundError,
    RefusedError,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from runtime.processes.rows import Kept, KeptError
from workflows.process import CancelledByOperatorError, SettledByOperatorError

T = TypeVar("T")

DECISIONS: Final = (
    InvalidInputError,
    RejectedError,
    ConflictError,
    NotFoundError,
    RefusedError,
)
"""Errors that are answers: they are kept, and raised again."""
TRANSIENT: Final = (UnavailableError, LimitedError)
"""Errors that may be over later."""
CANCELLED: Final = "CANCELLED"
SETTLED: Final = "SETTLED"

_PLAIN: Final = (str, int, float, bool, type(None))
_encoder: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def _all(kind: type[SupplygraphError]) -> Iterator[type[SupplygraphError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _all(each)


_BY_NAME: Final = {
    each.__name__: each for each in _all(SupplygraphError) if each.__module__ == errors.__name__
}


def encoded(value: Any) -> bytes:
    """A value as canonical JSON."""
    return _encoder.encode(value)


def kept_result(value: Any, started_at: datetime, ended_at: datetime, attempts: int = 1) -> Kept:
    """A result, to be kept."""
    return Kept(started_at, ended_at, ok=Raw(encoded(value)), attempts=attempts)


def kept_error(
    error: Exception, started_at: datetime, ended_at: datetime, attempts: int = 1
) -> Kept:
    """An error that is an answer, to be kept."""
    return Kept(started_at, ended_at, error=described(error), attempts=attempts)


def described(error: Exception) -> KeptError:
    """An error as plain values."""
    if isinstance(error, CancelledByOperatorError):
        return KeptError(CANCELLED, error.reason, CANCELLED, {"actor": error.actor})
    if isinstance(error, SettledByOperatorError):
        return KeptError(SETTLED, error.text, SETTLED, {"actor": error.actor})
    if not isinstance(error, SupplygraphError):
        return KeptError(type(error).__name__, str(error), SupplygraphError.code)
    kind = next(each for each in type(error).__mro__ if each.__name__ in _BY_NAME)
    fields = {n: v for n, v in vars(error).items() if n != "message" and isinstance(v, _PLAIN)}
    return KeptError(kind.__name__, error.message, error.code, fields)


def raised_again(kept: KeptError) -> Exception:
    """An error with the type and the words of the one that was kept."""
    if kept.type == CANCELLED:
        return CancelledByOperatorError(str(kept.fields["actor"]), kept.message)
    if kept.type == SETTLED:
        return SettledByOperatorError(str(kept.fields["actor"]), kept.message)
    kind = _BY_NAME.get(kept.type)
    if kind is None:
        return ConflictError(kept.message)
    error = kind.__new__(kind)
    Exception.__init__(error, kept.message)
    vars(error).update(kept.fields, message=kept.message)
    return error


def given(kept: Kept, result: type[T]) -> T:
    """The result that was kept.

    Raises:
        Exception: the error, if that was kept.
    """
    if kept.error is None:
        return msgspec.json.decode(kept.ok, type=result)
    if kept.error.type == SETTLED and result is type(None):
        return None
    raise raised_again(kept.error)
