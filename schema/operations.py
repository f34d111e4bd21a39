"""What operators see and decide: dead letters, and replays of events."""

import base64
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import strawberry

from canonical import dead_letters as records
from canonical.dead_letters import EventSelection, LetterFilter
from execution.fields import Column
from execution.links import REQUIRED, Argument, attribute, column, computed, link
from resolvers import operations
from schema.common import AFTER, FIRST, connection_types
from schema.publishing import published_enum
from schema.refusals import UserError
from schema.scalars import JSON
from schema.timeline import TimelineEntry

DeadLetterStatus = published_enum(records.LetterStatus)
_Letters = Sequence[records.DeadLetter]


def _texts(letters: _Letters) -> list[str]:
    return [x.body.decode(errors="replace") for x in letters]


def _base64(letters: _Letters) -> list[str]:
    return [base64.b64encode(x.body).decode() for x in letters]


@strawberry.type(description="What came and could not be understood.")
class DeadLetter:
    """What came and could not be understood."""

    id = attribute(
        Column("letter_id", attrgetter("letter_id")), strawberry.ID, "Names it here for good."
    )
    system: str = column("The system that it came from.")
    way: str = column("How it came: webhook, watcher, bulk or mutation.")
    reason: str = column("Why it lies here, as a code.")
    message: str = column("Why, for people.")
    content_type: str | None = column("What its body is said to be.")
    headers: JSON = column("Headers that it came with and that are needed to understand it.")
    body = computed(_texts, str, "What came, as text; bytes that are none are replaced.")
    body_base64 = computed(_base64, str, "What came, byte for byte.")
    received_at: datetime = column("When it came.")
    status: DeadLetterStatus = column("What has become of it.")  # type: ignore[valid-type]  # made at run time
    decided_by: str | None = column("Who replayed or discarded it.")
    decided_at: datetime | None = column("When.")
    note: str | None = column("Why it was discarded, or what was corrected.")
    result: str | None = column("What the replay led to.")


DeadLetterConnection, DeadLetterEdge = connection_types(DeadLetter, "DeadLetter", "dead letters")


def _of(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


@strawberry.input(description="Which dead letters; all conditions that are given must hold.")
class DeadLetterFilter:
    """Which dead letters."""

    system: list[str] | None = strawberry.field(default=None, description="From these systems.")
    way: list[str] | None = strawberry.field(default=None, description="By these ways.")
    reason: list[str] | None = strawberry.field(default=None, description="For these reasons.")
    status: list[DeadLetterStatus] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="Of which this or that has become."
    )
    from_: datetime | None = strawberry.field(
        default=None, name="from", description="Received at this moment or later."
    )
    to: datetime | None = strawberry.field(default=None, description="Received before this moment.")

    def canonical(self) -> LetterFilter:
        """The filter as the port has it."""
        return LetterFilter(
            system=_of(self.system),
            way=_of(self.way),
            reason=_of(self.reason),
            status=_of(self.status),
            since=self.from_,
            until=self.to,
        )


@strawberry.input(description="Which events; all conditions that are given must hold.")
class EventSelectionInput:
    """Which events."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With these event ids."
    )
    business_key: str | None = strawberry.field(
        default=None, description="About this, e.g. `purchase_order:4500001`."
    )
    types: list[str] | None = strawberry.field(default=None, description="Of these types.")
    from_: datetime | None = strawberry.field(
        default=None, name="from", description="That happened at this moment or later."
    )
    to: datetime | None = strawberry.field(
        default=None, description="That happened before this moment."
    )

    def canonical(self) -> EventSelection:
        """The selection as the port has it."""
        return EventSelection(
            ids=_of(self.ids),
            business_key=self.business_key,
            types=_of(self.types),
            since=self.from_,
            until=self.to,
        )


@strawberry.type(description="What came of a decision on a dead letter.")
class DeadLetterPayload:
    """What came of it."""

    preview: bool = column("Whether nothing was changed, and this only tells what would be.")
    dead_letter: DeadLetter | None = column("The dead letter, as it is afterwards.")
    events: list[TimelineEntry] = column(
        "What it led to, or would lead to; none if all of it was known already."
    )
    user_errors: list[UserError] = column("Why it was refused.")


@strawberry.type(description="What came of a replay.")
class ReplayEventsPayload:
    """What came of it."""

    given: int = column("How many events the consumer was given.")
    left_out: int = column("How many were not given, because their type's replay rule says so.")
    user_errors: list[UserError] = column("Why it was refused.")


_ID: Final = {"id": Argument(strawberry.ID, "Id of the dead letter.", REQUIRED)}
_PREVIEW: Final = {
    "preview": Argument(bool | None, "Change nothing, and tell what would be changed.", False)
}
_NOTE: Final = "Note for whoever looks later."

DEAD_LETTERS: Final = link(
    operations.dead_letters,
    DeadLetterConnection,
    "Dead letters, the latest first. For operators.",
    arguments={
        "filter": Argument(DeadLetterFilter | None, "Which dead letters."),
        "first": FIRST,
        "after": AFTER,
    },
)
DEAD_LETTER: Final = link(
    operations.dead_letter,
    DeadLetter | None,
    "The dead letter with an id. For operators.",
    arguments=_ID,
)
REPLAY_DEAD_LETTER: Final = link(
    operations.replay_dead_letter,
    DeadLetterPayload,
    "Take a dead letter in as if it had just come; what was taken in before counts once. For "
    "operators.",
    arguments={**_ID, "note": Argument(str | None, _NOTE), **_PREVIEW},
)
CORRECT_DEAD_LETTER: Final = link(
    operations.replay_dead_letter,
    DeadLetterPayload,
    "Take a dead letter in with a body that was put right. For operators.",
    arguments={
        **_ID,
        "body": Argument(str, "What should have come.", REQUIRED),
        "note": Argument(str | None, _NOTE),
        **_PREVIEW,
    },
)
DISCARD_DEAD_LETTER: Final = link(
    operations.discard_dead_letter,
    DeadLetterPayload,
    "Give a dead letter up; it is kept. For operators.",
    arguments={**_ID, "reason": Argument(str, "Why; for whoever looks later.", REQUIRED)},
)
REPLAY_EVENTS: Final = link(
    operations.replay_events,
    ReplayEventsPayload,
    "Give events of the log to one consumer once more, in their order. For operators.",
    arguments={
        "selection": Argument(EventSelectionInput, "Which events.", REQUIRED),
        "consumer": Argument(str, "Name of the consumer.", REQUIRED),
    },
)
