"""Dead letters and replays in memory, with an audit of what was done by whom."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from canonical.dead_letters import (
    DeadLetter,
    EventSelection,
    LetterFilter,
    LetterPage,
    LetterStatus,
    Redelivery,
    Replayed,
)
from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from canonical.events import Event
from tests.fakes.desk import NOW


class FakeLetters:
    """Keeps the promises of `canonical.dead_letters.DeadLetters` over letters, oldest first.

    Args:
        letters: The letters.
        understand: What events a body gives.
    """

    def __init__(
        self, *letters: DeadLetter, understand: Callable[[bytes], Sequence[Event]] = lambda _: ()
    ) -> None:
        self.letters = {x.letter_id: x for x in letters}
        self.audit: list[tuple[Any, ...]] = []
        self._understand = understand

    async def page(self, wanted: LetterFilter, *, first: int, after: str | None) -> LetterPage:
        found = [x for x in reversed(self.letters.values()) if _satisfies(x, wanted)]
        ids = [x.letter_id for x in found]
        rest = found if after is None else found[ids.index(after) + 1 :]
        return LetterPage(rest[:first], len(rest) > first, len(found))

    async def by_ids(self, letter_ids: Collection[str]) -> Mapping[str, DeadLetter]:
        return {i: self.letters[i] for i in letter_ids if i in self.letters}

    async def preview(self, letter_id: str, body: bytes | None) -> Redelivery:
        letter = self._open(letter_id)
        return Redelivery(letter, self._understand(letter.body if body is None else body))

    async def replay(
        self, letter_id: str, body: bytes | None, *, actor: str, note: str | None
    ) -> Redelivery:
        done = await self.preview(letter_id, body)
        result = f"{len(done.events)} events"
        letter = self._decided(letter_id, LetterStatus.REPLAYED, actor, note, result)
        return Redelivery(letter, done.events)

    async def discard(self, letter_id: str, *, actor: str, reason: str) -> DeadLetter:
        self._open(letter_id)
        return self._decided(letter_id, LetterStatus.DISCARDED, actor, reason)

    def _open(self, letter_id: str) -> DeadLetter:
        if letter_id not in self.letters:
            raise NotFoundError(f"there is no dead letter {letter_id!r}")
        letter = self.letters[letter_id]
        if letter.status is not LetterStatus.OPEN:
            raise ConflictError(f"{letter.decided_by} has decided on it already")
        return letter

    def _decided(
        self,
        letter_id: str,
        status: LetterStatus,
        actor: str,
        note: str | None,
        result: str | None = None,
    ) -> DeadLetter:
        self.audit.append((actor, status, letter_id))
        changes = {"decided_by": actor, "decided_at": NOW, "note": note, "result": result}
        self.letters[letter_id] = replace(self.letters[letter_id], status=status, **changes)
        return self.letters[letter_id]


class FakeReplays:
    """Keeps the promises of `canonical.dead_letters.Replays`; the only consumer is `shown`."""

    def __init__(self, result: Replayed) -> None:
        self.result = result
        self.asked: list[tuple[EventSelection, str]] = []

    async def replay(self, selection: EventSelection, consumer: str, *, actor: str) -> Replayed:
        if consumer != "shown":
            raise InvalidInputError(f"there is no consumer {consumer!r}; there is shown")
        self.asked.append((selection, actor))
        return self.result


def _satisfies(letter: DeadLetter, wanted: LetterFilter) -> bool:
    at = letter.received_at
    return (
        (wanted.system is None or letter.system in wanted.system)
        and (wanted.way is None or letter.way in wanted.way)
        and (wanted.reason is None or letter.reason in wanted.reason)
        and (wanted.status is None or letter.status in wanted.status)
        and (wanted.since is None or (at is not None and at >= wanted.since))
        and (wanted.until is None or (at is not None and at < wanted.until))
    )
