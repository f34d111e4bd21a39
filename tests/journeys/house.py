"""A whole house for tests: the demo's manifest over real simulators, served by a real server."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from msgspec import Struct

from app.installation import Installation, open_installation
from app.manifest.loading import Declaration, load_manifest
from app.server.application import create_app
from app.server.connection import HTTPConnection
from app.server.sockets.protocol import SocketProtocol
from app.streaming import streaming_of
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from sandbox.launch import Sandbox, Simulator
from sandbox.world.crosswalks import write_crosswalks
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served

ROOT: Final = Path(__file__).parents[2]
_DEMO: Final = (ROOT / "app" / "demo_manifest.yaml").read_text()
WITH_PROCESSES: Final = re.sub(r"watch: \{.*\}", "watch: {}", _DEMO)
"""The demo's, without watchers, whose calls would count too."""
MANIFEST: Final = WITH_PROCESSES[: WITH_PROCESSES.index("\nprocesses:\n")] + "\n"
"""The same for questions alone."""
JOINED: Final = (ROOT / "app" / "queries" / "1_joined_orders.graphql").read_text()
WEBHOOK_SECRET: Final = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
NAMES: Final = {"s4": "erp", "coupa": "procurement", "frepple": "planning"}

STUCK: Final = """{ exceptions { nodes { category state message } }
  processes { nodes { kind state outcome waitsFor steps { name state } } } }"""
"""What is in the way, when something does not come."""


class Reply(Struct):
    """An HTTP answer to a question."""

    status: int
    data: Any
    errors: Sequence[Mapping[str, Any]]
    cost: Mapping[str, Any]
    headers: Mapping[str, str]
    text: str
    seconds: float

    def calls(self) -> int:
        return sum(b["calls"] for b in self.cost.get("backends", {}).values())


class Served:
    """A running installation."""

    def __init__(self, client: httpx.AsyncClient, key: str, installation: Installation) -> None:
        self.client = client
        self.installation = installation
        self._key = key

    async def ask(
        self,
        question: str,
        role: Role | None = Role.PLANNER,
        *,
        suppliers: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Reply:
        """Ask a question over HTTP."""
        sent = {"X-Supplygraph-Extensions": "cost", **(headers or {})}
        if role is not None:
            sent["Authorization"] = f"Bearer {self.token(role, suppliers)}"
        response = await self.client.post(
            "/graphql", json={"query": question, "variables": variables}, headers=sent
        )
        body = response.json()
        cost = body.get("extensions", {}).get("supplygraph", {})
        return Reply(
            response.status_code,
            body.get("data"),
            body.get("errors", ()),
            cost,
            dict(response.headers),
            response.text,
            response.elapsed.total_seconds(),
        )

    async def until(
        self, question: str, right: Callable[[Any], bool], role: Role, **given: Any
    ) -> Any:
        """Ask until the answer is right; the data of it."""
        data: Any = None
        try:
            async with asyncio.timeout(60):
                while True:
                    reply = await self.ask(question, role, **given)
                    assert not reply.errors, reply.errors
                    data = reply.data
                    if right(data):
                        return data
                    await asyncio.sleep(0.05)
        except TimeoutError:
            stuck = (await self.ask(STUCK, Role.OPERATOR)).data
            pytest.fail(f"never came: {data}\n{stuck}")

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz says: its status and its body."""
        response = await self.client.get("/readyz")
        body: dict[str, Any] = response.json()
        return response.status_code, body

    def token(self, role: Role, suppliers: Sequence[str] | None = None) -> str:
        return mint_development_token(self._key, role.value, [role], suppliers, 3600)


class House(Served):
    """A running installation over the sandbox's systems."""

    def __init__(
        self, client: httpx.AsyncClient, key: str, sandbox: Sandbox, installation: Installation
    ) -> None:
        super().__init__(client, key, installation)
        self.sandbox = sandbox


class Simulators:
    """What the systems were asked, and how they misbehave."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._by_name: dict[str, Simulator] = {
            "erp": sandbox.s4,
            "procurement": sandbox.coupa,
            "planning": sandbox.frepple,
        }

    def reset(self) -> None:
        for simulator in self._by_name.values():
            httpx.post(simulator.control_url + "reset").raise_for_status()

    def log(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(self._by_name[name].control_url + "log").json()
        return found

    def calls(self, name: str) -> Counter[str]:
        """Requests by the last part of their path."""
        return Counter(e["path"].rstrip("/").rsplit("/", 1)[-1] for e in self.log(name))

    def faults(self, name: str, *rules: Mapping[str, Any]) -> None:
        address = self._by_name[name].control_url + "faults"
        httpx.put(address, json=list(rules)).raise_for_status()

    def limits(self, name: str, **limits: float) -> None:
        address = self._by_name[name].control_url + "limits"
        httpx.put(address, json=limits).raise_for_status()

    def add_order(self, name: str, **order: Any) -> None:
        address = self._by_name[name].control_url + "orders"
        httpx.post(address, json=order).raise_for_status()


def environment(sandbox: Sandbox, key: str, redis_url: str) -> dict[str, str]:
    """What the demo's manifest takes from the environment."""
    found = {"SUPPLYGRAPH_DEVELOPMENT_KEY": key, "REDIS_URL": redis_url}
    found["DEMO_PROCUREMENT_WEBHOOK_SECRET"] = WEBHOOK_SECRET
    for name, simulator in (
        ("ERP", sandbox.s4),
        ("PROCUREMENT", sandbox.coupa),
        ("PLANNING", sandbox.frepple),
    ):
        found[f"DEMO_{name}_URL"] = simulator.url
        found[f"DEMO_{name}_USER"] = simulator.user
        found[f"DEMO_{name}_PASSWORD"] = simulator.password
    return found


def declare(
    sandbox: Sandbox, folder: Path, redis_url: str, manifest: str = MANIFEST, *, key: str = ""
) -> Declaration:
    """Read a manifest over the sandbox's systems."""
    crosswalks = folder / "crosswalks"
    crosswalks.mkdir(exist_ok=True)
    write_crosswalks(sandbox.world, crosswalks)
    file = folder / "supplygraph.yaml"
    file.write_text(manifest)
    return load_manifest(file, environment(sandbox, key or new_development_key(), redis_url))


@asynccontextmanager
async def open_house(
    sandbox: Sandbox, folder: Path, redis_url: str, manifest: str = MANIFEST, *, key: str = ""
) -> AsyncIterator[House]:
    """Serve a manifest over the sandbox's systems."""
    key = key or new_development_key()
    declared = declare(sandbox, folder, redis_url, manifest, key=key)
    async with serving(declared, key) as it:
        yield House(it.client, key, sandbox, it.installation)


@asynccontextmanager
async def serving(declared: Declaration, key: str) -> AsyncIterator[Served]:
    """Serve what a manifest declares, whose development key is this one."""
    opened: list[Installation] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Installation]:
        async with open_installation(declared) as installation:
            opened.append(installation)
            yield installation

    app = create_app(opening, graphiql=None, schema=SCHEMA, streaming=streaming_of(declared))
    async with (
        served(app, http=HTTPConnection, ws=SocketProtocol) as server,
        httpx.AsyncClient(base_url=server.url, timeout=120) as client,
    ):
        yield Served(client, key, opened[0])
