"""What operators did, as the audit has it."""

from collections.abc import Sequence

from canonical.audit import AuditEntry, AuditFilter, AuditKind
from runtime.audit.reading import StoredAudit
from runtime.store.store import Store


async def audited(
    store: Store, *, subject: str | None = None, before: int | None = None
) -> Sequence[AuditEntry]:
    """Acts, the latest first."""
    wanted = AuditFilter(
        kinds=(AuditKind.ACT.value,), subjects=None if subject is None else (subject,)
    )
    return (await StoredAudit(store).page(wanted, before=before)).entries
