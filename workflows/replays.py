"""Giving events of the log once more, to one consumer alone."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from canonical.audit import AuditEntry
from canonical.dead_letters import EventSelection, Replayed
from canonical.errors import InvalidInputError
from canonical.events import EVENT_TYPES, Event
from runtime.events.ledger import Ledger
from runtime.events.selecting import selected

Consumer = Callable[[Sequence[Event]], Awaitable[None]]
"""Is given events that it may have had before, in order and by batches."""

_MOST: Final = 100_000
_BATCH: Final = 500


class _Plan(Struct, frozen=True):
    ids: Sequence[str]
    left_out: int

    @property
    def replayed(self) -> Replayed:
        return Replayed(len(self.ids), self.left_out)


class LogReplays:
    """Gives events of a log once more; keeps what `canonical.dead_letters.Replays` says.

    Args:
        ledger: The log.
        consumers: Who may be given events, by name.
        most: How many events a selection may name.
    """

    def __init__(
        self, ledger: Ledger, consumers: Mapping[str, Consumer], *, most: int = _MOST
    ) -> None:
        self._ledger = ledger
        self._consumers = consumers
        self._most = most

    async def preview(self, selection: EventSelection, consumer: str) -> Replayed:
        """What `replay` would do, and what it would refuse; nothing is given."""
        self._consumer(consumer)
        return (await self._plan(selection)).replayed

    async def replay(self, selection: EventSelection, consumer: str, *, actor: str) -> Replayed:
        """Give the selected events, in the order of the log, to one consumer alone.

        It is written down before the first is given.

        Raises:
            InvalidInputError: if there is no such consumer, or too much is selected.
        """
        give = self._consumer(consumer)
        plan = await self._plan(selection)
        entry = AuditEntry(
            actor=actor,
            action="events.replayed",
            subject=consumer,
            details={
                "selection": msgspec.to_builtins(selection),
                "given": len(plan.ids),
                "left_out": plan.left_out,
            },
        )
        await self._ledger.write(lambda writing: writing.audit(entry))
        for start in range(0, len(plan.ids), _BATCH):
            ids = plan.ids[start : start + _BATCH]
            events = await self._ledger.by_ids(ids)
            await give([events[name] for name in ids if name in events])
        return plan.replayed

    def _consumer(self, name: str) -> Consumer:
        if name not in self._consumers:
            known = ", ".join(sorted(self._consumers)) or "none"
            raise InvalidInputError(f"there is no consumer {name!r}; there are: {known}")
        return self._consumers[name]

    async def _plan(self, selection: EventSelection) -> _Plan:
        for name in selection.types or ():
            if name not in EVENT_TYPES:
                known = ", ".join(EVENT_TYPES)
                raise InvalidInputError(f"there is no type {name!r}; there are: {known}")
        found = await selected(self._ledger.store, selection, self._most + 1)
        if len(found) > self._most:
            raise InvalidInputError(
                f"more than {self._most:,} events are selected: take a shorter time"
            )
        ids = [each.event_id for each in found if not each.says_nothing]
        return _Plan(ids, len(found) - len(ids))
