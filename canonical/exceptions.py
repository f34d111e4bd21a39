"""Exceptions, in the sense of operations: what a person has to look at; and the ports to them.

One durable list of everything that processes could not settle by themselves. An exception has a
cause, and there is at most one open for each: the same cause again is counted, not listed again;
and it closes by itself when its cause goes.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from canonical.values import Money


class ExceptionCategory(StrEnum):
    """What kind of trouble it is."""

    BACKEND_UNAVAILABLE = "BACKEND_UNAVAILABLE"
    IN_DOUBT = "IN_DOUBT"
    VALIDATION_REFUSED = "VALIDATION_REFUSED"
    MAPPING_MISSING = "MAPPING_MISSING"
    CONFLICT = "CONFLICT"
    LATE_ACKNOWLEDGEMENT = "LATE_ACKNOWLEDGEMENT"
    LATE_DELIVERY = "LATE_DELIVERY"
    QUANTITY_DEVIATION = "QUANTITY_DEVIATION"
    APPROVAL_OVERDUE = "APPROVAL_OVERDUE"
    STOCKOUT_RISK = "STOCKOUT_RISK"
    INTERNAL = "INTERNAL"


class ExceptionSeverity(StrEnum):
    """How bad it is for the business."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class ExceptionState(StrEnum):
    """What has become of it."""

    OPEN = "OPEN"
    ASSIGNED = "ASSIGNED"
    RESOLVED = "RESOLVED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"


OPEN: Final = (ExceptionState.OPEN, ExceptionState.ASSIGNED)
"""States in which somebody has to look at it still."""
RANKS: Final[Mapping[ExceptionSeverity, int]] = {s: n for n, s in enumerate(ExceptionSeverity)}
"""Severities in their order, the least first."""


class ExceptionAction(StrEnum):
    """What has happened to it."""

    OPENED = "OPENED"
    SEEN_AGAIN = "SEEN_AGAIN"
    ASSIGNED = "ASSIGNED"
    COMMENTED = "COMMENTED"
    RETRIED = "RETRIED"
    RESOLVED = "RESOLVED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    ESCALATED = "ESCALATED"


class Trouble(Struct, frozen=True, kw_only=True):
    """What a process reports.

    Attributes:
        cause: Names what is wrong, so that the same counts once: `order:erp:45/late`.
        category: What kind of trouble.
        message: What is wrong, where, and what to do, for the person who will look.
        correlation_id: Ties it to what it is about.
        process_id: The process that waits for somebody; None if none does.
        subjects: What it is about: `supplier:S-1`, `item:SKU-1`, `region:EU`, `category:Tools`.
        value_at_risk: What is at stake.
        days_of_cover_lost: How many days earlier stock runs out.
        details: What else is known, as texts.
    """

    cause: str
    category: ExceptionCategory
    message: str
    correlation_id: str
    process_id: str | None = None
    subjects: tuple[str, ...] = ()
    value_at_risk: Money | None = None
    days_of_cover_lost: Decimal | None = None
    details: Mapping[str, str] = {}


class ExceptionEntry(Struct, frozen=True, kw_only=True):
    """One thing that has happened to an exception."""

    at: Annotated[datetime, Meta(description="When.")]
    action: Annotated[ExceptionAction, Meta(description="What.")]
    actor: Annotated[str | None, Meta(description="By whom; null for the system itself.")] = None
    text: Annotated[str | None, Meta(description="What was said to it.")] = None


