"""Health: whether the process lives, and whether what it depends on is there."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.server.drain import Drain
from app.server.ports import Serving
from runtime.telemetry import metrics

_NOW: Final = {"Cache-Control": "no-store"}
_LATER: Final = {**_NOW, "Retry-After": "1"}
_DOWN: Final = frozenset({"open", "down"})


def health_routes(serving: Callable[[], Serving | None], drain: Drain) -> list[BaseRoute]:
    """The routes of health and metrics.

    Args:
        serving: The installation; None while it is opened or closed.
        drain: Whether the process is stopping.
    """

    async def alive(_: Request) -> Response:
        return _json({"status": "ok"}, usable=True)

    async def ready(_: Request) -> Response:
        """Ready as long as something useful can be answered: a system may be down, all may not."""
        installation = serving()
        if installation is None or drain.stopping:
            status = "stopping" if drain.stopping else "starting"
            return _json({"status": status}, usable=False)
        health = installation.health()
        status = _status(health)
        return _json({"status": status, **health}, usable=status != "unavailable")

    async def figures(_: Request) -> Response:
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE, headers=_NOW)

    return [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", figures),
    ]


def _json(body: Mapping[str, Any], *, usable: bool) -> Response:
    status, headers = (200, _NOW) if usable else (503, _LATER)
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def _status(health: Mapping[str, Any]) -> str:
    backends = health["backends"].values()
    up = [b for b in backends if b.get("state", "ok") not in _DOWN]
    if backends and not up:
        return "unavailable"
    there = (health[part].get("connected") is not False for part in ("cache", "events"))
    return "ok" if len(up) == len(backends) and all(there) else "degraded"
