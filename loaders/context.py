"""What the reads of one operation have in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask
from loaders.catalog import EVERYWHERE, Territory
from loaders.journal import Journal

_SHARE: Final = 2 / 3


class ReadContext(Struct):
    """One operation's terms for reading.

    Attributes:
        ask: Deadline, correlation id and meter, sent along to the systems.
        journal: Where costs and ages are written down.
        max_staleness_s: No record older than this is of use to the caller; None leaves it to the
            manifest.
        territory: Where the caller may look.
    """

    ask: Ask
    journal: Journal
    max_staleness_s: float | None = None
    territory: Territory = EVERYWHERE

    def demand(self, max_staleness_s: float | None) -> None:
        """Narrow what age is acceptable for whatever is read from now on."""
        if max_staleness_s is not None:
            limits = [x for x in (self.max_staleness_s, max_staleness_s) if x is not None]
            self.max_staleness_s = min(limits)

    def among(self, systems: int) -> "ReadContext":
        """The terms for each of so many systems that are asked for the same.

        A slow one of several gets a part of the time only: the rest is for what hangs below the
        answers of the others.
        """
        if systems <= 1:
            return self
        now = asyncio.get_running_loop().time()
        deadline = now + (self.ask.deadline - now) * _SHARE
        return replace(self, ask=replace(self.ask, deadline=deadline))


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


@asynccontextmanager
async def within(patience_s: float | None, system: str) -> AsyncIterator[None]:
    """Wait for a system for a while only; without end where no patience is given.

    Raises:
        UnavailableError: if the time is over first.
    """
    try:
        async with asyncio.timeout(patience_s):
            yield
    except TimeoutError as exc:
        message = f"no answer within {patience_s} s"
        raise UnavailableError(system, Reason.TIMEOUT, message) from exc
