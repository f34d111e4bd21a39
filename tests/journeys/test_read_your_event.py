"""Who hears of a change and asks at once never reads what was before it, at any process."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.installation import Installation, open_installation
from app.manifest.loading import load_manifest
from app.server.application import create_app
from app.server.sockets.protocol import SocketProtocol
from app.streaming import streaming_of
from canonical.entities import EntityName
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from tests.app.sockets.talk import Talk, subscribe
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served
from workflows.ingestion.intake import Delivery, Intake

ROUNDS: Final = 100
HELD_EVERY: Final = 10
HELD_S: Final = 0.15
MANIFEST: Final = """
version: 1
identity: {development_key: {env: KEY}}
backends:
  erp:
    protocol: rest
    url: {env: SOURCE}
    policy: {max_concurrency: 64, rate_per_s: 100000}
    settings:
      pages: {style: offset, size: 100}
      filters: {operators: {in: "{name}={values}"}, fields: [id]}
      sort: {given: [id]}
    entities:
      purchase_order:
        dataset: orders
        key: id
        options: {fields: {id: {name: ids}}}
        fields:
          number: id
          supplier: supplier
          status: status
          currency: {const: EUR}
          lines:
            each: lines
            fields:
              line_number: number
              item: item
              quantity: quantity
              unit: {const: EA}
              cancelled: {const: false}
              completed: {const: false}
entities:
  purchase_order: {sources: [erp], freshness_s: 600, grace_s: 600}
cache: {answers: {enabled: true}}
"""
ORDER = '{ purchaseOrder(number: "P-1") { status lines { quantity } } }'
LIST = "{ purchaseOrders(first: 5) { nodes { number lines { quantity } } } }"
HEARD = "purchaseOrderChanged { status purchaseOrder { number lines { quantity } } }"


class Source:
    """A system whose order changes; what it answers is on its way for some milliseconds."""

    def __init__(self) -> None:
        self.value = 1
        self.calls = 0

    async def orders(self, _: Request) -> Response:
        self.calls += 1
        line = {"number": 1, "item": "I-1", "quantity": self.value}
        row = {"id": "P-1", "supplier": "S-1", "status": "SENT", "lines": [line]}
        await asyncio.sleep(0.003)
        return JSONResponse([row])


class Process:
    """One process: an installation and its server."""

    def __init__(self, client: httpx.AsyncClient, installation: Installation, token: str) -> None:
        self.client = client
        self.installation = installation
        self.token = token

    async def quantity(self, question: str) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        response = await self.client.post("/graphql", json={"query": question}, headers=headers)
        return quantity_in(response.json())

    async def report(self, status: PurchaseOrderStatus, name: str) -> None:
        observation = Observation(
            system="erp",
            entity=EntityName.PURCHASE_ORDER,
            key="P-1",
            record=PurchaseOrder(number="P-1", supplier="S-1", status=status),
            occurred_at=datetime.now(UTC),
            source_event_id=name,
            partial=True,
        )
        delivery = Delivery(system="erp", observations=(observation,), delivery_id=name)
        await Intake(self.installation.log.ledger).take([delivery])


def quantity_in(answer: Any) -> int:
    """Of the only line there is, wherever it stands."""
    found = json.dumps(answer).partition('"quantity": ')[2]
    assert found, answer
    return int(found.strip('"').partition('"')[0])


class Way:
    """The way from Redis to one process, which can be held up."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()

    @asynccontextmanager
    async def address(self, url: str, folder: Path) -> AsyncIterator[str]:
        direct = urlsplit(url)
        path = str(folder / "way.sock")

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answers, asks = await asyncio.open_unix_connection(direct.path)
            there = asyncio.create_task(_carry(reader, asks, None))
            await _carry(answers, writer, self.free)
            await there

        async with await asyncio.start_unix_server(take, path):
            yield direct._replace(path=path).geturl()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: asyncio.Event | None
) -> None:
    while data := await reader.read(65_536):
        if free is not None:
            await free.wait()
        writer.write(data)
    writer.close()


@asynccontextmanager
async def a_process(file: Path, environ: dict[str, str]) -> AsyncIterator[Process]:
    declared = load_manifest(file, environ)
    opened: list[Installation] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Installation]:
        async with open_installation(declared) as installation:
            opened.append(installation)
            yield installation

    app = create_app(opening, graphiql=None, schema=SCHEMA, streaming=streaming_of(declared))
    token = mint_development_token(environ["KEY"], "p", [Role.PLANNER], None, 3_600)
    async with (
        served(app, ws=SocketProtocol) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        yield Process(client, opened[0], token)


@pytest.fixture
async def source() -> AsyncIterator[tuple[Source, str]]:
    one = Source()
    async with served(Starlette(routes=[Route("/orders", one.orders)])) as server:
        yield one, server.url


@pytest.fixture
def way() -> Way:
    return Way()


@pytest.fixture
async def processes(
    source: tuple[Source, str], way: Way, tmp_path: Path, valkey_url: str
) -> AsyncIterator[tuple[Process, Process]]:
    file = tmp_path / "supplygraph.yaml"
    file.write_text(MANIFEST)
    environ = {"KEY": new_development_key(), "SOURCE": source[1], "REDIS_URL": valkey_url}
    async with way.address(valkey_url, tmp_path) as address:
        late = {**environ, "REDIS_URL": address}
        async with a_process(file, environ) as one, a_process(file, late) as other:
            yield one, other


async def test_what_is_asked_on_hearing_of_a_change_is_never_older(
    source: tuple[Source, str], way: Way, processes: tuple[Process, Process]
) -> None:
    system, (one, other) = source[0], processes
    everywhere = [(p, question) for p in (other, one) for question in (ORDER, LIST)]
    older: list[tuple[int, str, int]] = []
    hits = 0
    talk = Talk(httpx.URL(one.client.base_url).port or 0)
    line = await talk.connected(one.token)
    await line.say(subscribe(HEARD))
    await line.is_well()
    await asyncio.gather(*(p.quantity(q) for p, q in everywhere))
    for n in range(2, ROUNDS + 2):
        calls = system.calls
        await asyncio.gather(*(p.quantity(q) for p, q in everywhere))
        hits += system.calls == calls  # records, lists and answers are warm at both
        system.value = n
        status = (PurchaseOrderStatus.SENT, PurchaseOrderStatus.ACKNOWLEDGED)[n % 2]
        if n % HELD_EVERY == 0:  # the other process is late to learn of it
            way.free.clear()
            asyncio.get_running_loop().call_later(HELD_S, way.free.set)
        await one.report(status, f"d-{n}")
        heard = await line.hear()
        read = await asyncio.gather(*(p.quantity(q) for p, q in everywhere))
        told = [quantity_in(heard), *read]
        older += [(n, f"{place}", value) for place, value in enumerate(told) if value < n]
    await talk.aclose()
    assert (older, hits) == ([], ROUNDS)
