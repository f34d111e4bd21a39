"""What happens to recommendations, told to their processes: one begins with each that is new.

It is a reaction of `workflows.triggers`, to the events that stand in the log since the same commit
as the recommendations do: so nobody can die between the two, and what is told twice counts once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from canonical.events import Event, RecommendationChanged
from canonical.recommendations import OWN_SYSTEM, RecommendationStatus
from workflows.approval.process import DECIDED, KIND, ApprovalAsked, Told
from workflows.process import Engine, Starting

_TOGETHER: Final = 32
"""Processes that are begun, or told, at once."""
_PROPOSED: Final = RecommendationStatus.PROPOSED


class Reacting:
    """Begins and tells processes of approval.

    Args:
        engine: Has them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def react(self, events: Sequence[Event]) -> None:
        """Begin the processes of what is new, and tell those of what was decided or taken back.

        Raises:
            UnavailableError: if that cannot be kept now.
        """
        ours = [e for e in events if e.system == OWN_SYSTEM and _is_change(e)]
        new = [e for e in ours if e.data.previous_status is None]
        for start in range(0, len(new), _TOGETHER):
            await self._engine.start([starting(each) for each in new[start : start + _TOGETHER]])
        over = [e.key for e in ours if e.data.status is not _PROPOSED]
        await tell(self._engine, dict.fromkeys(over))


def starting(event: Event) -> Starting:
    """The process of a new recommendation; it has its key for an id, and its correlation id."""
    return Starting(
        kind=KIND,
        process_id=event.key,
        asked=ApprovalAsked(event.key),
        correlation_id=event.correlation_id,
        subjects=event.subjects,
    )


async def tell(engine: Engine, keys: Iterable[str]) -> None:
    """Tell processes that their recommendations were decided, or taken back; each hears it once.

    Raises:
        UnavailableError: if that cannot be kept now.
    """
    left = list(keys)
    while left:
        together, left = left[:_TOGETHER], left[_TOGETHER:]
        await asyncio.gather(*(engine.signal(k, DECIDED, Told(), once=DECIDED) for k in together))


def _is_change(event: Event) -> bool:
    return isinstance(event.data, RecommendationChanged)
