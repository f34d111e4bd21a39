"""The web application: routes over an installation that lives as long as it does.

GraphQL is answered by an ASGI application of its own, without Starlette in between; everything else
is Starlette's.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import strawberry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from app.server.catalogue import catalogue_routes
from app.server.counting import Counted
from app.server.drain import Drain, drained_before_signals
from app.server.endpoint import Endpoint, answer_later
from app.server.health import health_routes
from app.server.operator import Operator
from app.server.pages import graphiql_routes
from app.server.ports import GraphiQLConfig, Serving
from schema.api import build_schema

_GRAPHQL: Final = "/graphql"

OpenInstallation = Callable[[], AbstractAsyncContextManager[Serving]]
"""Opens the installation when the application starts, and closes it when it stops."""


class _Desk:
    """What answers, while there is something that does. An ASGI application of its own."""

    def __init__(self) -> None:
        self.drain = Drain()
        self.serving: Serving | None = None
        self.endpoint: ASGIApp = answer_later

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
    drain_s: float = 20.0,
) -> Starlette:
    """The application.

    Args:
        installation: Opens what answers.
        graphiql: What GraphiQL opens with; None leaves it out.
        schema: The published schema, if it is built already.
        drain_s: Longest time that operations may take to end when the process is told to stop.
    """
    desk = _Desk()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with installation() as serving:
            operator = Operator(schema or build_schema(), serving)
            desk.serving, desk.endpoint = serving, Endpoint(operator, serving, desk.drain)
            try:
                with drained_before_signals(desk.drain, drain_s):
                    yield {"drain": desk.drain}
            finally:
                desk.serving, desk.endpoint = None, answer_later

    routes = [
        Route(_GRAPHQL, desk),
        *health_routes(lambda: desk.serving, desk.drain),
        *catalogue_routes(),
        *(graphiql_routes(graphiql) if graphiql is not None else []),
    ]
    return Application(
        desk, routes=routes, lifespan=lifespan, middleware=[Middleware(Counted, beside=_GRAPHQL)]
    )
