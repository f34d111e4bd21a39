"""Deciding on dead letters: taken in after all, as if they had just come, or given up.

letter, perhaps corrected -> its way's `Rereading` -> deliveries -> intake
  -> events, decision and audit -> commit; a preview does the same and undoes it
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from canonical.audit import AuditEntry
from canonical.dead_letters import (
    DeadLetter,
    LetterFilter,
    LetterPage,
    LetterStatus,
    Redelivery,
)
from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from canonical.events import Event
from runtime.events.ledger import Ledger
from runtime.events.letters import Decision, Letters
from runtime.events.writing import Writing
from workflows.ingestion.intake import Delivery, Intake

_RESULT: Final = 80


class Rereading(Protocol):
    """How what came one way is read once more."""

    async def read(self, letter: DeadLetter, body: bytes) -> Sequence[Delivery]:
        """What a body reports that came as a letter did.

        Args:
            letter: Says where it came from, by its system, headers and content type.
            body: What came, or what somebody has made of it.

        Raises:
            InvalidInputError: if it cannot be understood; the message says why.
        """


class _Undone(Exception):  # nothing is wrong: it carries what a preview found
    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__()
        self.events = events


class _Choice(Struct, frozen=True):
    """Who takes a letter in again, and what they made of it."""

    letter: DeadLetter
    body: bytes | None
    actor: str
    note: str | None

    @property
    def action(self) -> str:
        return "dead_letter.replayed" if self.body is None else "dead_letter.corrected"

    def entry(self, action: str, **details: Any) -> AuditEntry:
        """What is written down of it: a corrected body too, for the letter keeps what came."""
        if self.body is not None:
            details["body"] = self.body.decode(errors="replace")
        if self.note is not None:
            details["note"] = self.note
        subject = self.letter.letter_id
        return AuditEntry(actor=self.actor, action=action, subject=subject, details=details)


class DeadLetterDesk:
    """Decides on the dead letters of a log; keeps what `canonical.dead_letters.DeadLetters` says.

    Args:
        ledger: The log.
        intake: Takes in what can be understood now.
        readings: How letters are read again, by the way that they came.
    """

    def __init__(self, ledger: Ledger, intake: Intake, readings: Mapping[str, Rereading]) -> None:
        self._ledger = ledger
        self._intake = intake
        self._readings = readings
        self._letters = Letters(ledger.store)

    async def page(self, wanted: LetterFilter, *, first: int, after: str | None) -> LetterPage:
        """Letters, the latest first; behind the one with an id, if it is named."""
        found = await self._letters.newest(wanted, before=after, limit=first + 1)
        whole = await self.by_ids([letter.letter_id for letter in found[:first]])
        letters = sorted(whole.values(), key=lambda letter: letter.letter_id, reverse=True)
        return LetterPage(letters, len(found) > first, await self._letters.count(wanted))

    async def by_ids(self, letter_ids: Collection[str]) -> Mapping[str, DeadLetter]:
        """Letters by id; those that are not there are left out."""
        return await self._letters.by_ids(letter_ids)

    async def preview(self, letter_id: str, body: bytes | None) -> Redelivery:
        """What a replay would lead to, with another body if one is given; nothing is changed."""
        letter = await self._open(letter_id)
        deliveries = await self._read(letter, body)
        prepared = await self._intake.prepare(deliveries)

        async def work(writing: Writing) -> None:
            raise _Undone(await self._taken(writing, deliveries, prepared))

        events: list[Event] = []
        try:
            await self._ledger.write(work)
        except _Undone as undone:
            events += (
                replace(event, event_id="", position=0, recorded_at=None) for event in undone.events
            )
        return Redelivery(letter, events)

    async def replay(
        self, letter_id: str, body: bytes | None, *, actor: str, note: str | None
    ) -> Redelivery:
        """Take a letter in as if it had just come, with another body if one is given.

        What was taken in before counts once. That it was tried is written down also where it still
        cannot be understood.
        """
        choice = _Choice(await self._open(letter_id), body, actor, note)
        try:
            events = await self._replayed(choice)
        except InvalidInputError as exc:
            entry = choice.entry("dead_letter.refused_again", reason=exc.message)
            await self._ledger.write(lambda writing: writing.audit(entry))
            raise
        return Redelivery(await self._found(letter_id), events)

    async def discard(self, letter_id: str, *, actor: str, reason: str) -> DeadLetter:
        """Give a letter up. It is kept, and says who did so and why."""
        await self._open(letter_id)
        decision = Decision(
            letter_id=letter_id, status=LetterStatus.DISCARDED, actor=actor, note=reason
        )
        details = {"reason": reason}
        entry = AuditEntry(
            actor=actor, action="dead_letter.discarded", subject=letter_id, details=details
        )

        async def work(writing: Writing) -> None:
            await writing.decide(decision)
            await writing.audit(entry)

        await self._ledger.write(work)
        return await self._found(letter_id)

    async def _replayed(self, choice: _Choice) -> Sequence[Event]:
        deliveries = await self._read(choice.letter, choice.body)
        prepared = await self._intake.prepare(deliveries)

        async def work(writing: Writing) -> Sequence[Event]:
            events = await self._taken(writing, deliveries, prepared)
            for delivery in deliveries:
                if delivery.delivery_id is not None:
                    await writing.take(delivery.system, {delivery.delivery_id: _result(events)})
            await writing.decide(
                Decision(
                    letter_id=choice.letter.letter_id,
                    status=LetterStatus.REPLAYED,
                    actor=choice.actor,
                    note=choice.note,
                    result=_result(events),
                )
            )
            ids = [event.event_id for event in events]
            await writing.audit(choice.entry(choice.action, events=ids))
            return events

        return await self._ledger.write(work)

    async def _taken(
        self, writing: Writing, deliveries: Sequence[Delivery], prepared: Any
    ) -> Sequence[Event]:
        """Take deliveries in, all or none.

        Their ids are not asked for: the id of a delivery that was buried may have been taken with
        it. What its reports say counts once all the same, by their own ids and by what is known.
        """
        unnamed = [replace(delivery, delivery_id=None) for delivery in deliveries]
        for taken in await self._intake.take_in(writing, unnamed, prepared):
            if taken.problem is not None:
                raise taken.problem
        return list(writing.appended)

    async def _read(self, letter: DeadLetter, body: bytes | None) -> Sequence[Delivery]:
        reading = self._readings.get(letter.way)
        if reading is None:
            known = ", ".join(sorted(self._readings)) or "none"
            raise InvalidInputError(
                f"what came by {letter.way} cannot be taken in again here, only what came by: "
                f"{known}. Have {letter.system} send it again"
            )
        return await reading.read(letter, letter.body if body is None else body)

    async def _found(self, letter_id: str) -> DeadLetter:
        letter = await self._letters.get(letter_id)
        if letter is None:
            raise NotFoundError(f"there is no dead letter {letter_id!r}")
        return letter

    async def _open(self, letter_id: str) -> DeadLetter:
        letter = await self._found(letter_id)
        if letter.status is not LetterStatus.OPEN:
            raise ConflictError(
                f"dead letter {letter_id} is {letter.status.value} already, by {letter.decided_by}"
            )
        return letter


def _result(events: Sequence[Event]) -> str:
    """What a replay led to, in short."""
    names = ", ".join(dict.fromkeys(event.kind.name for event in events))
    if not names:
        return "nothing new"
    return f"{len(events)} {'event' if len(events) == 1 else 'events'}: {names}"[:_RESULT]