class SupplyException(Struct, frozen=True, kw_only=True):
    """Something that a person has to look at."""

    exception_id: Annotated[str, Meta(description="Names the exception.")]
    category: Annotated[ExceptionCategory, Meta(description="What kind of trouble it is.")]
    severity: Annotated[ExceptionSeverity, Meta(description="How bad it is for the business.")]
    state: Annotated[ExceptionState, Meta(description="What has become of it.")]
    message: Annotated[str, Meta(description="What is wrong, and what to do.")]
    owner: Annotated[str | None, Meta(description="Who has to look at it: a person or a team.")] = (
        None
    )
    subjects: Annotated[
        tuple[str, ...], Meta(description="What it is about: `supplier:S-1`, `item:SKU-1`.")
    ] = ()
    value_at_risk: Annotated[Money | None, Meta(description="What is at stake.")] = None
    days_of_cover_lost: Annotated[
        Decimal | None, Meta(description="How many days earlier stock runs out.")
    ] = None
    process_id: Annotated[str | None, Meta(description="The process that waits for it.")] = None
    correlation_id: Annotated[str, Meta(description="Ties everything about it together.")]
    occurrences: Annotated[int, Meta(description="How often its cause was seen.")] = 1
    opened_at: Annotated[datetime, Meta(description="When it was seen first.")]
    updated_at: Annotated[datetime, Meta(description="When something last happened to it.")]
    due_at: Annotated[
        datetime | None, Meta(description="When it is to be over; null for any time.")
    ] = None
    overdue: Annotated[bool, Meta(description="Whether it was still open then.")] = False
    closed_at: Annotated[datetime | None, Meta(description="When it was over.")] = None
    earlier: Annotated[
        str | None, Meta(description="Id of the one before with the same cause, if there was one.")
    ] = None
    details: Annotated[Mapping[str, str], Meta(description="What else is known, as texts.")] = {}
    history: Annotated[
        tuple[ExceptionEntry, ...], Meta(description="What has happened to it, oldest first.")
    ] = ()


def named(subjects: Sequence[str], kind: str) -> tuple[str, ...]:
    """What subjects of a kind name: of `supplier:S-1` and `supplier`, `S-1`."""
    start = f"{kind}:"
    return tuple(s.removeprefix(start) for s in subjects if s.startswith(start))


class Troubles(Protocol):
    """Where processes report trouble, and that it is over. Both may be repeated."""

    async def report(self, trouble: Trouble) -> str:
        """Open an exception, or count it where its cause has one open.

        Returns:
            The exception's id.
        """

    async def over(self, cause: str, *, why: str) -> None:
        """Close the exception of a cause that has gone; nothing if it has none open."""


class ExceptionFilter(Struct, frozen=True, kw_only=True):
    """Which exceptions; all conditions that are given must hold.

    Attributes:
        categories: Of these categories.
        severities: Of these severities.
        states: In one of these states.
        owners: Of one of these owners.
        subjects: About one of these.
        suppliers: About one of these suppliers, by code.
        items: About one of these items, by sku.
        process_id: That this process waits for.
        correlation_id: With this correlation id.
        overdue: Still open when it was to be over, or not.
        regions: About some of these regions, and no others.
        companies: About some of these companies, and no others.
    """

    categories: tuple[ExceptionCategory, ...] | None = None
    severities: tuple[ExceptionSeverity, ...] | None = None
    states: tuple[ExceptionState, ...] | None = None
    owners: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    suppliers: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None
    process_id: str | None = None
    correlation_id: str | None = None
    overdue: bool | None = None
    regions: tuple[str, ...] | None = None
    companies: tuple[str, ...] | None = None


class ExceptionPage(Struct, frozen=True):
    """A page of exceptions, the latest opened first.

    Attributes:
        exceptions: The exceptions.
        more: Whether others follow.
        total: How many there are in all that satisfy the filter.
    """

    exceptions: Sequence[SupplyException]
    more: bool
    total: int


class ExceptionDesk(Protocol):
    """Exceptions, to look at and to decide on.

    One that is not there is a `NotFoundError`; one that is over, a `ConflictError` to whoever
    decides on it.
    """

    async def page(
        self, wanted: ExceptionFilter, *, first: int, after: str | None
    ) -> ExceptionPage:
        """Exceptions, the latest opened first; behind the one with an id, if it is named."""

    async def by_ids(self, exception_ids: Collection[str]) -> Mapping[str, SupplyException]:
        """Exceptions by id; those that are not there are left out."""

    async def assign(self, exception_id: str, owner: str, *, actor: str) -> SupplyException:
        """Give it to somebody."""

    async def comment(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Say something to it."""

    async def retry(self, exception_id: str, *, actor: str) -> SupplyException:
        """Have its process go on from the step that failed.

        Raises:
            InvalidInputError: if no process waits for it.
        """

    async def resolve(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Say that it is settled, and how; a process that waits for it goes on after that step."""

    async def cancel(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Give its process up: what it has done is undone as it states.

        Raises:
            InvalidInputError: if no process waits for it.
        """
