"""A queue of evaluations in real stores: a SQLite file and a PostgreSQL, empty before each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fixtures.stores import POSTGRESQL, prepare


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("evaluations") / "empty.db"
    asyncio.run(prepare(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def shared_database(postgres_server: str) -> str:
    """Address of a database that these tests share."""

    async def make() -> None:
        store = Store(StoreSettings(url=postgres_server))
        async with store._reading.connect() as connection:
            await connection.execute(sa.text("CREATE DATABASE evaluations"))
        await store.aclose()

    asyncio.run(make())
    return sa.make_url(postgres_server).set(database="evaluations").render_as_string(False)


@pytest.fixture
def file_address(empty_file: Path, tmp_path: Path) -> str:
    """Where an empty store in a file is."""
    file = tmp_path / "store.db"
    shutil.copyfile(empty_file, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", POSTGRESQL])
def address(request: pytest.FixtureRequest) -> str:
    """Where an empty store of each kind is."""
    if request.param == "sqlite":
        file: str = request.getfixturevalue("file_address")
        return file
    url: str = request.getfixturevalue("shared_database")
    asyncio.run(prepare(url))
    return url


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """A store of each kind, open."""
    store = Store(StoreSettings(url=address))
    yield store
    await store.aclose()


@pytest.fixture
async def file_store(file_address: str) -> AsyncIterator[Store]:
    """A store in a file, open."""
    store = Store(StoreSettings(url=file_address))
    yield store
    await store.aclose()
