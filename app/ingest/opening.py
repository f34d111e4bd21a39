"""What takes deliveries in, as a manifest declares it."""

import time
from collections.abc import Mapping
from uuid import uuid4

from app.event_log import EventLog
from app.ingest.believing import Signing
from app.ingest.bodies import Reader
from app.ingest.bulk import BulkDesk
from app.ingest.desks import Ingestion
from app.ingest.files import RowFiles
from app.ingest.webhooks import Hook, HookDesk
from app.manifest.ingestion import SystemIngestion, WebhookConfig
from app.manifest.loading import Declaration
from loaders.catalog import Catalog
from workflows.ingestion.bulk import Bulk
from workflows.ingestion.intake import Intake


def open_ingestion(
    declared: Declaration, readers: Mapping[str, Reader], intake: Intake, log: EventLog
) -> Ingestion:
    """What takes deliveries in.

    Raises:
        ValueError: if a secret does not fit its scheme.
        InvalidInputError: if a constant of a file's rows is no value of its column.
    """
    said = declared.manifest.ingestion
    signing = {
        system: Signing(s.signing.declared(), s.signing.keys(declared.vault), s.signing.tolerance_s)
        for system, s in said.items()
        if s.signing is not None
    }
    bulk = Bulk(
        intake,
        log.leases,
        holder=uuid4().hex,
        clock=time.monotonic,
        lease_s=declared.manifest.events.takeover_s,
    )
    hooks = HookDesk(_hooks(said, signing, readers), intake)
    return Ingestion(hooks, BulkDesk(bulk=bulk, files=RowFiles(declared), signing=signing))


def readers_of(declared: Declaration, catalog: Catalog) -> dict[str, Reader]:
    """What understands the bodies that each system sends."""
    return {
        system: _reader(system, ingestion.webhook, catalog)
        for system, ingestion in declared.manifest.ingestion.items()
        if ingestion.webhook is not None
    }


def _hooks(
    said: Mapping[str, SystemIngestion],
    signing: Mapping[str, Signing],
    readers: Mapping[str, Reader],
) -> dict[str, Hook]:
    return {
        system: Hook(
            signing=signing[system],
            reader=readers[system],
            max_bytes=ingestion.webhook.max_kilobytes * 1024,
            per_minute=ingestion.webhook.per_minute,
        )
        for system, ingestion in said.items()
        if ingestion.webhook is not None
    }


def _reader(system: str, webhook: WebhookConfig, catalog: Catalog) -> Reader:
    if webhook.entity is None:
        return Reader(system)
    [supply] = catalog.supplies(webhook.entity, system)
    return Reader(
        system,
        supply.source,
        webhook.rows,
        columns=supply.columns,
        times=webhook.times,
    )
