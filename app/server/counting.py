"""Counts what was answered, by route and class of status. The GraphQL route counts for itself."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.telemetry.metrics import Route, request_answered

_ROUTES: Final = {
    "/": Route.PAGES,
    "/healthz": Route.HEALTH,
    "/readyz": Route.HEALTH,
    "/metrics": Route.METRICS,
}


class Counted:
    """An application whose answers are counted.

    Args:
        app: The application.
        beside: The path that counts for itself.
    """

    def __init__(self, app: ASGIApp, beside: str) -> None:
        self._app = app
        self._beside = beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                request_answered(_route(scope["path"]), message["status"])
            await send(message)

        counted = scope["type"] == "http" and scope["path"] != self._beside
        await self._app(scope, receive, counting if counted else send)


def _route(path: str) -> Route:
    pages = path == "/graphiql" or path.startswith("/graphiql/")
    return Route.PAGES if pages else _ROUTES.get(path, Route.OTHER)
