"""Real stores: a SQLite file and a PostgreSQL, each with its tables, emptied before each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.store.tables import METADATA
from tests.connectors.sql.postgres import postgres
from tests.fixtures.valkey import valkey_server, valkey_url

__all__ = ["postgres", "valkey_server", "valkey_url"]

KINDS = ["sqlite", "postgresql"]


@pytest.fixture(params=KINDS)
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store with its tables is."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/store.db"
    else:
        url = request.getfixturevalue("postgres")
    store = Store(StoreSettings(url=url))
    await migrate(store)
    async with store._writing.connect() as connection, connection.begin():
        if store.dialect == "postgresql":
            names = ", ".join(METADATA.tables)
            await connection.execute(sa.text(f"TRUNCATE {names}"))
    await store.aclose()
    return url


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """The store, open."""
    store = Store(StoreSettings(url=address))
    yield store
    await store.aclose()
