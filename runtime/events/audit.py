"""What operators did: replays, discards, corrections. Written with what they did, or not at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from runtime.store.store import Store
from runtime.store.tables import AUDIT


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing that somebody did.

    Attributes:
        actor: Who.
        action: What, as `dead_letter.replayed`.
        subject: To what.
        details: Whatever else is to be known of it.
        entry_id: Given by the log; sorts by time.
        at: When; given by the log.
    """

    actor: str
    action: str
    subject: str
    details: Mapping[str, Any] = {}
    entry_id: str = ""
    at: datetime | None = None


_DETAILS: Final = msgspec.json.Decoder(dict[str, Any])


async def audited(
    store: Store, *, subject: str | None = None, before: str | None = None, limit: int = 100
) -> Sequence[AuditEntry]:
    """What was done, newest first.

    Args:
        store: Where it is written.
        subject: Only what was done to this.
        before: The entry id to go on from.
        limit: At most so many.
    """
    query = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(AUDIT.c.subject == subject)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    rows = await store.read(lambda connection: connection.execute(query))
    return [
        AuditEntry(
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            details=_DETAILS.decode(row.details),
            entry_id=row.id,
            at=row.at,
        )
        for row in rows
    ]
