"""A real ledger in an SQLite file."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.events.ledger import Ledger
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("ingestion") / "empty.db"

    async def make() -> None:
        store = Store(StoreSettings(file=file))
        await migrate(store)
        await store.aclose()

    asyncio.run(make())
    return file


@pytest.fixture
async def ledger(empty_store: Path, tmp_path: Path) -> AsyncIterator[Ledger]:
    store = Store(StoreSettings(file=Path(shutil.copy(empty_store, tmp_path / "events.db"))))
    ledger = Ledger(store, now=lambda: NOW)
    yield ledger
    await ledger.aclose()
    await store.aclose()
