"""The governance of one process, as a manifest declares it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from app.beside import beside
from app.event_log import EventLog, name_of
from app.governance.auditing import Auditor
from app.governance.catalogue import InstallationCatalogue
from app.governance.redaction import Redaction
from app.manifest.model import Manifest
from app.server.ports import Governance
from canonical.errors import SupplygraphError
from resolvers.context import Governing
from runtime.audit.log import AuditLog
from runtime.audit.reading import StoredAudit
from runtime.audit.refusals import Refusals
from runtime.audit.retention import AuditRetention
from runtime.cache.connection import RedisHandle
from runtime.usage.shared import SharedUsage
from runtime.usage.stored import StoredUsage

_FORGETTING_S: Final = 3_600.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@asynccontextmanager
async def open_governance(
    manifest: Manifest, log: EventLog, redis: RedisHandle
) -> AsyncIterator[Governance]:
    """Audit while the block lasts; what was noted by its end is written down."""
    said, usage = manifest.audit, StoredUsage(log.store)
    async with AsyncExitStack() as stack:
        audit = AuditLog(log.store)
        stack.push_async_callback(audit.aclose)
        refusals = Refusals(audit)
        stack.push_async_callback(refusals.flush)
        retention = AuditRetention(audit, log.leases, holder=log.member, days=said.retention_days)
        await stack.enter_async_context(beside(refusals.run()))
        await stack.enter_async_context(
            beside(_forgetting(retention, usage, manifest.governance.usage_days))
        )
        auditor = Auditor(
            audit, refusals, Redaction(said.redact), exports_from=said.exports_from_rows
        )
        yield Governance(
            auditing=auditor,
            shared=SharedUsage(redis, name_of(log.store)),
            governing=Governing(
                trail=StoredAudit(log.store),
                usage=usage,
                catalogue=InstallationCatalogue(manifest),
            ),
        )


async def _forgetting(retention: AuditRetention, usage: StoredUsage, usage_days: int) -> None:
    while True:
        await asyncio.sleep(_FORGETTING_S)
        try:
            await retention.run()
            await usage.forget(datetime.now(UTC).date() - timedelta(days=usage_days))
        except SupplygraphError as exc:
            _log.warning("old audit entries or usage could not be removed", error=exc.message)
