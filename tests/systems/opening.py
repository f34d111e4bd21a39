"""Opens a shipped preset against a running system, as an installation would."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from canonical.criteria import Condition
from canonical.entities import EntityName
from canonical.ports import Ask, ListQuery
from connectors.jsonrpc.opening import reader
from connectors.jsonrpc.reader import JSONRPCReader
from connectors.jsonrpc.settings import Settings
from connectors.kit.auth_kinds import Auth
from connectors.kit.http import Explain, Request, Response
from connectors.kit.mapping.model import MappingSettings, PresetModel
from connectors.kit.mapping.presets import merge, preset_document
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.kit.source import MappedSource
from connectors.kit.transport import Transport
from connectors.kit.transport_open import open_transport


@dataclass
class Calls:
    """A meter that counts requests."""

    count: int = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.count += 1


class Recorder:
    """The transport, with what it is asked to send."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.requests: list[Request] = []
        self.system = transport.system
        self.base_url = transport.base_url

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.requests.append(request)
        return await self._transport.send(request, ask, explain=explain)


@dataclass
class Opened:
    """A system behind its preset."""

    reader: JSONRPCReader
    transport: Transport
    recorder: Recorder
    sources: Mapping[EntityName, MappedSource]
    calls: Calls = field(default_factory=Calls)

    async def every(self, entity: EntityName, *criteria: Condition) -> Mapping[str, Any]:
        """All records of an entity that satisfy the criteria, by key, with all columns."""
        source = self.sources[entity]
        query = ListQuery(criteria, (), 1_000, source.columns)
        page = await source.page(query, self.ask())
        assert not page.more
        assert not page.failures
        return {r.provenance.key: r for r in page.records}

    def sent(self, *labels: str) -> list[Any]:
        """Bodies of the requests sent so far, of these labels if any are given; forgets all."""
        found = [r for r in self.recorder.requests if not labels or r.label in labels]
        self.recorder.requests.clear()
        return [json.loads(r.body or b"null") for r in found]

    def ask(self, seconds: float = 60) -> Ask:
        """A question that may take so long."""
        deadline = asyncio.get_running_loop().time() + seconds
        return Ask(deadline, uuid.uuid4().hex, self.calls)


@asynccontextmanager
async def opened(
    preset: str, url: str, auth: Auth, secrets: Mapping[str, str], overrides: Mapping[str, Any]
) -> AsyncIterator[Opened]:
    """A shipped preset with a manifest's overrides, over the real transport."""
    model = PresetModel.model_validate(merge(preset_document(preset), overrides))
    services = Services(environ=secrets, base_dir=Path.cwd())
    policy = CallPolicy.model_validate(model.policy)
    mapping, settings = MappingSettings.take(model.settings, model.units)
    transport = open_transport("erp", url, policy, services)
    recorder = Recorder(transport)
    rows, authenticator = reader(
        Settings.model_validate(settings),
        recorder,
        policy,
        auth=auth,
        vault=services.vault,
        clock=services.clock,
        now=services.now,
    )
    transport.authenticator = authenticator
    sources = {
        name: MappedSource("erp", name, entity, rows, settings=mapping, clock=services.now)
        for name, entity in model.entities.items()
    }
    try:
        yield Opened(rows, transport, recorder, sources)
    finally:
        await transport.aclose()
