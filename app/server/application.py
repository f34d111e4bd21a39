"""The web application: routes over an installation that lives as long as it does."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.server.endpoint import Endpoint
from app.server.health import health_routes
from app.server.operator import Operator
from app.server.pages import graphiql_routes
from app.server.ports import GraphiQLConfig, Serving
from schema.api import build_schema

OpenInstallation = Callable[[], AbstractAsyncContextManager[Serving]]
"""Opens the installation when the application starts, and closes it when it stops."""


def create_app(installation: OpenInstallation, *, graphiql: GraphiQLConfig | None) -> Starlette:
    """The application.

    Args:
        installation: Opens what answers.
        graphiql: What GraphiQL opens with; None leaves it out.
    """
    state: dict[str, tuple[Serving, Endpoint]] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with installation() as serving:
            operator = Operator(build_schema(), serving)
            state["open"] = (serving, Endpoint(operator, serving))
            try:
                yield
            finally:
                state.clear()

    async def graphql(request: Request) -> Response:
        opened = state.get("open")
        if opened is None:
            return JSONResponse(
                {"errors": [{"message": "starting or stopping; try again shortly"}]},
                503,
                {"Retry-After": "1"},
            )
        return await opened[1](request)

    def serving_now() -> Serving | None:
        opened = state.get("open")
        return None if opened is None else opened[0]

    routes = [
        Route("/graphql", graphql, methods=["GET", "POST"]),
        *health_routes(serving_now),
        *(graphiql_routes(graphiql) if graphiql is not None else []),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
