"""What people are told of, and the port to tell it.

Whoever tells says what happened and whom it concerns. Whether, how and at which addresses these are
told of it, the manifest says.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from canonical.exceptions import ExceptionSeverity
from runtime.events.writing import Writing


class NoticeKind(StrEnum):
    """What is told of."""

    EXCEPTION_OPENED = "exception.opened"
    EXCEPTION_ASSIGNED = "exception.assigned"
    EXCEPTION_ESCALATED = "exception.escalated"
    EXCEPTION_OVERDUE = "exception.overdue"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_REMINDER = "approval.reminder"
    APPROVAL_ESCALATED = "approval.escalated"
    APPROVAL_EXPIRED = "approval.expired"
    CONFIRMATION_REQUESTED = "confirmation.requested"
    CONFIRMATION_REMINDER = "confirmation.reminder"


class Notice(Struct, frozen=True, kw_only=True):
    """Something that people are told of.

    Attributes:
        kind: What it is.
        key: Names it: the same is told once, however often it is asked for.
        subject: What it is about, in a line.
        text: What is to be known, and what to do; lines of plain text.
        about: What it is about, for programs: `exception:<id>`, `purchase_order:4500001`.
        to: Whom it concerns: `owner:ann`, `role:buyer`, `supplier:S-1`, or `email:ann@example.com`
            for an address that is known already.
        correlation_id: Ties it to what it is about.
        severity: How bad it is, if it is trouble.
        facts: What else programs may read of it.
    """

    kind: NoticeKind
    key: str
    subject: str
    text: str
    about: str
    to: tuple[str, ...] = ()
    correlation_id: str
    severity: ExceptionSeverity | None = None
    facts: Mapping[str, str] = {}


class Notices(Protocol):
    """Tells people: at least once, as soon as may be, once it is committed."""

    async def tell(self, notices: Sequence[Notice]) -> None:
        """Have people told. May be repeated, also within a step of a process.

        Raises:
            UnavailableError: the store cannot be reached; it may be kept all the same.
        """

    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        """As `tell`, if and only if a transaction that is under way is committed."""
