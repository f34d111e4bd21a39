"""What approval asks of others: to tell people, to order, and to calculate again."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from canonical.ordering import Ordered, WantedOrder
from canonical.replenishment import Recommended
from workflows.process import Starting
from workflows.replenishment.calculation import Calculated


class NoticeKind(StrEnum):
    """Why people are told of a recommendation."""

    WAITING = "waiting"
    REMINDER = "reminder"
    ESCALATED = "escalated"
    EXPIRED = "expired"


class Notice(Struct, frozen=True, kw_only=True):
    """What people are told.

    Attributes:
        kind: Why.
        recommendation: Of which recommendation; it knows its correlation id.
        to: Whom it concerns, as notifications name people: `role:buyer`, `owner:ann`.
        once: Names the notice: the same is told once.
        subject: What it is about, in a line.
        text: What is to be known, and what to do; lines of plain text.
    """

    kind: NoticeKind
    recommendation: Recommended
    to: str
    once: str
    subject: str
    text: str


class Notify(Protocol):
    """Tells people, sooner or later; it may be asked to tell the same again."""

    async def __call__(self, notice: Notice) -> None:
        """Have people told."""


class Ordering(Struct, frozen=True):
    """How what is approved is ordered.

    Attributes:
        starting: The process that does so: the same one, whenever it is asked for.
        outcome: Type of what comes of it.
        ordered: The order in that, or why there is none.
    """

    starting: Callable[[WantedOrder, Recommended], Starting]
    outcome: type[Struct]
    ordered: Callable[[Any], Ordered]


class Today(Protocol):
    """Calculates on today's figures; nothing is kept of it."""

    async def __call__(self, item: str, location: str, *, correlation_id: str) -> Calculated:
        """What comes of it.

        Raises:
            UnavailableError: if they cannot be read.
            NotFoundError: if there is no such item.
            InvalidInputError: if it cannot be calculated.
        """


class Calculating(Struct, frozen=True):
    """The calculation of replenishment, to be done again.

    Attributes:
        again: Does it on inputs that were kept; the same comes out.
        today: Does it on today's.
    """

    again: Callable[[bytes], Calculated]
    today: Today
