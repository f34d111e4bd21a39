"""This server as the benchmarks start it: as shipped, but for what the environment says.

BENCH_TOKEN     a token that is put into every request, for load generators that send no headers;
                it is verified each time as any other
BENCH_WALKED    1: every operation is walked field by field by graphql-core, as in a plain server
BENCH_COLD_L1   1: nothing is found in the process, so that every record comes from Redis

python -m bench.kit.app --port 8000 [--workers 2]
"""

import argparse
import os
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from app import asgi
from app.serve import config_of, listen
from execution.engine import Engine
from runtime.cache.record_cache import RecordCache

TOKEN = "BENCH_TOKEN"  # noqa: S105  # a variable's name
WALKED = "BENCH_WALKED"
COLD_L1 = "BENCH_COLD_L1"


class Bearing:
    """Puts a token into every request that has none."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._header = (b"authorization", f"Bearer {token}".encode("ascii"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] == "http":
            scope["headers"].append(self._header)
        await self._inner(scope, receive, send)


def application() -> ASGIApp:
    """The application that the environment describes."""
    if os.environ.get(WALKED) == "1":
        _walk_everything()
    if os.environ.get(COLD_L1) == "1":
        _find_nothing_in_the_process()
    token = os.environ.get(TOKEN)
    served = asgi.application()
    return Bearing(served, token) if token else served


def _walk_everything() -> None:
    defaults: dict[str, Any] = Engine.__init__.__kwdefaults__ or {}
    if "planned" in defaults:
        defaults["planned"] = False


def _find_nothing_in_the_process() -> None:
    inner = RecordCache.get_many

    async def get_many(self: RecordCache, *given: Any, **more: Any) -> Any:
        self._l1.clear()  # a process that has just started
        return await inner(self, *given, **more)

    RecordCache.get_many = get_many  # type: ignore[method-assign]  # see above


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="bench.kit.app")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    bound = listen("127.0.0.1", given.port)
    config = config_of("bench.kit.app:application", factory=True, workers=given.workers)
    if given.workers > 1:
        Multiprocess(config, sockets=[bound]).run()
    else:
        uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
