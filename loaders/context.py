"""What the reads of one operation have in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask
from loaders.journal import Journal


class ReadContext(Struct):
    """One operation's terms for reading.

    Attributes:
        ask: Deadline, correlation id and meter, sent along to the systems.
        journal: Where costs and ages are written down.
        max_staleness_s: No record older than this is of use to the caller; None leaves it to the
            manifest.
    """

    ask: Ask
    journal: Journal
    max_staleness_s: float | None = None

    def demand(self, max_staleness_s: float | None) -> None:
        """Narrow what age is acceptable for whatever is read from now on."""
        if max_staleness_s is not None:
            limits = [x for x in (self.max_staleness_s, max_staleness_s) if x is not None]
            self.max_staleness_s = min(limits)


@asynccontextmanager
async def until_deadline(ask: Ask, system: str) -> AsyncIterator[None]:
    """Ask a system within the operation's time, even if it does not keep to it by itself.

    Raises:
        UnavailableError: if the time is over first.
    """
    try:
        async with asyncio.timeout_at(ask.deadline):
            yield
    except TimeoutError as exc:
        message = "no answer within the time of the operation"
        raise UnavailableError(system, Reason.TIMEOUT, message) from exc
