"""The audit: who did what, to which objects, and whether it was allowed; and the port to read it.

Kinds of entries:

    change.begun    somebody asked for a change; written before it is made
    change.done     what came of it; written before the answer is given
    export          much was read at once; written before it is sent
    refusal         something was refused
    refusals        how many refusals alike, or how many that nobody could write down, there were
    act             what an operator did, written in one transaction with it
    checkpoint      older entries were removed because of their age
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol

from msgspec import Meta, Struct


class AuditKind(StrEnum):
    """What an audit entry is about."""

    CHANGE_BEGUN = "change.begun"
    CHANGE_DONE = "change.done"
    EXPORT = "export"
    REFUSAL = "refusal"
    REFUSALS = "refusals"
    ACT = "act"
    CHECKPOINT = "checkpoint"


ALLOWED: Final = "allowed"
"""The decision of what was not refused; any other is the code of the error that was told."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing that somebody did, or was not allowed to do."""

    kind: Annotated[AuditKind, Meta(description="What the entry is about.")] = AuditKind.ACT
    actor: Annotated[str, Meta(description="Who, as its issuer names it; empty if unknown.")] = ""
    issuer: Annotated[str, Meta(description="Who vouches for the actor.")] = ""
    key_id: Annotated[str, Meta(description="Id of the API key, if the actor has one.")] = ""
    roles: Annotated[tuple[str, ...], Meta(description="What the actor was here, sorted.")] = ()
    action: Annotated[
        str, Meta(description="What: the operation's name, or an act as `dead_letter.replayed`.")
    ] = ""
    subject: Annotated[str, Meta(description="What an act was done to.")] = ""
    operation: Annotated[str, Meta(description="query, mutation or subscription.")] = ""
    document: Annotated[str, Meta(description="SHA-256 of the document, in hexadecimal.")] = ""
    client: Annotated[str, Meta(description="The client, as it calls itself: name/version.")] = ""
    objects: Annotated[
        tuple[str, ...], Meta(description="What was named or touched, as `PurchaseOrder:erp:45`.")
    ] = ()
    decision: Annotated[
        str, Meta(description="`allowed`, or the code of the error that was told.")
    ] = ALLOWED
    correlation_id: Annotated[str, Meta(description="Ties everything about it together.")] = ""
    finishes: Annotated[
        str | None, Meta(description="Id of the entry that this is the outcome of.")
    ] = None
    details: Annotated[
        Mapping[str, Any], Meta(description="What else is known of it; variables are redacted.")
    ] = {}
    entry_id: Annotated[str, Meta(description="Names the entry; given by the log.")] = ""
    position: Annotated[int, Meta(description="Place in the chain, from 1 on without gaps.")] = 0
    at: Annotated[datetime | None, Meta(description="When; given by the log.")] = None
    hash: Annotated[
        str, Meta(description="SHA-256 over the entry and the hash of the one before it.")
    ] = ""


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which entries; all conditions that are given must hold.

    Attributes:
        kinds: Of these kinds.
        actors: By these.
        actions: Of these operations or acts.
        subjects: Acts done to these.
        decisions: With these decisions.
        correlation_id: With this correlation id.
        about: That name or touch this object.
        since: Written at this moment or later.
        until: Written before this moment.
        unfinished: Changes that were begun and of which no outcome is known.
    """

    kinds: tuple[str, ...] | None = None
    actors: tuple[str, ...] | None = None
    actions: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    decisions: tuple[str, ...] | None = None
    correlation_id: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unfinished: bool = False


class AuditPage(Struct, frozen=True):
    """Some entries, the latest first.

    Attributes:
        entries: The entries.
        more: Whether there are earlier ones.
        total: How many there are in all.
    """

    entries: Sequence[AuditEntry]
    more: bool
    total: int


class AuditTrail(Protocol):
    """Reads the audit."""

    async def page(self, wanted: AuditFilter, *, first: int, before: int | None) -> AuditPage:
        """Entries, the latest first; only those before a position, if one is given.

        Raises:
            UnavailableError: if the store cannot be reached.
        """
