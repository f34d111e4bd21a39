"""Counts what was answered, by route and class of status."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.telemetry.metrics import Route, request_answered

_ROUTES: Final = {
    "/": Route.PAGES,
    "/graphql": Route.GRAPHQL,
    "/healthz": Route.HEALTH,
    "/readyz": Route.HEALTH,
    "/metrics": Route.METRICS,
}


class Counted:
    """An application whose answers are counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                request_answered(_route(scope["path"]), message["status"])
            await send(message)

        await self._app(scope, receive, counting if scope["type"] == "http" else send)


def _route(path: str) -> Route:
    pages = path == "/graphiql" or path.startswith("/graphiql/")
    return Route.PAGES if pages else _ROUTES.get(path, Route.OTHER)
