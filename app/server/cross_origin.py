"""Pages of other origins that may read answers (CORS, in the Fetch standard).

Wraps the GraphQL route where a manifest names such origins; otherwise nothing of this is said, and
browsers keep answers from all pages but our own.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.server.edge import CrossOrigin
from runtime.telemetry.correlation import HEADER

_METHODS: Final = b"GET, HEAD, POST"
_EXPOSED: Final = f"{HEADER}, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate"
_VARY: Final = b"vary"
_ORIGIN: Final = b"Origin"


class CrossOriginApp:
    """An application that tells browsers which pages may read what it answers.

    Args:
        app: The application.
        allowed: Which pages may.
    """

    def __init__(self, app: ASGIApp, allowed: CrossOrigin) -> None:
        self._app = app
        self._allowed = allowed
        self._answered = [(b"access-control-expose-headers", _EXPOSED.encode())]
        self._asked = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", b"%d" % allowed.max_age_s),
            (_VARY, b"Origin, Access-Control-Request-Headers"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or a browser that asks whether there may be one."""
        headers = dict(scope["headers"])
        named = self._named(headers.get(b"origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await self._preflight(headers, named, send)
            return

        async def named_to(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [*named, *self._answered] if named else []
                message["headers"] = [*_varied(message["headers"]), *more]
            await send(message)

        await self._app(scope, receive, named_to)

    def _named(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """What says to a browser that a page may read; empty where it may not."""
        if origin is None or origin.decode("latin-1").lower() not in self._allowed.origins:
            return []
        named = [(b"access-control-allow-origin", origin)]
        if self._allowed.credentials:
            named.append((b"access-control-allow-credentials", b"true"))
        return named

    async def _preflight(
        self, headers: dict[bytes, bytes], named: list[tuple[bytes, bytes]], send: Send
    ) -> None:
        told = [(_VARY, _ORIGIN)]
        if named:
            told = [*named, *self._asked]
            if wanted := headers.get(b"access-control-request-headers"):
                told.append((b"access-control-allow-headers", wanted))
        await send({"type": "http.response.start", "status": 204, "headers": told})
        await send({"type": "http.response.body", "body": b""})


def _varied(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers that say that an answer depends on who reads it."""
    told = [value + b", " + _ORIGIN for name, value in headers if name == _VARY]
    return [h for h in headers if h[0] != _VARY] + [(_VARY, told[0] if told else _ORIGIN)]
