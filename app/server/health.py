"""Health: whether the process lives, and whether what it depends on is there."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.server.ports import Serving
from runtime.telemetry import metrics


def health_routes(serving: Callable[[], Serving | None]) -> list[BaseRoute]:
    """The routes of health and metrics.

    Args:
        serving: The installation; None while it is opened or closed.
    """

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def ready(_: Request) -> Response:
        """Ready as long as something useful can be answered: a system may be down, all may not."""
        installation = serving()
        headers = {"Cache-Control": "no-store"}
        if installation is None:
            return JSONResponse({"status": "starting"}, 503, {**headers, "Retry-After": "1"})
        health = installation.health()
        backends = health["backends"].values()
        up = [b for b in backends if b.get("state", "ok") not in {"open", "down"}]
        degraded = len(up) < len(backends) or not health["cache"].get("connected", True)
        usable = bool(up) or not backends
        status = "unavailable" if not usable else "degraded" if degraded else "ok"
        body = {"status": status, **health}
        return JSONResponse(body, 200 if usable else 503, headers)

    async def figures(_: Request) -> Response:
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)

    return [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", figures),
    ]
