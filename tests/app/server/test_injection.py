"""Nothing that a caller says becomes a line of a request to a system; a server records them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.installation import Installation, open_installation
from app.manifest.loading import load_manifest
from app.server.application import create_app
from app.server.connection import HTTPConnection
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from tests.app.server.attacking import say
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import Server, served

MANIFEST = """\
version: 1
identity: {{development_key: {{env: KEY}}}}
store: {{file: events.db}}
backends:
  erp:
    preset: sap_s4hana
    url: {url}
    auth: {{kind: basic, username: me, password: {{env: SECRET}}}}
    policy: {{retries: 0}}
entities:
  item: {{sources: [erp], freshness_s: 0}}
  supplier: {{sources: [erp], freshness_s: 0}}
"""
LINE = re.compile(rb"[A-Za-z-]+: [ -~]*")
QUERY = """query ($text: String!, $id: ID!) {
  item(sku: $text) { sku }
  items(filter: {sku: {in: [$text]}}, first: 1) { nodes { sku } }
  supplier(code: $text) { code }
  node(id: $id) { id }
}"""
EVIL = [
    "x\r\nX-Evil: 1",
    "x\nX-Evil: 1",
    "x\r\n\r\nGET /evil HTTP/1.1\r\nX-Evil: 1",
    "x%0d%0aX-Evil: 1",
    "x\u2028X-Evil: 1\u560d\u560aX-Evil: 1",
    "x\0X-Evil: 1",
    "x' or Product ne 'y",
    "x&$filter=true#?",
]


class Recorder:
    """A server that keeps the heads of requests and knows of nothing."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"d": {"results": []}}'
        answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        )
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer % (len(body), body))
        writer.close()


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    made = Recorder()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


@pytest.fixture
async def opened(
    recorder: Recorder, tmp_path: Path, valkey_url: str
) -> AsyncIterator[tuple[Server, str]]:
    """A server over the recorder, and a planner's token."""
    key = new_development_key()
    file = tmp_path / "supplygraph.yaml"
    file.write_text(MANIFEST.format(url=recorder.url), encoding="utf-8")
    declared = load_manifest(file, {"KEY": key, "SECRET": "hush", "REDIS_URL": valkey_url})

    @asynccontextmanager
    async def opening() -> AsyncIterator[Installation]:
        async with open_installation(declared) as installation:
            yield installation

    app = create_app(opening, graphiql=None, schema=SCHEMA)
    async with served(app, http=HTTPConnection) as server:
        yield server, mint_development_token(key, "pia", [Role.PLANNER], None, 600, None)


def check(recorder: Recorder) -> None:
    """Every head is a request line and headers of ours, each in one line."""
    assert recorder.heads
    for head in recorder.heads:
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        assert re.fullmatch(rb"GET /sap/[!-~]+ HTTP/1\.1", first), first
        assert all(LINE.fullmatch(line) for line in lines), lines
        names = {line.partition(b":")[0].lower() for line in lines}
        assert not names & {b"x-evil", b"cookie", b"x-forwarded-for"}
        assert b"evil http" not in head.lower()
        assert head.count(b"Authorization: Basic ") == 1


async def test_values_of_variables(recorder: Recorder, opened: tuple[Server, str]) -> None:
    server, token = opened
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
        for text in EVIL:
            asked: dict[str, Any] = {"query": QUERY, "variables": {"text": text, "id": text}}
            response = await client.post("/graphql", json=asked)
            assert response.status_code == 200
            assert response.json()["data"]["item"] is None
    check(recorder)


HEADERS = [
    b"X-Correlation-ID: a%0d%0aX-Evil: 1",
    b"X-Correlation-ID: \xe5\x98\x8d\xe5\x98\x8aX-Evil: 1",
    b"X-Correlation-ID: " + b"a" * 5_000,
    b"X-Correlation-ID: a b\tc",
    b"X-Correlation-ID: a\r\nX-Correlation-ID: b",
    b"traceparent: 00-x-evil",
    b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01, X-Evil: 1",
    b"X-Evil: 1\r\nCookie: evil=1\r\nX-Forwarded-For: 10.0.0.1",
    b"X-Supplygraph-Extensions: cost, x-evil: 1",
]


async def test_headers(recorder: Recorder, opened: tuple[Server, str]) -> None:
    server, token = opened
    body = b'{"query": "{ item(sku: \\"x\\") { sku } }"}'
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\nConnection: close\r\n%b\r\n\r\n"
    )
    port = int(server.url.rpartition(":")[2])
    for lines in HEADERS:
        heard = await say(port, head % (token.encode(), len(body), lines) + body)
        assert heard.status == 200
    assert len(recorder.heads) >= len(HEADERS)
    assert token.encode() not in b"".join(recorder.heads)
    check(recorder)
