"""How a step waits while it cannot be done: longer and longer, then with somebody told.

An operator may end the waiting: have it tried now, count it as done, or give the process up.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from canonical.errors import LimitedError, SupplygraphError, UnavailableError
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.processes import ProcessState, StepState
from canonical.values import Money
from workflows.engine.house import House
from workflows.engine.mail import CANCEL, OPERATOR, seconds_until
from workflows.engine.standing import StepStanding
from workflows.process import (
    CancelledByOperatorError,
    NeedsOperatorError,
    SettledByOperatorError,
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Say(StrEnum):
    """What an operator may say to a process."""

    RETRY = "retry"
    SETTLE = "settle"
    CANCEL = "cancel"


class Word(Struct, frozen=True):
    """What an operator said."""

    say: Say
    actor: str
    text: str = ""


_STATES: Final = {
    ExceptionCategory.IN_DOUBT: StepState.IN_DOUBT,
    ExceptionCategory.BACKEND_UNAVAILABLE: StepState.RETRYING,
    ExceptionCategory.INTERNAL: StepState.STUCK,
}


class Patience:
    """The waiting of one step.

    Args:
        step: The step.
        house: What processes share.
    """

    def __init__(self, step: StepStanding, house: House) -> None:
        self._step = step
        self._house = house
        self._since = step.started_at
        self._reported = False
        self._pauses = 0
        self._recalled = False
        process = step.process.row.id
        self._cause = f"process:{process}/{step.number}"

    def recall(self, attempts: int) -> None:
        """It was tried before, by a server that died."""
        self._step.attempts = attempts
        self._since = self._step.started_at
        self._pauses = attempts - 1
        self._recalled = True

    async def before(self, *, recovered: bool) -> None:
        """Before anything is done.

        Args:
            recovered: Whether the process may have been here before, in a server that died.

        Raises:
            CancelledByOperatorError: an operator gave the process up.
        """
        if recovered or self._house.mail.has(self._step.process.row.id, CANCEL):
            await self._give_up_if_cancelled()

    async def unavailable(self, error: SupplygraphError, category: ExceptionCategory) -> None:
        """A system is unavailable, or nobody knows what it did: wait until it may be tried again.

        Raises:
            CancelledByOperatorError, SettledByOperatorError: an operator said so.
        """
        pause_s = self._pause_s(error)
        if self._is_long():
            await self._report(category, error.message)
            pause_s = self._house.settings.slow_pause_s
        self._step.shown(_STATES[category], error.message)
        await self._wait(pause_s)
        self._step.attempts += 1

    async def broken(self, error: Exception) -> None:
        """Something is to be put right, or went wrong that nobody thought of: wait for an operator.

        Raises:
            CancelledByOperatorError, SettledByOperatorError: an operator said so.
        """
        if isinstance(error, NeedsOperatorError):
            text = error.message
            await self._report(error.category, text, error.value_at_risk)
        else:
            text = self._logged(error)
            await self._report(ExceptionCategory.INTERNAL, text)
        self._step.shown(StepState.STUCK, text)
        await self._wait(None)
        self._step.attempts += 1

    async def until(self, seconds: float, why: str) -> None:
        """Wait for a moment at which more is known.

        Raises:
            CancelledByOperatorError: an operator said so.
        """
        if self._is_long():
            await self._report(ExceptionCategory.IN_DOUBT, why)
        self._step.shown(StepState.IN_DOUBT, why)
        deadline = self._house.now() + timedelta(seconds=seconds)
        while (left_s := seconds_until(deadline, self._house.now())) and left_s > 0:
            await self._wait(left_s)

    async def over(self) -> None:
        """It is done."""
        if self._pauses or self._reported or self._recalled:
            await self._quietly_over()
        self._step.process.is_now(ProcessState.RUNNING)

    def _logged(self, error: Exception) -> str:
        reference, name = self._house.new_id(), self._step.name
        _log.error("process.broken", step=name, reference=reference, exc_info=error)
        return (
            f"{name!r} failed in a way that was not foreseen; the log has it under {reference}. "
            "Have it tried again once that is mended, or settle it by hand."
        )

    def _is_long(self) -> bool:
        waited_s = (self._house.now() - self._since).total_seconds()
        return waited_s >= self._house.settings.stuck_after_s

    def _pause_s(self, error: SupplygraphError) -> float:
        settings = self._house.settings
        grown_s = settings.first_pause_s * 2.0 ** min(self._pauses, 30)
        self._pauses += 1
        pause_s = min(grown_s, settings.longest_pause_s) * (0.75 + self._house.random.random() / 2)
        asked_s = None
        if isinstance(error, UnavailableError | LimitedError):
            asked_s = error.retry_after_s
        return max(pause_s, min(asked_s or 0.0, settings.slow_pause_s))

    async def _wait(self, seconds: float | None) -> None:
        """Wait some time, or until an operator says something that ends the waiting."""
        process_id, mail, now = self._step.process.row.id, self._house.mail, self._house.now
        deadline = None if seconds is None else now() + timedelta(seconds=seconds)
        while True:
            if await self._hear():
                return
            left_s = seconds_until(deadline, now())
            if left_s is not None and left_s <= 0:
                return
            await mail.wait(process_id, (CANCEL, OPERATOR), left_s)

    async def _hear(self) -> bool:
        """Hear operators; whether it is to be tried again now."""
        process_id, mail = self._step.process.row.id, self._house.mail
        if mail.has(process_id, CANCEL):
            await self._give_up_if_cancelled()
        if not mail.has(process_id, OPERATOR):
            return False
        text = await mail.take(process_id, OPERATOR, self._house.new_id())
        if text is None or not self._reported:  # it was said when nobody had to be asked any more
            return False
        word = msgspec.json.decode(text, type=Word)
        if word.say is Say.RETRY:
            return True
        await self._quietly_over()
        if word.say is Say.SETTLE:
            raise SettledByOperatorError(word.actor, word.text)
        raise CancelledByOperatorError(word.actor, word.text)

    async def _forget_what_was_said(self) -> None:
        """What was said before an operator was asked is no answer."""
        process_id, mail = self._step.process.row.id, self._house.mail
        while await mail.take(process_id, OPERATOR, self._house.new_id()) is not None:
            continue

    async def _give_up_if_cancelled(self) -> None:
        # Taken in the step's name, it is found again should this server die before it is kept.
        row = self._step.process.row
        text = await self._house.mail.take(row.id, CANCEL, str(self._step.number))
        if text is not None:
            word = msgspec.json.decode(text, type=Word)
            await self._quietly_over()
            raise CancelledByOperatorError(word.actor, word.text)

    async def _report(
        self, category: ExceptionCategory, message: str, at_risk: Money | None = None
    ) -> None:
        row = self._step.process.row
        trouble = Trouble(
            cause=self._cause,
            category=category,
            message=message,
            correlation_id=row.correlation_id,
            process_id=row.id,
            subjects=self._step.process.subjects,
            value_at_risk=at_risk,
            details={"kind": row.kind, "step": self._step.name},
        )
        if not self._reported:
            await self._forget_what_was_said()
        try:
            await self._house.troubles.report(trouble)
        except Exception:  # noqa: BLE001  # the process is shown as stuck, which is reported again
            _log.exception("process.trouble_unreported")
        self._reported = True
        self._step.process.is_now(ProcessState.STUCK)

    async def _quietly_over(self) -> None:
        self._step.process.is_now(ProcessState.RUNNING)
        try:
            await self._house.troubles.over(self._cause, why=f"{self._step.name!r} is done")
        except Exception:  # noqa: BLE001  # a person can close it
            _log.exception("process.trouble_unclosed")
