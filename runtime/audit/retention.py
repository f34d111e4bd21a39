"""Removes what is too old, from the oldest entry on, and keeps the chain such that it verifies.

With the entries that go, in the same transaction, a checkpoint is appended that tells up to where
they went, and the last one's hash: the oldest entry that is left follows that.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.audit import AuditEntry, AuditKind
from runtime.audit.log import AuditLog, hold_head, seal
from runtime.events.leases import Leases
from runtime.events.rows import new_id
from runtime.store.tables import AUDIT

LEASE: Final = "audit-retention"
_LEASE_S: Final = 300.0
_BATCH: Final = 10_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class AuditRetention:
    """Removes old entries for all processes: one of them at a time.

    Args:
        log: The audit.
        leases: Where the one is found.
        holder: Name of this process.
        days: How long entries are kept.
        batch: Entries removed in one transaction, which others wait for.
    """

    def __init__(
        self, log: AuditLog, leases: Leases, *, holder: str, days: int, batch: int = _BATCH
    ) -> None:
        self._log = log
        self._leases = leases
        self._holder = holder
        self._days = days
        self._batch = batch

    async def run(self) -> int | None:
        """Remove all that is too old.

        Returns:
            How many entries went; None if another process is at it.

        Raises:
            UnavailableError: the store cannot be reached. What was removed is removed.
        """
        lease = await self._leases.acquire(LEASE, self._holder, _LEASE_S)
        if lease is None:
            return None
        cutoff, total = self._log.now() - timedelta(days=self._days), 0
        try:
            while count := await self._log.store.write(self._removing(cutoff)):
                total += count
                if await self._leases.renew(lease, _LEASE_S) is None:
                    break
        finally:
            await self._leases.release(lease)
        if total:
            _log.info("audit_forgotten", entries=total)
        return total

    def _removing(self, cutoff: datetime) -> Any:
        at = self._log.now()
        entry_id = new_id(at, self._log.random)

        async def work(connection: AsyncConnection) -> int:
            await hold_head(connection)
            wanted = (AUDIT.c.position, AUDIT.c.at, AUDIT.c.hash)
            oldest = sa.select(*wanted).order_by(AUDIT.c.position).limit(self._batch)
            rows = (await connection.execute(oldest)).all()
            # Positions and times may differ by the clocks of machines: only what stands in a row.
            young = next((n for n, row in enumerate(rows) if row.at >= cutoff), len(rows))
            gone = rows[:young]
            if not gone:
                return 0
            last = gone[-1]
            await connection.execute(sa.delete(AUDIT).where(AUDIT.c.position <= last.position))
            details = {"through": last.position, "hash": last.hash, "removed": len(gone)}
            checkpoint = AuditEntry(
                kind=AuditKind.CHECKPOINT,
                action="audit.pruned",
                details=details,
                entry_id=entry_id,
                at=at,
            )
            await seal(connection, [checkpoint])
            return len(gone)

        return work
