"""Correlation ids: one for each operation, in every log line and in every request to a system."""

import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Correlation-ID"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def new_correlation_id() -> str:
    """An id that nobody else has. It is no secret."""
    return f"{random.getrandbits(128):032x}"  # seeded by the system, also after a fork


def accepted(inbound: str | None, *, make: Callable[[], str] = new_correlation_id) -> str:
    """The caller's id if it is safe to write anywhere, else one of our own.

    Safe are 1 to 128 characters of letters, digits and `._:/+=@-`, the first a letter or digit.
    """
    return inbound if inbound is not None and _SAFE.fullmatch(inbound) else make()


def correlation_id() -> str | None:
    """The id of the operation under way here, if any."""
    return _current.get()


def correlate(value: str) -> None:
    """The rest of the task that is under way belongs to one operation."""
    _current.set(value)


class correlated:  # noqa: N801  # reads as a word: `with correlated(id):`
    """Everything in the block, and the tasks it starts, belongs to one operation."""

    __slots__ = ("_token", "_value")

    def __init__(self, value: str) -> None:
        self._value = value

    def __enter__(self) -> str:
        self._token = _current.set(self._value)
        return self._value

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
