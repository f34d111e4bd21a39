"""An installation as it is served: what it was asked is in its store when it has stopped."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.server.application import create_app
from app.server.ports import Serving
from app.server.sockets.protocol import SocketProtocol
from app.streaming import streaming_of
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from tests.app.cli.logged import Logged
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served
from tests.unit.app.manifest.sound import ENVIRON


async def test_what_was_asked_is_in_the_store(tmp_path: Path, valkey_url: str) -> None:
    logged = Logged(tmp_path)
    declared = load_manifest(logged.manifest, {**ENVIRON, "REDIS_URL": valkey_url})

    @asynccontextmanager
    async def opened() -> AsyncIterator[Serving]:
        async with open_installation(declared) as installation:
            yield installation

    def token(role: Role) -> str:
        return mint_development_token(ENVIRON["KEY"], "pia", [role], None, 600)

    app = create_app(opened, graphiql=None, schema=SCHEMA, streaming=streaming_of(declared))
    async with (
        served(app, ws=SocketProtocol, http="httptools") as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):

        async def ask(query: str, role: Role) -> Any:
            headers = {
                "Authorization": f"Bearer {token(role)}",
                "apollographql-client-name": "portal",
                "apollographql-client-version": "2",
            }
            reply = await client.post("/graphql", json={"query": query}, headers=headers)
            return reply.json()["data"]

        assert await ask("query Me { viewer { subject } }", Role.PLANNER)
        order = 'mutation Go { replayEvents(selection: {ids: ["e"]}, consumer: "x") { given } }'
        assert await ask(order, Role.OPERATOR)
        wanted = "{ catalog { types { name source { systems { system } } } } }"
        catalog = (await ask(wanted, Role.BUYER))["catalog"]
        [item] = [kind for kind in catalog["types"] if kind["name"] == "Item"]
        assert [s["system"] for s in item["source"]["systems"]] == ["erp", "planning"]
        bad = await client.post(
            "/graphql", json={"query": "{ a }"}, headers={"Authorization": "Bearer x"}
        )
        assert bad.status_code == 401
        found = await ask("{ auditEntries { nodes { kind action objects } } }", Role.AUDITOR)
        assert [node["kind"] for node in found["auditEntries"]["nodes"]][:1] == ["CHANGE_DONE"]

    def commands() -> tuple[list[str], Any, list[str]]:
        usage = logged.run("schema", "usage", "--field", "Viewer.subject").stdout.splitlines()
        audit = json.loads(logged.run("audit", "verify", "--json").stdout)
        return usage, audit, logged.run("audit", "tail").stdout.splitlines()

    usage, audit, tail = await asyncio.to_thread(commands)
    assert "1  Viewer.subject" in usage[0]
    assert "portal 2 (1)" in usage[0]
    assert (audit["unchanged"], audit["entries"]) == (True, 3)
    assert [line.split("  ")[1] for line in tail] == ["change.begun", "change.done", "refusal"]
