"""Taking reports in: what is new in them becomes events, in one transaction with the rest.

deliveries -> seen before? -> states known -> what is new -> events, states, dead letters
  -> commit -> only now is the sender told yes

A delivery is taken whole or not at all. One that was taken before counts once, whatever it says.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.events import Event
from canonical.observations import Observation
from runtime.events.joining import Joining
from runtime.events.ledger import Ledger
from runtime.events.writing import Key, Known, Writing
from workflows.ingestion.changes import TOLD_OF, find_all
from workflows.ingestion.states import State, decode_state, encode_state

Also = Callable[[Writing], Awaitable[None]]
"""What else is written in the same transaction; may be done again."""

_OUTCOMES: Final = 80
_TOGETHER: Final = 2_000
"""Reports that are taken in together at most: the first sender waits for the last of them."""


class Way(StrEnum):
    """How a report came."""

    WEBHOOK = "webhook"
    WATCHER = "watcher"
    BULK = "bulk"
    MUTATION = "mutation"


class Delivery(Struct, frozen=True, kw_only=True):
    """Reports that came together.

    Attributes:
        system: The backend.
        delivery_id: What names the delivery in its system, so that it counts once; None where
            nothing does, and then its reports count by what they say.
        observations: The reports.
    """

    system: str
    observations: tuple[Observation, ...]
    delivery_id: str | None = None


class Verdict(StrEnum):
    """What has become of a delivery."""

    TAKEN = "taken"
    KNOWN = "known"
    REFUSED = "refused"


class Taken(Struct, frozen=True):
    """What has become of a delivery.

    Attributes:
        verdict: Taken now, or before; or not at all, because it cannot be told of.
        events: What was new in it, as it is in the log.
        problem: Why it was refused.
        fresh: How many of its records were not known before.
    """

    verdict: Verdict
    events: tuple[Event, ...] = ()
    problem: InvalidInputError | None = None
    fresh: int = 0


Then = Callable[[Writing, Sequence[Taken]], Awaitable[None]]
"""As `Also`, of what has become of the deliveries."""


class Crossings(Protocol):
    """Tells of thresholds that are crossed by what was found."""

    async def prepare(self, deliveries: Sequence[Delivery]) -> Any:
        """Read what deciding needs, before the transaction."""

    def joined(self, prepared: Sequence[Any]) -> Any:
        """What was prepared several times, for one transaction."""

    async def find(self, writing: Writing, events: Sequence[Event], prepared: Any) -> list[Event]:
        """Events of the thresholds that the events have crossed; keeps that they were told."""


class _Wanted(Struct, frozen=True):
    """Deliveries that somebody waits for."""

    deliveries: Sequence[Delivery]
    letters: Sequence[DeadLetter]
    prepared: Any

    def weight(self) -> int:
        """How many rows it may become."""
        return len(self.letters) + sum(len(d.observations) or 1 for d in self.deliveries)


class Intake:
    """Takes reports in. What comes while a commit is under way goes into the next one together.

    Args:
        ledger: Where to.
        crossings: Tells of thresholds; None for none.
    """

    def __init__(self, ledger: Ledger, crossings: Crossings | None = None) -> None:
        self._ledger = ledger
        self._crossings = crossings
        self._joining = Joining(self._taken_together, weight=_Wanted.weight, most=_TOGETHER)

    async def take(
        self,
        deliveries: Sequence[Delivery],
        *,
        letters: Sequence[DeadLetter] = (),
        also: Also | None = None,
        then: Then | None = None,
    ) -> list[Taken]:
        """Take deliveries in, and bury what could not be understood, in one transaction.

        Args:
            deliveries: Some thousand reports in all at most: they are one transaction.
            letters: Dead letters.
            also: What else belongs to it, such as how far a watcher has come.
            then: The same, where it depends on what has become of the deliveries.

        Returns:
            What has become of each delivery, in their order.

        Raises:
            UnavailableError: if the store cannot be reached; the sender repeats it.
        """
        wanted = _Wanted(deliveries, letters, await self.prepare(deliveries))
        if also is None and then is None:
            taken: list[Taken] = await self._joining.do(wanted)
            return taken

        async def more(writing: Writing, taken: Sequence[Taken]) -> None:
            if also is not None:
                await also(writing)
            if then is not None:
                await then(writing, taken)

        return await self._take(wanted, more)

    async def aclose(self) -> None:
        """Wait for what is under way."""
        await self._joining.aclose()

    async def _taken_together(self, wanted: Sequence[_Wanted]) -> Sequence[list[Taken]]:
        """Take in what several wait for, in their order, and tell each what is its own."""
        prepared = [one.prepared for one in wanted]
        joined = _Wanted(
            [delivery for one in wanted for delivery in one.deliveries],
            [letter for one in wanted for letter in one.letters],
            None if self._crossings is None else self._crossings.joined(prepared),
        )
        taken = iter(await self._take(joined))
        return [list(islice(taken, len(one.deliveries))) for one in wanted]

    async def _take(self, wanted: _Wanted, then: Then | None = None) -> list[Taken]:
        async def work(writing: Writing) -> list[Taken]:
            taken = await self.take_in(writing, wanted.deliveries, wanted.prepared)
            await writing.bury(wanted.letters)
            if then is not None:
                await then(writing, taken)
            return taken

        streams = sorted({o.entity for d in wanted.deliveries for o in d.observations} & TOLD_OF)
        return await self._ledger.write(work, streams=streams)

    async def prepare(self, deliveries: Sequence[Delivery]) -> Any:
        """Read what `take_in` needs, before the transaction."""
        return None if self._crossings is None else await self._crossings.prepare(deliveries)

    async def take_in(
        self, writing: Writing, deliveries: Sequence[Delivery], prepared: Any
    ) -> list[Taken]:
        """The same as `take`, within a transaction that is under way."""
        seen = await _seen(writing, deliveries)
        states = await _States.of(writing, deliveries)
        taken: list[Taken] = []
        for delivery in deliveries:
            name = (delivery.system, delivery.delivery_id)
            if name in seen:
                taken.append(Taken(Verdict.KNOWN))
                continue
            fresh = states.unknown(delivery.observations)
            try:
                found = states.told(delivery.observations)
            except InvalidInputError as exc:
                taken.append(Taken(Verdict.REFUSED, problem=exc))
                continue
            if delivery.delivery_id is not None:
                seen.add(name)
            taken.append(Taken(Verdict.TAKEN, tuple(found), fresh=fresh))
        return await self._written(writing, deliveries, taken, states, prepared)

    async def _written(
        self,
        writing: Writing,
        deliveries: Sequence[Delivery],
        taken: Sequence[Taken],
        states: "_States",
        prepared: Any,
    ) -> list[Taken]:
        told = [event for one in taken for event in one.events]
        if self._crossings is not None and told:
            told += await self._crossings.find(writing, told, prepared)
        logged = {(e.system, e.source_event_id): e for e in await writing.append(told)}
        await states.remember(writing)
        for delivery, one in zip(deliveries, taken, strict=True):
            if one.verdict is Verdict.TAKEN and delivery.delivery_id is not None:
                await writing.take(delivery.system, {delivery.delivery_id: _outcome(one.events)})
        return [replace(one, events=tuple(_logged(one.events, logged))) for one in taken]


class _States:
    """What is known of the records of a transaction, as it changes."""

    def __init__(
        self, known: dict[tuple[EntityName, Key], State[Any] | None], now: datetime
    ) -> None:
        self._known = known
        self._now = now
        self._moved: dict[EntityName, dict[Key, Known | None]] = {}

    @classmethod
    async def of(cls, writing: Writing, deliveries: Iterable[Delivery]) -> "_States":
        """What is known of all that is reported, entity by entity in the order of their names."""
        keys: dict[EntityName, dict[Key, None]] = {}
        for delivery in deliveries:
            for o in delivery.observations:
                if o.entity in TOLD_OF:
                    keys.setdefault(o.entity, {})[o.system, o.key] = None
        known: dict[tuple[EntityName, Key], State[Any] | None] = {}
        for entity in sorted(keys):
            for key, state in (await writing.known(entity, keys[entity])).items():
                known[entity, key] = decode_state(entity, state.data)
        return cls(known, writing.moment)

    def unknown(self, observations: Iterable[Observation]) -> int:
        """Of how many records nothing is known yet."""
        named = {(o.entity, (o.system, o.key)) for o in observations}
        return sum(self._known.get(place) is None for place in named)

    def told(self, observations: Iterable[Observation]) -> list[Event]:
        """What is new in reports, which then is known.

        Raises:
            InvalidInputError: if one of them cannot be told of; then nothing is known of any.
        """
        by_record: dict[tuple[EntityName, Key], list[Observation]] = {}
        for o in observations:
            by_record.setdefault((o.entity, (o.system, o.key)), []).append(o)
        found = {
            place: find_all(self._known.get(place), reports, self._now)
            for place, reports in by_record.items()
        }
        for (entity, key), one in found.items():
            self._known[entity, key] = one.state
            if one.moved and one.state is not None:
                known = Known(one.state.at, encode_state(one.state))
                self._moved.setdefault(entity, {})[key] = known
        return [event for one in found.values() for event in one.events]

    async def remember(self, writing: Writing) -> None:
        """Keep what has changed."""
        for entity in sorted(self._moved):
            await writing.remember(entity, self._moved[entity])


async def _seen(writing: Writing, deliveries: Iterable[Delivery]) -> set[tuple[str, str | None]]:
    named: dict[str, list[str]] = {}
    for delivery in deliveries:
        if delivery.delivery_id is not None:
            named.setdefault(delivery.system, []).append(delivery.delivery_id)
    return {
        (system, name)
        for system, names in named.items()
        for name in await writing.seen(system, names)
    }


def _logged(events: Iterable[Event], logged: Mapping[tuple[str, str], Event]) -> list[Event]:
    found = (logged.get((e.system, e.source_event_id)) for e in events)
    return [event for event in found if event is not None]


def _outcome(events: Sequence[Event]) -> str:
    """What came of a delivery, in short, for whoever looks into the store."""
    names = ",".join(dict.fromkeys(event.kind.name for event in events))
    return (names or "nothing new")[:_OUTCOMES]
