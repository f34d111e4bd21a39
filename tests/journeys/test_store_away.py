"""A process begins while PostgreSQL is away: it answers reads, and catches up when it is there."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.installation import open_installation
from app.manifest import loading
from app.server.application import create_app
from app.server.sockets.protocol import SocketProtocol
from app.streaming import streaming_of
from bench.senders import EVENT_KIND, Posting, new_secret, order_event, posting_of, signed
from bench.soak.house import MANIFEST
from canonical.entities import EntityName
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from subscriptions.cursors import encode_cursor
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served

KEY, HOOK_SECRET = new_development_key(), new_secret()
TOKEN = mint_development_token(KEY, "pia", [Role.PLANNER], None, 3_600)
START = encode_cursor(EntityName.PURCHASE_ORDER, 0)
DEADLINE_S = 0.4


class Away:
    """A PostgreSQL whose socket cannot be found yet."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self.there, self.here = Path(query["host"][0]), folder / "pg"
        self.url = parts._replace(query=urlencode({"host": str(self.here)})).geturl()

    def come(self) -> None:
        self.here.symlink_to(self.there)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Addresses of sockets are short."""
    folder = Path(tempfile.mkdtemp(prefix="sg"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def away(postgres_url: str, short_folder: Path) -> Away:
    store = Store(StoreSettings(url=postgres_url))
    await migrate(store)
    await store.aclose()
    return Away(postgres_url, short_folder)


@pytest.fixture
async def client(
    away: Away, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    real = loading._store
    quick = lambda *given: replace(real(*given), deadline_s=DEADLINE_S)  # noqa: E731
    monkeypatch.setattr(loading, "_store", quick)
    environ = {
        "SOAK_SOURCE": "http://127.0.0.1:9",
        "SOAK_SECRET": HOOK_SECRET,
        "SUPPLYGRAPH_DEVELOPMENT_KEY": KEY,
        "REDIS_URL": valkey_url,
        "DATABASE_URL": away.url,
    }
    declared = loading.load_manifest(MANIFEST, environ)
    app = create_app(
        lambda: open_installation(declared),
        graphiql=None,
        schema=SCHEMA,
        streaming=streaming_of(declared),
    )
    async with (
        served(app, ws=SocketProtocol) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        yield client


async def sent(client: httpx.AsyncClient, posting: Posting) -> int:
    headers = signed(posting, HOOK_SECRET)
    return (await client.post(posting.path, content=posting.body, headers=headers)).status_code


async def heard(client: httpx.AsyncClient) -> Any:
    """The first thing that is told to a subscriber from the beginning on."""
    url = str(client.base_url).replace("http", "ws", 1) + "/graphql"
    query = 'subscription { purchaseOrderChanged(after: "%s") { status } }'
    spoken = [Subprotocol("graphql-transport-ws")]
    async with connect(url, subprotocols=spoken, proxy=None) as socket:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {TOKEN}"}}
        await socket.send(json.dumps(init))
        await socket.recv()
        asked = {"query": query % START}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
        return json.loads(await socket.recv())["payload"]


async def test_it_reads_refuses_what_it_cannot_keep_and_catches_up(
    client: httpx.AsyncClient, away: Away
) -> None:
    event = order_event("P-1", "S-1", "2026-01-01T00:00:00Z")
    posting = posting_of("/ingest/procurement", event, EVENT_KIND, "d-1", 1)
    question = {"query": "{ viewer { subject } }"}
    read = await client.post(
        "/graphql", json=question, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert read.json() == {"data": {"viewer": {"subject": "pia"}}}
    assert await sent(client, posting) == 503
    ready = (await client.get("/readyz")).json()
    assert (ready["status"], ready["events"]["follower"]) == ("degraded", None)
    [refused] = await heard(client)
    assert refused["extensions"]["code"] == "UNAVAILABLE"

    away.come()
    async with asyncio.timeout(20):  # a sender that is told 503 comes again
        while (status := await sent(client, posting)) == 503:
            pass
    assert status == 202

    async def followed() -> dict[str, Any]:
        found: dict[str, Any] = (await client.get("/readyz")).json()["events"]
        return found

    async with asyncio.timeout(20):
        while (state := await followed())["follower"] is None:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.02)
    assert (state["database"], state["connected"]) == ("postgresql", True)
    told = await heard(client)
    assert told["data"] == {"purchaseOrderChanged": {"status": "SENT"}}
