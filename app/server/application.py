"""The web application: routes over an installation that lives as long as it does.

GraphQL is answered by an ASGI application of its own, without Starlette in between; everything else
is Starlette's.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import strawberry
from msgspec import Struct
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from app.ingest.bulk import bulk_routes
from app.ingest.desks import Ingestion
from app.ingest.webhooks import hook_routes
from app.server.catalogue import catalogue_routes
from app.server.connection import EDGE
from app.server.counting import Counted
from app.server.cross_origin import CrossOriginApp
from app.server.drain import Drain, drained_before_signals
from app.server.endpoint import Endpoint, answer_later
from app.server.health import health_routes
from app.server.operator import Operator
from app.server.pages import graphiql_routes
from app.server.ports import GraphiQLConfig, Serving
from app.server.sockets.protocol import SWITCHBOARD
from app.server.stream_settings import StreamSettings
from app.server.streams import Streams
from app.server.switchboard import Switchboard
from schema.api import build_schema

_GRAPHQL: Final = "/graphql"

OpenInstallation = Callable[[], AbstractAsyncContextManager[Serving]]
"""Opens the installation when the application starts, and closes it when it stops."""


OpenStreams = Callable[[Operator, Serving], AbstractAsyncContextManager[Streams]]
"""Opens what begins subscriptions over an installation, and closes it before the installation."""


class Streaming(Struct, frozen=True, kw_only=True):
    """How subscriptions are served.

    Attributes:
        streams: Opens what begins them; None where there are none.
        settings: What their connections may take.
    """

    streams: OpenStreams | None = None
    settings: StreamSettings = StreamSettings()


class _Desk:
    """What answers, while there is something that does. An ASGI application of its own."""

    def __init__(self) -> None:
        self.drain = Drain()
        self.serving: Serving | None = None
        self.endpoint: ASGIApp = answer_later

    @property
    def ingestion(self) -> Ingestion | None:
        """What takes in what systems send."""
        return None if self.serving is None else self.serving.ingestion

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.endpoint(scope, receive, send)


class Application(Starlette):
    """Starlette's, but for GraphQL."""

    def __init__(self, desk: _Desk, **parts: Any) -> None:
        super().__init__(**parts)
        self._desk = desk

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == _GRAPHQL:
            await self._desk.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    installation: OpenInstallation,
    *,
    graphiql: GraphiQLConfig | None,
    schema: strawberry.Schema | None = None,
    streaming: Streaming = Streaming(),  # noqa: B008  # it is frozen
    drain_s: float = 20.0,
) -> Starlette:
    """The application.

    Args:
        installation: Opens what answers.
        graphiql: What GraphiQL opens with; None leaves it out.
        schema: The published schema, if it is built already.
        streaming: What subscriptions come from, and what their connections may take.
        drain_s: Longest time that operations may take to end when the process is told to stop.
    """
    desk = _Desk()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with installation() as serving:
            operator = Operator(schema or build_schema(serving.access), serving)
            desk.serving = serving
            try:
                async with _board(streaming, operator, serving, desk.drain) as board:
                    desk.endpoint = _endpoint(board, serving)
                    with (
                        drained_before_signals(desk.drain, drain_s),
                        desk.drain.told_to_give_up(board.give_up),
                    ):
                        yield {"drain": desk.drain, SWITCHBOARD: board, EDGE: serving.edge}
            finally:
                desk.serving, desk.endpoint = None, answer_later
                await operator.demand.aclose()

    routes = [
        Route(_GRAPHQL, desk),
        *health_routes(lambda: desk.serving, desk.drain),
        *catalogue_routes(),
        *bulk_routes(lambda: None if (found := desk.ingestion) is None else found.files),
        *hook_routes(lambda: None if (found := desk.ingestion) is None else found.hooks),
        *(graphiql_routes(graphiql) if graphiql is not None else []),
    ]
    return Application(
        desk, routes=routes, lifespan=lifespan, middleware=[Middleware(Counted, beside=_GRAPHQL)]
    )


def _endpoint(board: Switchboard, serving: Serving) -> ASGIApp:
    endpoint, allowed = Endpoint(board, serving), serving.edge.cross_origin
    return endpoint if allowed is None else CrossOriginApp(endpoint, allowed)


@asynccontextmanager
async def _board(
    streaming: Streaming, operator: Operator, serving: Serving, drain: Drain
) -> AsyncIterator[Switchboard]:
    if streaming.streams is None:
        yield Switchboard(operator, None, serving, drain, streaming.settings)
        return
    async with streaming.streams(operator, serving) as streams:
        yield Switchboard(operator, streams, serving, drain, streaming.settings)
