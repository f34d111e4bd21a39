"""A small site with our pages and a pretend GraphQL endpoint, under the strict content policy.

The pages know their server by three addresses only: the files under /graphiql, the set-up at
/graphiql/config.json and the endpoint that the set-up names.
"""

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from graphql import build_schema, graphql_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PAGES = Path(__file__).parents[2] / "app" / "static" / "graphiql"
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
SCHEMA = build_schema(
    """
    type Query { item(sku: String!): Item }
    type Item { sku: String!, onHand: String! }
    """
)
SETUP: dict[str, Any] = {
    "endpoint": "/graphql",
    "tabs": [
        {
            "title": "One item and its stock",
            "query": "query Stock($sku: String!) { item(sku: $sku) { sku onHand } }",
            "variables": '{"sku": "BOLT-8"}',
            "headers": '{"X-Correlation-ID": "from-the-tab"}',
        },
        {
            "title": "The same, said otherwise",
            "query": 'query Other { item(sku: "NUT-8") { sku } }',
        },
    ],
    "tokens": [
        {"role": "planner", "token": "token-of-planner"},
        {"role": "supplier", "token": "token-of-supplier"},
    ],
}


def _application() -> Starlette:
    async def graphql(request: Request) -> Response:
        body = await request.json()
        result = graphql_sync(
            SCHEMA,
            body["query"],
            {"item": lambda _info, sku: {"sku": sku, "onHand": "12.50"}},
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
        )
        return JSONResponse(result.formatted)

    async def setup(_request: Request) -> Response:
        return JSONResponse(SETUP)

    async def page(_request: Request) -> Response:
        return FileResponse(PAGES / "index.html")

    async def policy(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["POST"]),
            Route("/graphiql", page),
            Route("/graphiql/config.json", setup),
            Mount("/graphiql", StaticFiles(directory=PAGES)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=policy)],
    )


@contextmanager
def running_site() -> Iterator[str]:
    """Serves on a free port of loopback, whose address it yields, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(_application(), log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()
