"""GraphiQL from our own files, under a policy that lets it load nothing from elsewhere."""

from pathlib import Path
from typing import Final

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from app.server.ports import GraphiQLConfig

FILES: Final = Path(__file__).parents[1] / "static" / "graphiql"
POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_FOREVER: Final = "public, max-age=31536000, immutable"


class _Assets(StaticFiles):
    """Files whose names change with their content. What is not there is refused further out."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def under_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update({**_HEADERS, "Cache-Control": _FOREVER})
            await send(message)

        await super().__call__(scope, receive, under_policy)


def graphiql_routes(config: GraphiQLConfig) -> list[BaseRoute]:
    """The routes of the page, its files and its set-up."""
    setup = msgspec.json.encode(
        {"endpoint": "/graphql", "tabs": config.tabs, "tokens": config.tokens}
    )

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphiql")

    async def page(_: Request) -> Response:
        return _file("index.html", "text/html; charset=utf-8")

    async def icon(_: Request) -> Response:
        return _file("icon.svg", "image/svg+xml")

    async def licenses(_: Request) -> Response:
        return _file("licenses.md", "text/markdown; charset=utf-8")

    async def settings(_: Request) -> Response:
        headers = {**_HEADERS, "Cache-Control": "no-store"}
        return Response(setup, headers=headers, media_type="application/json")

    return [
        Route("/", home),
        Route("/graphiql", page),
        Route("/graphiql/", page),
        Route("/graphiql/icon.svg", icon),
        Route("/graphiql/licenses.md", licenses),
        Route("/graphiql/config.json", settings),
        Mount("/graphiql/assets", _Assets(directory=FILES / "assets")),
    ]


def _file(name: str, kind: str) -> FileResponse:
    return FileResponse(
        FILES / name, media_type=kind, headers={**_HEADERS, "Cache-Control": "no-cache"}
    )
