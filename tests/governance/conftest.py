"""The real schema over a small distributor, with real HTTP, audited into a real store."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.governance.auditing import Auditor
from app.governance.checked_tokens import AuditedTokens
from app.governance.redaction import Redaction
from app.server.ports import Governance
from resolvers.context import Governing
from runtime.audit.log import AuditLog
from runtime.audit.reading import StoredAudit
from runtime.audit.refusals import Refusals
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, running

EXPORT = 8


class Audited:
    """A site, and what it is audited by."""

    def __init__(self, site: Site, serving: FakeServing, store: Store, refusals: Refusals) -> None:
        self.site = site
        self.serving = serving
        self.store = store
        self.trail = StoredAudit(store)
        self.refusals = refusals


@pytest.fixture
async def file_store(sqlite_file: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """A store in a file."""
    shutil.copyfile(sqlite_file, tmp_path / "store.db")
    store = Store(StoreSettings(file=tmp_path / "store.db", deadline_s=2))
    yield store
    await store.aclose()


@pytest.fixture
async def audited(file_store: Store) -> AsyncIterator[Audited]:
    """A site that is audited."""
    log = AuditLog(file_store)
    refusals = Refusals(log)
    auditor = Auditor(log, refusals, Redaction(), exports_from=EXPORT)
    serving = FakeServing(*Distributor().sources)
    trail = StoredAudit(file_store)
    serving.governance = Governance(auditing=auditor, governing=Governing(trail=trail))
    serving.tokens = AuditedTokens(serving.tokens, auditor)
    async with running(serving) as site:
        yield Audited(site, serving, file_store, refusals)
    await log.aclose()
