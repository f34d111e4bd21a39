"""A real ledger in an SQLite file."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.events.ledger import Ledger
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    store = Store(StoreSettings(file=tmp_path / "events.db"))
    await migrate(store)
    ledger = Ledger(store, now=lambda: NOW)
    yield ledger
    await ledger.aclose()
    await store.aclose()
