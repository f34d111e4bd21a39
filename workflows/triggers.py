"""What sets processes off: every event of the log, once at least, in the order of its stream.

    lease taken -> how far? -> a batch of a stream -> each reaction -> position kept -> the next

One process reacts at a time. It keeps how far it has come after all reactions are done, so that
after a crash some are done again: a reaction to the same event must come to the same. An event on
which a reaction breaks is passed over after some tries, and reported: it would hold up all others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Final

import structlog
from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, SupplygraphError, UnavailableError
from canonical.events import Event
from canonical.exceptions import ExceptionCategory, Trouble, Troubles
from runtime.events.holding import LEASE_S, Turn, by_turns
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger, PositionTooOldError

Reaction = Callable[[Sequence[Event]], Awaitable[None]]
"""Is given events in order, some perhaps for a second time."""

LEASE: Final = "triggers"
_BATCH: Final = 500
_TRIES: Final = 3
_LOOK_S: Final = 0.5
_LONGEST_DELAY_S: Final = 30.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class TriggerTiming(Struct, frozen=True, kw_only=True):
    """How triggers keep time.

    Attributes:
        look_s: How often the log is looked at.
        lease_s: How long a process that died is waited for.
    """

    look_s: float = _LOOK_S
    lease_s: float = LEASE_S


class Triggers:
    """Reacts to the events of a log.

    Args:
        ledger: The log.
        leases: Who reacts, and how far it has come.
        reactions: What is done, by the stream of the events.
        troubles: Where an event is reported that nobody can react to.
        holder: Name of this process.
        random: For jitter.
        timing: How time is kept.
    """

    def __init__(  # noqa: PLR0913  # wiring, by name
        self,
        ledger: Ledger,
        leases: Leases,
        reactions: Mapping[EntityName, Sequence[Reaction]],
        troubles: Troubles,
        *,
        holder: str,
        random: Random,
        timing: TriggerTiming | None = None,
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._reactions = reactions
        self._troubles = troubles
        self._holder = holder
        self._random = random
        self._timing = timing or TriggerTiming()
        self._wake = asyncio.Event()

    async def hear(self, events: Sequence[Event]) -> None:
        """Look at the log at once: something is new in it."""
        if events:
            self._wake.set()

    async def run(self) -> None:
        """React until cancelled, whenever no other process does."""
        turn = Turn(
            leases=self._leases,
            holder=self._holder,
            random=self._random,
            lease_s=self._timing.lease_s,
        )
        await by_turns(turn, LEASE, self._work)

    async def _work(self, lease: Lease) -> None:
        """React to what comes; returns when the lease is lost."""
        failures = 0
        while True:
            try:
                positions = await self._positions(lease)
                while await self._round(lease, positions):
                    pass
                failures, rest_s = 0, self._timing.look_s
            except ConflictError:
                return
            except SupplygraphError as exc:
                failures += 1
                rest_s = min(_LONGEST_DELAY_S, 2.0 ** min(failures, 10) * self._timing.look_s)
                _log.warning("events wait to be reacted to", error=exc.message, again_in_s=rest_s)
            self._wake.clear()
            try:
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _positions(self, lease: Lease) -> dict[str, int]:
        """How far each stream was reacted to; what came before the first time is past."""
        known: dict[str, int] | None = await self._leases.position(LEASE)
        if known is None:
            heads = await self._ledger.heads()
            known = {stream.value: head for stream, head in heads.items()}
            await self._keep(lease, known)
        return known

    async def _round(self, lease: Lease, positions: dict[str, int]) -> bool:
        """React to the next events of every stream; whether there were any."""
        found = False
        heads = await self._ledger.heads()
        for stream, reactions in self._reactions.items():
            position, head = positions.get(stream.value, 0), heads.get(stream, 0)
            if head <= position:
                continue
            events = await self._next(stream, position)
            for reaction in reactions:
                await self._react(reaction, events)
            positions[stream.value] = events[-1].position if events else head
            await self._keep(lease, positions)
            found = True
        return found

    async def _next(self, stream: EntityName, position: int) -> Sequence[Event]:
        try:
            return await self._ledger.read(stream, position, _BATCH)
        except PositionTooOldError as exc:
            _log.error(
                "events are no longer kept that nobody has reacted to",
                stream=stream.value,
                after=position,
                oldest=exc.oldest,
            )
            return await self._ledger.read(stream, exc.oldest - 1, _BATCH)

    async def _keep(self, lease: Lease, positions: Mapping[str, int]) -> None:
        await self._ledger.write(lambda writing: writing.place(lease, LEASE, positions))

    async def _react(self, reaction: Reaction, events: Sequence[Event]) -> None:
        """React to all; where that breaks, to one after the other."""
        try:
            await reaction(events)
        except UnavailableError:
            raise
        except Exception as exc:  # noqa: BLE001  # a mistake of ours must not hold up the others
            if len(events) > 1:
                for event in events:
                    await self._react(reaction, [event])
            else:
                await self._once_more(reaction, events[0], exc)

    async def _once_more(self, reaction: Reaction, event: Event, problem: Exception) -> None:
        for _ in range(_TRIES - 1):
            try:
                return await reaction([event])
            except UnavailableError:
                raise
            except Exception as exc:  # noqa: BLE001  # as above
                problem = exc
        _log.error("nobody can react to an event", event_id=event.event_id, exc_info=problem)
        said = f": {problem.message}" if isinstance(problem, SupplygraphError) else ""
        await self._troubles.report(
            Trouble(
                cause=f"event/{event.event_id}",
                category=ExceptionCategory.INTERNAL,
                message=(
                    f"No process was set off by the event {event.type} about "
                    f"{event.business_key}{said}. Once that is mended, replay the event."
                ),
                correlation_id=event.correlation_id,
                subjects=event.subjects,
            )
        )
        return None
