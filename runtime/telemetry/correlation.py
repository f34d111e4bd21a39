"""Correlation ids: one for each operation, in every log line and in every request to a system."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Correlation-ID"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def new_correlation_id() -> str:
    """An id that nobody else has."""
    return os.urandom(16).hex()


def accepted(inbound: str | None, *, make: Callable[[], str] = new_correlation_id) -> str:
    """The caller's id if it is safe to write anywhere, else one of our own.

    Safe are 1 to 128 characters of letters, digits and `._:/+=@-`, the first a letter or digit.
    """
    return inbound if inbound is not None and _SAFE.fullmatch(inbound) else make()


def correlation_id() -> str | None:
    """The id of the operation under way here, if any."""
    return _current.get()


@contextmanager
def correlated(value: str) -> Iterator[str]:
    """Everything in the block, and the tasks it starts, belongs to one operation."""
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
