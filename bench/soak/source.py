"""The system of the soak that is watched: orders over HTTP, by id or by the time of their change.

    /orders?id=...   /orders?updated_at[gte]=...&sort=updated_at&limit=&offset=

It lives in the process of the soak, and outlives every trouble.
"""

import asyncio
import json
import socket
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_AT: Final = itemgetter("updated_at")


class SourceSystem:
    """Orders, in the order of their changes."""

    def __init__(self) -> None:
        self._rows: list[dict[str, str]] = []
        self._by_id: dict[str, dict[str, str]] = {}

    def add(self, number: str, supplier: str) -> dict[str, str]:
        """A new order; its row."""
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        row = {"id": number, "supplier": supplier, "status": "OPEN", "updated_at": at}
        self._rows.append(row)
        self._by_id[number] = row
        return row

    async def orders(self, request: Request) -> Response:
        """What is asked for."""
        asked = request.query_params
        if asked.get("updated_at[blank]") == "true":
            return _answer([])
        if "id" in asked:
            names = asked["id"].split(",")
            return _answer([self._by_id[n] for n in names if n in self._by_id])
        first = int(asked.get("offset", 0))
        if since := asked.get("updated_at[gte]"):
            at = datetime.fromisoformat(since).astimezone(UTC).isoformat(timespec="microseconds")
            first += bisect_left(self._rows, at, key=_AT)
        return _answer(self._rows[first : first + int(asked["limit"])])


def _answer(rows: list[Any]) -> Response:
    return Response(json.dumps(rows), media_type="application/json")


@asynccontextmanager
async def served(source: SourceSystem) -> AsyncIterator[str]:
    """Answer while the block lasts, in a thread; the address."""
    app = Starlette(routes=[Route("/orders", source.orders)])
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(asyncio.to_thread(server.run, [bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
