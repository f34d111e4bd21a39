"""What auditors see: entries of the audit."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

import strawberry

from canonical import audit as records
from canonical.audit import AuditFilter
from execution.fields import Column
from execution.links import Argument, attribute, link
from resolvers import audit
from schema.common import AFTER, FIRST, connection_types
from schema.publishing import published, published_enum
from schema.scalars import JSON

AuditEntryKind = published_enum(records.AuditKind)


@published(records.AuditEntry, hide=("entry_id",))
class AuditEntry:
    """One thing that somebody did, or was not allowed to do."""

    id = attribute(
        Column("entry_id", attrgetter("entry_id")), strawberry.ID, "Names the entry for good."
    )
    details: JSON = strawberry.field(
        description="What else is known of it; variables are redacted.",
        metadata={"answer": Column("details", attrgetter("details"))},
    )


AuditEntryConnection, AuditEntryEdge = connection_types(AuditEntry, "AuditEntry", "audit entries")


def _values(kinds: Sequence[records.AuditKind]) -> tuple[str, ...]:
    return tuple(kind.value for kind in kinds)


@strawberry.input(description="Which audit entries; all conditions that are given must hold.")
class AuditEntryFilter:
    """Which audit entries."""

    kind: list[AuditEntryKind] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="Of these kinds."
    )
    actor: list[str] | None = strawberry.field(default=None, description="By these callers.")
    action: list[str] | None = strawberry.field(
        default=None, description="Of operations of these names, or these acts."
    )
    subject: list[str] | None = strawberry.field(
        default=None, description="Acts that were done to these."
    )
    decision: list[str] | None = strawberry.field(
        default=None, description="`allowed`, or codes of errors."
    )
    correlation_id: str | None = strawberry.field(
        default=None, description="With this correlation id."
    )
    about: str | None = strawberry.field(
        default=None, description="That name or touch this object, as `PurchaseOrder:4500001`."
    )
    from_: datetime | None = strawberry.field(
        default=None, name="from", description="Written at this moment or later."
    )
    to: datetime | None = strawberry.field(default=None, description="Written before this moment.")
    unfinished: bool = strawberry.field(
        default=False, description="Changes that were begun and of which no outcome is known."
    )

    def canonical(self) -> AuditFilter:
        """The filter as the port has it."""
        return AuditFilter(
            kinds=None if self.kind is None else _values(self.kind),
            actors=None if self.actor is None else tuple(self.actor),
            actions=None if self.action is None else tuple(self.action),
            subjects=None if self.subject is None else tuple(self.subject),
            decisions=None if self.decision is None else tuple(self.decision),
            correlation_id=self.correlation_id,
            about=self.about,
            since=self.from_,
            until=self.to,
            unfinished=self.unfinished,
        )


AUDIT_ENTRIES: Final = link(
    audit.audit_entries,
    AuditEntryConnection,
    "Who did what, the latest first. For auditors.",
    arguments={
        "filter": Argument(AuditEntryFilter | None, "Which entries."),
        "first": FIRST,
        "after": AFTER,
    },
)
