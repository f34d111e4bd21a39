"""The purchase history in SQLite and in PostgreSQL, behind the example's manifest."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from canonical.entities import EntityName
from canonical.ports import Ask, ListQuery, Source
from connectors.backend import MappedBackend
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from tests.systems.scms.history import FILE, History

MANIFEST = Path(__file__).parents[3] / "docs" / "examples" / "scms.yaml"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture(scope="session")
def history() -> History:
    return History(FILE)


@pytest.fixture(scope="session")
def urls(
    history: History, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """Addresses of the two databases, by kind."""
    file = tmp_path_factory.mktemp("scms") / "history.db"
    return {
        "sqlite": history.into_sqlite(file),
        "postgresql": asyncio.run(history.into_postgres(postgres_server)),
    }


class Calls:
    """Counts statements."""

    count = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.count += 1


class Found(NamedTuple):
    """Records of whatever entity the test knows them to be."""

    records: list[Any]
    more: bool = False


class Reading:
    """The history behind its mapping."""

    def __init__(self, backend: MappedBackend) -> None:
        self.backend = backend
        self.calls = Calls()

    def ask(self) -> Ask:
        """A question that may take half a minute."""
        return Ask(asyncio.get_running_loop().time() + 30, "scms", self.calls)

    def source(self, entity: EntityName) -> Source:
        """One entity of it."""
        return self.backend.sources[entity]

    async def page(self, entity: EntityName, **query: Any) -> Found:
        """One page of an entity, with all columns unless others are named."""
        source = self.source(entity)
        asked = {"criteria": (), "order": (), "limit": 20_000, "columns": source.columns, **query}
        page = await source.page(ListQuery(**asked), self.ask())
        assert page.failures == {}
        return Found(list(page.records), page.more)

    async def keyed(
        self, entity: EntityName, column: str, keys: list[str], columns: set[str]
    ) -> list[Any]:
        """Records by many keys."""
        found = await self.source(entity).by_keys(column, keys, frozenset(columns), self.ask())
        assert found.failures == {}
        return list(found.records)


async def opened(url: str) -> MappedBackend:
    """The example's backend at an address."""
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    config = BackendConfig.model_validate(manifest["backends"]["scms"])
    services = Services(environ={"SCMS_URL": url}, base_dir=Path.cwd(), now=lambda: NOW)
    return await open_backend("scms", config, services)


@pytest.fixture(params=["sqlite", "postgresql"])
async def reading(
    request: pytest.FixtureRequest, urls: Mapping[str, str]
) -> AsyncIterator[Reading]:
    backend = await opened(urls[request.param])
    yield Reading(backend)
    await backend.aclose()


@pytest.fixture
async def both(urls: Mapping[str, str]) -> AsyncIterator[tuple[Reading, Reading]]:
    """SQLite and PostgreSQL."""
    backends = [await opened(urls[kind]) for kind in ("sqlite", "postgresql")]
    yield Reading(backends[0]), Reading(backends[1])
    for backend in backends:
        await backend.aclose()
