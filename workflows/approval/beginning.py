"""Evaluations come in, and each new recommendation gets its process.

What is proposed is kept first, and its process begun then; who dies in between leaves that to
`catch_up`, which looks from time to time whether all have what they wait for.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from canonical.errors import SupplygraphError
from canonical.replenishment import Evaluated, Recommended
from runtime.replenishment.recommendations import Recommendations
from workflows.approval.process import DECIDED, KIND, WAITS_FOR, ApprovalAsked, Told, subjects
from workflows.process import Engine, Starting

_TOGETHER: Final = 32
"""Messages that are under way at once."""
_PORTION: Final = 1_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Approvals:
    """Keeps the promises of `canonical.replenishment.Proposals`, and begins processes.

    Args:
        store: Recommendations.
        engine: Begins them.
    """

    def __init__(self, store: Recommendations, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    async def take(self, evaluated: Sequence[Evaluated], *, at: datetime) -> None:
        """Make recommendations of evaluations, and have their processes begin and end.

        Raises:
            UnavailableError: if they could not be kept; it may be repeated.
        """
        taken = await self._store.take(evaluated, at=at)
        try:
            await self._begin(taken.proposed)
            await tell(self._engine, taken.superseded)
        except SupplygraphError as error:
            _log.warning("processes of recommendations will begin later", error=error.message)

    async def catch_up(self) -> int:
        """Begin processes that nobody has begun, and tell those that nobody has told.

        Returns:
            How many there were; some are left for the next time where there are many.

        Raises:
            UnavailableError: if that cannot be done now.
        """
        unattended = await self._store.unattended(_PORTION)
        await self._begin(unattended)
        untold = await self._store.untold(WAITS_FOR, _PORTION)
        await tell(self._engine, untold)
        return len(unattended) + len(untold)

    async def _begin(self, found: Sequence[Recommended]) -> None:
        for start in range(0, len(found), _PORTION):
            await self._engine.start([starting(each) for each in found[start : start + _PORTION]])


def starting(found: Recommended) -> Starting:
    """The process of a recommendation; it has its key for an id, and its correlation id."""
    return Starting(
        kind=KIND,
        process_id=found.key,
        asked=ApprovalAsked(found.key),
        correlation_id=found.record.correlation_id,
        subjects=subjects(found),
        started_by=found.requested_by,
    )


async def tell(engine: Engine, keys: Sequence[str]) -> None:
    """Tell processes that their recommendations were decided, or taken back.

    Raises:
        UnavailableError: if that cannot be kept now.
    """
    for start in range(0, len(keys), _TOGETHER):
        together = keys[start : start + _TOGETHER]
        await asyncio.gather(*(engine.signal(k, DECIDED, Told(), once=DECIDED) for k in together))
