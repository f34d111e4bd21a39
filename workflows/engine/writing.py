"""Telling a system something once, whatever dies when.

    begin: written down, with the moment `until` at which the attempt has surely ended
      -> tell -> its answer
    begun before, or no answer:
      ask what became of it -> it was done: that is the answer
                            -> it was not, but may yet be: ask again at `until`
                            -> it was not, and `until` has passed: begin once more

What a server that died had begun is not asked about before `until`: it may be half done.
What remains is a process that freezes between its last look at the clock and the socket, for longer
than `settle_s`, and then goes on.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from canonical.errors import InDoubtError
from canonical.exceptions import ExceptionCategory
from runtime.processes.attempts import Attempt
from runtime.processes.rows import Kept
from workflows.engine.house import House
from workflows.engine.keeping import DECISIONS
from workflows.engine.mail import seconds_until
from workflows.engine.patience import Patience
from workflows.engine.standing import StepStanding
from workflows.process import Work

T = TypeVar("T")


class Write(Generic[T]):
    """One write of a process.

    Args:
        tell: Tells the system.
        became: What became of it; None if it was not done.
        step: How it is shown; names it.
        house: What processes share.

    Attributes:
        category: What kind of trouble it is while there is no answer.
    """

    def __init__(
        self, tell: Work[T], became: Work[T | None], *, step: StepStanding, house: House
    ) -> None:
        self.category = ExceptionCategory.BACKEND_UNAVAILABLE
        self._tell = tell
        self._became = became
        self._step = step
        self._house = house
        self._key = (step.process.row.id, step.name)

    async def once(self, patience: Patience) -> T | Kept:
        """See to it that it is done; what came of it, as it is or as it was kept.

        Raises:
            SupplygraphError: the system refuses, or cannot be told or asked just now.
            CancelledByOperatorError: an operator said so.
            LeaseLostError: another server has this process now.
        """
        while True:
            before = await self._house.attempts.begin(*self._key, self._house.lease, self._ends())
            if before is not None:
                known = await self._known(before, patience)
                if known is not None:
                    return known
                if not await self._begin_again(before):
                    continue
            try:
                return await self._told()
            except InDoubtError:
                self.category = ExceptionCategory.IN_DOUBT  # so it is asked, and at once

    async def found(self) -> T | None:
        """What became of it, asked now; None if nothing was done."""
        try:
            return await self._became()
        except DECISIONS as error:  # an answer to another question than the one that was asked
            msg = f"{self._step.name!r} cannot be asked about: {error.message}"
            raise RuntimeError(msg) from error

    async def _known(self, before: Attempt, patience: Patience) -> T | Kept | None:
        """What came of an attempt that was begun before; None if it is sure that nothing did."""
        if before.result is not None:
            return before.result
        if before.holder != self._house.lease.holder:
            self.category = ExceptionCategory.IN_DOUBT
            await self._until(before, patience)
        while True:
            found = await self.found()
            if found is not None or not await self._until(before, patience):
                return found

    async def _begin_again(self, before: Attempt) -> bool:
        """Write down that it is told once more; False if there was another attempt meanwhile."""
        lease, attempts = self._house.lease, before.attempts
        self._step.attempts = attempts + 1
        return await self._house.attempts.again(*self._key, lease, self._ends(), attempts)

    async def _told(self) -> T:
        self._house.telling += 1
        try:
            async with asyncio.timeout(self._house.settings.tell_within_s):
                return await self._tell()
        except TimeoutError as error:
            raise InDoubtError("the system", "did not answer in time") from error
        finally:
            self._house.telling -= 1

    async def _until(self, before: Attempt, patience: Patience) -> bool:
        """Wait until an attempt has surely ended; False if it had."""
        left_s = seconds_until(before.until, self._house.now())
        if not left_s:
            return False
        await patience.until(left_s, "whether the system has done it is not known yet")
        return True

    def _ends(self) -> datetime:
        settings = self._house.settings
        return self._house.now() + timedelta(seconds=settings.tell_within_s + settings.settle_s)
