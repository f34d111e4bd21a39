"""What fake processes are made of: their clock, what they hear, and how they end."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from workflows.process import CancelledByOperatorError

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here."""


class Stuck(Exception):
    """A process waits for an operator, and the test has none for it."""


class Clock:
    """A clock that goes only where it is told."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def to(self, moment: datetime) -> None:
        self.now = max(self.now, moment)


class Heard(Struct):
    """A message that comes at a moment; None for at once."""

    topic: str
    message: Struct
    at: datetime | None = None


class Kept(Struct):
    """What a process keeps when it dies."""

    results: list[tuple[str, Any]] = []
    begun: set[str] = set()
    cancelled: CancelledByOperatorError | None = None
