"""What came and could not be understood, until somebody decides; and giving events once more.

The ports to both: whoever implements them writes down who did what, in the audit.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from canonical.events import Event


class LetterStatus(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One delivery, or part of one, that could not be understood.

    Attributes:
        system: The backend that it came from.
        way: How it came: `webhook`, `watcher`, `bulk` or `mutation`.
        reason: Why it lies here, as a short code.
        message: Why, for people.
        body: What came, byte for byte.
        content_type: Of the body, where known.
        headers: Those that are needed to understand it again; never signatures or credentials.
        letter_id: Given by the log; empty before.
        received_at: When it came; given by the log where it is not said.
        status: What has become of it.
        decided_by: Who replayed or discarded it.
        decided_at: When.
        note: Why it was discarded, or what was corrected.
        result: What the replay led to.
        size: Bytes of the body, also where it was not read; given by the log.
    """

    system: str
    way: str
    reason: str
    message: str
    body: bytes
    content_type: str | None = None
    headers: Mapping[str, str] = {}
    letter_id: str = ""
    received_at: datetime | None = None
    status: LetterStatus = LetterStatus.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    result: str | None = None
    size: int = 0


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which dead letters; all conditions that are given must hold.

    Attributes:
        system: From one of these systems.
        way: By one of these ways.
        reason: For one of these reasons.
        status: Of which this or that has become.
        since: Received at this moment or later.
        until: Received before this moment.
    """

    system: tuple[str, ...] | None = None
    way: tuple[str, ...] | None = None
    reason: tuple[str, ...] | None = None
    status: tuple[LetterStatus, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


class LetterPage(Struct, frozen=True):
    """A page of dead letters, the latest first.

    Attributes:
        letters: The letters.
        more: Whether others follow.
        total: How many there are in all that satisfy the filter.
    """

    letters: Sequence[DeadLetter]
    more: bool
    total: int


class Redelivery(Struct, frozen=True):
    """What taking a dead letter in led to, or would lead to.

    Attributes:
        letter: The letter, as it is afterwards.
        events: The events that came of it; none if all of it was known already.
    """

    letter: DeadLetter
    events: Sequence[Event]


class DeadLetters(Protocol):
    """Dead letters. One that is not there is a `NotFoundError`.

    One on which somebody has decided already is a `ConflictError` to whoever decides again; one
    that still cannot be understood is an `InvalidInputError` that says why, and stays open.
    """

    async def page(self, wanted: LetterFilter, *, first: int, after: str | None) -> LetterPage:
        """Letters, the latest first; behind the one with an id, if it is named."""

    async def by_ids(self, letter_ids: Collection[str]) -> Mapping[str, DeadLetter]:
        """Letters by id; those that are not there are left out."""

    async def preview(self, letter_id: str, body: bytes | None) -> Redelivery:
        """What a replay would lead to, with another body if one is given; nothing is changed."""

    async def replay(
        self, letter_id: str, body: bytes | None, *, actor: str, note: str | None
    ) -> Redelivery:
        """Take a letter in as if it had just come, with another body if one is given.

        What was taken in before counts once.
        """

    async def discard(self, letter_id: str, *, actor: str, reason: str) -> DeadLetter:
        """Give a letter up. It is kept, and says who did so and why."""


class EventSelection(Struct, frozen=True, kw_only=True):
    """Which events of the log; all conditions that are given must hold.

    Attributes:
        ids: With these event ids.
        business_key: About this, as in `Event.business_key`.
        types: Of these types.
        since: That happened at this moment or later.
        until: That happened before this moment.
    """

    ids: tuple[str, ...] | None = None
    business_key: str | None = None
    types: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


class Replayed(Struct, frozen=True):
    """What was given once more.

    Attributes:
        given: How many events the consumer was given.
        left_out: How many were selected and not given, because the replay rule of their type says
            so.
    """

    given: int
    left_out: int


class Replays(Protocol):
    """Giving events of the log once more."""

    async def replay(self, selection: EventSelection, consumer: str, *, actor: str) -> Replayed:
        """Give the selected events, in the order of the log, to one consumer alone.

        Raises:
            InvalidInputError: if there is no such consumer, which names those that there are; or
                if the selection is too large.
        """
