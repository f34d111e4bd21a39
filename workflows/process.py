"""What a process is made of: the promises that its code is written against.

A process is an async function of a `Process` and its input. Whatever it learns from the world it
learns in steps, and whatever it does to the world it does in writes; between them it only decides,
so that the same results lead to the same next step when it goes on after a crash.

    step     work whose result is kept: done again only if nobody knows its result
    write    work that is never simply done again: after a doubt the system is asked
    wait     for somebody's word, until a moment
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from canonical.exceptions import ExceptionCategory, Trouble
from canonical.values import Money

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]

OWN_SUBJECTS: Final = ("content:", "order:")
"""Beginnings of subjects that tell a process from all others, by what it was asked or has made."""


class CancelledByOperatorError(Exception):
    """An operator has given the process up: it undoes what it states, and ends."""

    def __init__(self, actor: str, reason: str) -> None:
        super().__init__(reason)
        self.actor = actor
        self.reason = reason


class SettledByOperatorError(Exception):
    """A step could not be done, and an operator has settled it otherwise: there is no result.

    Code that can go on without one catches it. A step whose result is None just goes on.
    """

    def __init__(self, actor: str, text: str) -> None:
        super().__init__(text)
        self.actor = actor
        self.text = text


class NeedsOperatorError(Exception):
    """Raised by work: it cannot be done until a person has put something right.

    The process waits for an operator at once, and is listed with what this says; nothing else is
    tried meanwhile.

    Attributes:
        category: What kind of trouble it is.
        message: What is wrong, where, and what to do, for the person who will look.
        value_at_risk: What is at stake.
    """

    def __init__(
        self, category: ExceptionCategory, message: str, value_at_risk: Money | None = None
    ) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.value_at_risk = value_at_risk


class Process(Protocol):
    """One process, to its own code."""

    @property
    def id(self) -> str:
        """Names the process, for ever."""

    @property
    def correlation_id(self) -> str:
        """Ties it to what it is about."""

    async def step(self, name: str, work: Work[T], result: type[T]) -> T:
        """Do work and keep its result, once; later, give what was kept.

        While a system is unavailable it is done again, after longer and longer times; then an
        exception is reported and the process waits for an operator. A refusal is kept too:

        Raises:
            InvalidInputError, RejectedError, ConflictError, NotFoundError, RefusedError: as the
                work raised it, now or when it was done.
            CancelledByOperatorError: if an operator gave the process up.
            SettledByOperatorError: if it could not be done, and an operator settled it.
        """

    async def write(self, name: str, tell: Work[T], became: Work[T | None], result: type[T]) -> T:
        """Tell a system something, once.

        That it is about to be told is kept before. If nobody knows whether it was - the answer did
        not come, or this process ended in between - `became` asks the system, again and again, and
        only if that is sure that nothing was done, it is told again. Meanwhile the step is shown as
        in doubt; when that lasts, an exception is reported.

        Args:
            name: Of the step.
            tell: Tells the system.
            became: What became of it; None if it was not done.
            result: What both give.

        Raises:
            InvalidInputError, RejectedError, ConflictError, NotFoundError, RefusedError: as `tell`
                raised it.
            CancelledByOperatorError: if an operator gave the process up.
            SettledByOperatorError: if it could not be done, an operator settled it, and `became`
                finds nothing that was done.
        """

    async def wait(self, topic: str, until: datetime | None, message: type[T]) -> T | None:
        """The next message of a topic; None if none has come by a moment. Each is given once."""

    async def now(self) -> datetime:
        """The time, kept like the result of a step."""

    async def start(self, kind: str, process_id: str, asked: Struct) -> None:
        """Have another process begin; nothing if it has begun.

        It has the same correlation id, and is about the same but for `OWN_SUBJECTS`.
        """

    async def result(self, process_id: str, result: type[T]) -> T:
        """What came of another process; waits for its end."""

    async def signal(self, process_id: str, topic: str, message: Struct) -> None:
        """Send another process a message, once; nothing if it has ended or never was."""

    async def about(self, *subjects: str) -> None:
        """Say what it is about besides what was said before, so that it is found by that."""

    async def waits_for(self, what: str | None) -> None:
        """Say what it waits for, for people."""

    async def report(self, trouble: Trouble) -> None:
        """Report trouble that does not stop it, under its own id."""

    async def over(self, cause: str, why: str) -> None:
        """Report that a trouble is over."""


class ProcessKind(Struct, frozen=True):
    """A process that can be begun.

    Attributes:
        kind: Its name.
        version: Of its code. Instances go on by the version that they began with, so a changed one
            is a further `ProcessKind`; the highest begins new ones.
        asked: Type of its input.
        outcome: Type of what comes of it.
        run: Its code.
    """

    kind: str
    version: int
    asked: type[Struct]
    outcome: type[Struct]
    run: Callable[[Process, Any], Awaitable[Struct]]


class Starting(Struct, frozen=True, kw_only=True):
    """A process that is to begin.

    Attributes:
        kind: Which.
        process_id: Names it: the same id begins once.
        asked: Its input.
        correlation_id: Ties it to what it is about.
        subjects: What it is about.
        started_by: Who asks for it; None for events.
    """

    kind: str
    process_id: str
    asked: Struct
    correlation_id: str
    subjects: tuple[str, ...] = ()
    started_by: str | None = None


class Ended(Struct, frozen=True):
    """How a process ended: with what came of it, or an error's code and message."""

    outcome: Struct | None
    code: str | None = None
    message: str | None = None


class Engine(Protocol):
    """Begins processes and speaks to them. What cannot be kept now is an `UnavailableError`."""

    async def start(self, starting: Sequence[Starting]) -> Collection[str]:
        """Have processes begin; ids of those that had not begun before."""

    async def signal(self, process_id: str, topic: str, message: Struct, *, once: str) -> None:
        """Send a process a message.

        Args:
            process_id: Which. One that has ended, or never was, hears nothing.
            topic: What it is about.
            message: What the process waits for.
            once: Names the message: the same is heard once.
        """

    async def ended(self, process_id: str, within_s: float) -> Ended | None:
        """How a process ended; None if it has not within some seconds.

        Raises:
            NotFoundError: if there is no such process.
        """

    async def retry(self, process_id: str, *, actor: str) -> None:
        """Have a stuck process try its step again now; nothing if it is not stuck."""

    async def settle(self, process_id: str, text: str, *, actor: str) -> None:
        """Have a stuck process go on as if its step were done; nothing if it is not stuck."""

    async def cancel(self, process_id: str, reason: str, *, actor: str) -> None:
        """Give a process up: at its next step it undoes what it states, and ends."""
