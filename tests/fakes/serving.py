"""An installation over sources in memory, served with real HTTP on a free port of loopback."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from app.processes.running import RunningProcesses
from app.residency import territory_of
from app.server.application import Streaming, create_app
from app.server.connection import HTTPConnection
from app.server.drain import Drain
from app.server.edge import Edge
from app.server.ports import (
    EventDesk,
    Governance,
    GraphiQLConfig,
    OperationLimits,
    Serves,
    Serving,
    Tokens,
)
from app.server.sockets.protocol import SWITCHBOARD, SocketProtocol
from app.server.switchboard import Switchboard
from canonical.ports import Ask, Source
from execution.scheduling import LevelScheduler
from loaders.catalog import EVERYWHERE, Territory
from loaders.context import ReadContext
from loaders.reads import Reads
from resolvers.context import DeclaredUnits, Limits
from runtime.security.access_table import AccessTable
from runtime.security.development import (
    development_config,
    mint_development_token,
    new_development_key,
)
from runtime.security.principal import Principal, Role
from runtime.security.tokens import TokenVerifier
from tests.fakes.desk import SCHEMA, Desk
from tests.fixtures.server import served

KEY = new_development_key()


class FakeServing:
    """Keeps the promises of `app.server.ports.Serving` over a desk's readers."""

    def __init__(self, *sources: Source, **limits: Any) -> None:
        self.desk = Desk(*sources)
        self.limits = Limits()
        self.operation_limits = OperationLimits(**limits)
        self.serves = Serves()
        self.edge = Edge()
        self.events = EventDesk()
        self.governance = Governance()
        self.ingestion = None
        self.processes = RunningProcesses()
        self.units: DeclaredUnits = {}
        self.access: AccessTable | None = None
        self.tokens: Tokens = TokenVerifier(development_config(KEY))
        self.state: dict[str, Any] = {
            "cache": {"connected": True},
            "events": {"connected": True},
            "backends": {"erp": {"state": "ok"}, "planning": {"state": "ok"}},
        }
        self.asks: list[Ask] = []

    def reads(self, scheduler: LevelScheduler, context: ReadContext) -> Reads:
        self.asks.append(context.ask)
        desk = self.desk
        return Reads(desk.catalog, desk.keyed, desk.lists, scheduler, context)

    def territory(self, principal: Principal | None) -> Territory:
        return EVERYWHERE if principal is None else territory_of(principal, {}, frozenset())

    def health(self) -> Mapping[str, Any]:
        return self.state


def a_token(
    role: Role = Role.PLANNER, *suppliers: str, now: float | None = None, subject: str = "pia"
) -> str:
    """A token that `FakeServing` accepts."""
    return mint_development_token(KEY, subject, [role], suppliers or None, 600, now)


class Site:
    """A server that is up, and a client of it."""

    def __init__(self, server: uvicorn.Server, client: httpx.AsyncClient) -> None:
        self.server = server
        self.client = client

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        port = self.client.base_url.port
        assert port is not None
        return port

    @property
    def drain(self) -> Drain:
        """The application's."""
        drain = self.server.lifespan.state["drain"]
        assert isinstance(drain, Drain)
        return drain

    @property
    def board(self) -> Switchboard:
        """The application's."""
        board = self.server.lifespan.state[SWITCHBOARD]
        assert isinstance(board, Switchboard)
        return board

    async def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = "",
        **headers: str,
    ) -> httpx.Response:
        """Ask a question by POST, as a planner where nothing else is said."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token or a_token()}"
        body = {"query": query, "variables": variables}
        return await self.client.post("/graphql", json=body, headers=sent)


@asynccontextmanager
async def running(
    serving: Serving,
    *,
    graphiql: GraphiQLConfig | None = None,
    streaming: Streaming = Streaming(),  # noqa: B008  # it is frozen
) -> AsyncIterator[Site]:
    """Serve an installation in the loop of the test."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Serving]:
        yield serving

    app = create_app(opened, graphiql=graphiql, schema=SCHEMA, streaming=streaming)
    settings: dict[str, Any] = {"http": HTTPConnection, "timeout_graceful_shutdown": 2}
    async with (
        served(app, ws=SocketProtocol, **settings) as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):
        yield Site(server, client)
