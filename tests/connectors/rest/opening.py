"""Opens a preset against a simulator over the real transport, and reads the simulator's log."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from pydantic import TypeAdapter

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.ports import Ask, ListQuery
from connectors.kit.auth_kinds import BasicAuth, ClientCredentialsAuth, make_authenticator
from connectors.kit.mapping.model import MappingSettings, PresetModel
from connectors.kit.mapping.presets import merge, preset_document
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.kit.source import MappedSource
from connectors.kit.transport_open import open_transport
from connectors.rest import RestReader, reader
from sandbox.launch import Simulator

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
AUTH: Mapping[str, Mapping[str, Any]] = {
    "coupa": {
        "kind": "oauth2_client_credentials",
        "token_url": "/oauth2/token",
        "client_secret": {"env": "PASSWORD"},
        "scope": [
            "core.item.read",
            "core.supplier.read",
            "core.common.read",
            "core.purchase_order.read",
            "core.inventory.receiving.read",
        ],
    },
    "frepple": {"kind": "basic", "password": {"env": "PASSWORD"}},
}
_AUTH: TypeAdapter[BasicAuth | ClientCredentialsAuth] = TypeAdapter(
    BasicAuth | ClientCredentialsAuth
)
_USER = {"coupa": "client_id", "frepple": "username"}


@dataclass
class Calls:
    """A meter that counts requests."""

    count: int = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.count += 1


class Listed(NamedTuple):
    """A page whose records are of whatever entity the test knows them to be."""

    records: list[Any]
    more: bool


@dataclass
class Opened:
    """A simulator behind its preset."""

    simulator: Simulator
    reader: RestReader
    sources: Mapping[EntityName, MappedSource]
    calls: Calls = field(default_factory=Calls)

    def ask(self) -> Ask:
        """A question that may take a minute."""
        return Ask(asyncio.get_running_loop().time() + 60, "test", self.calls)

    async def page(
        self,
        entity: EntityName,
        criteria: Criteria = (),
        order: tuple[Sort, ...] = (),
        limit: int = 10_000,
        columns: Sequence[str] | None = None,
        after: tuple[Any, ...] | None = None,
    ) -> Listed:
        """One page of an entity."""
        source = self.sources[entity]
        wanted = source.columns if columns is None else frozenset(columns)
        page = await source.page(ListQuery(criteria, order, limit, wanted, after), self.ask())
        assert page.failures == {}
        return Listed(list(page.records), page.more)

    async def all(self, entity: EntityName, criteria: Criteria = ()) -> list[Any]:
        """Every record of an entity, with all columns."""
        page = await self.page(entity, criteria)
        assert not page.more
        return page.records

    async def keyed(
        self, entity: EntityName, column: str, keys: Sequence[str], columns: Sequence[str]
    ) -> list[Any]:
        """Records by many keys."""
        found = await self.sources[entity].by_keys(column, keys, frozenset(columns), self.ask())
        assert found.failures == {}
        return list(found.records)

    def log(self) -> list[dict[str, Any]]:
        """The requests that the simulator answered, but for tokens."""
        entries = httpx.get(f"{self.simulator.control_url}log").json()
        return [e for e in entries if not e["path"].endswith("/token")]

    def reset(self) -> None:
        """Forget the log."""
        httpx.post(f"{self.simulator.control_url}reset")

    def fault(self, *rules: Mapping[str, Any]) -> None:
        """Trouble the simulator."""
        httpx.put(f"{self.simulator.control_url}faults", json=list(rules)).raise_for_status()


@asynccontextmanager
async def opened(
    simulator: Simulator, overrides: Mapping[str, Any] | None = None
) -> AsyncIterator[Opened]:
    """The preset of a simulator's product, with a manifest's overrides, at any pace."""
    name = simulator.name
    model = PresetModel.model_validate(merge(preset_document(name), overrides or {}))
    services = Services(environ={"PASSWORD": simulator.password}, base_dir=Path.cwd())
    policy = CallPolicy.model_validate({**model.policy, "rate_per_s": 10_000, "burst": 10_000})
    mapping, settings = MappingSettings.take(model.settings, model.units)
    transport = open_transport(name, simulator.url, policy, services)
    auth = _AUTH.validate_python({**AUTH[name], _USER[name]: simulator.user})
    transport.authenticator = make_authenticator(
        auth, caller=transport, vault=services.vault, clock=services.clock
    )
    rows = reader(transport, settings, policy)
    sources = {
        entity: MappedSource(name, entity, mapped, rows, settings=mapping, clock=lambda: NOW)
        for entity, mapped in model.entities.items()
    }
    try:
        yield Opened(simulator, rows, sources)
    finally:
        await transport.aclose()
