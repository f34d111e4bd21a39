"""Recommendations in real stores: a SQLite file and a PostgreSQL, each empty before each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fixtures.stores import POSTGRESQL, prepare
from tests.processes.approval.house import Approving, House


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("recommendations") / "empty.db"
    asyncio.run(prepare(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def shared_database(postgres_server: str) -> str:
    """Address of a database that these tests share: tables take longer to make than to empty."""

    async def make() -> None:
        store = Store(StoreSettings(url=postgres_server))
        async with store._reading.connect() as connection:
            await connection.execute(sa.text("CREATE DATABASE recommendations"))
        await store.aclose()

    asyncio.run(make())
    return sa.make_url(postgres_server).set(database="recommendations").render_as_string(False)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store with its tables is."""
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("empty_file"), file)
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("shared_database")
    asyncio.run(prepare(url))
    return url


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """The store, open."""
    store = Store(StoreSettings(url=address))
    yield store
    await store.aclose()


@pytest.fixture
def house(store: Store) -> House:
    """Recommendations."""
    return House(store)


@pytest.fixture
async def approving(empty_file: Path, tmp_path: Path) -> AsyncIterator[Approving]:
    """Recommendations and their approval, over SQLite."""
    file = tmp_path / "approving.db"
    shutil.copyfile(empty_file, file)
    store = Store(StoreSettings(file=file))
    yield Approving(store)
    await store.aclose()
