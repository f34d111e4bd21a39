"""Page styles, keys and errors over real HTTP and the real transport, declared in few words."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    UnavailableError,
)
from canonical.ports import Ask
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset, RowQuery
from connectors.kit.services import Services
from connectors.kit.transport_open import open_transport
from connectors.rest import RestReader, reader
from tests.fakes.asks import NoMeter
from tests.fixtures.server import served

ROWS = [{"id": n, "code": f"A/{n} ü"} for n in range(1, 12)]
THINGS = Dataset("things", ("id",))


class Things:
    """A service that gives the same rows in every style, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.app = Starlette(
            routes=[
                Route("/{style}/things", self._listed),
                Route("/{style}/things/{key:path}", self._single),
                Route("/{style}/search", self._searched, methods=["POST"]),
            ]
        )

    def _listed(self, request: Request) -> Response:
        style = request.path_params["style"]
        self.asked.append(str(request.url.query))
        answers: Mapping[str, Callable[[Request], Response]] = {
            "offset": self._by_offset,
            "link": self._linked,
            "elsewhere": self._linked,
            "next": self._next,
            "problem": lambda _: _problem(400, "colour is no field of things"),
            "gone": lambda _: _problem(404, "moved away"),
            "html": lambda _: HTMLResponse("<html>please log in</html>"),
            "fault": lambda _: JSONResponse({"rows": [], "fault": {"text": "locked"}}),
        }
        return answers[style](request)

    def _by_offset(self, request: Request) -> Response:
        start, most = (int(request.query_params[n]) for n in ("offset", "limit"))
        return JSONResponse(ROWS[start : start + most], headers={"X-Total-Count": str(len(ROWS))})

    def _linked(self, request: Request) -> Response:
        page = int(request.query_params.get("page", "0"))
        rows = ROWS[page * 4 : page * 4 + 4]
        links = ['</first>; rel="first"']
        if page * 4 + 4 < len(ROWS):
            host = "http://inner.test:9" if "elsewhere" in request.url.path else ""
            links.append(f'<{host}{request.url.path}?page={page + 1}>; rel="next"')
        return JSONResponse(rows, headers={"Link": ", ".join(links)})

    def _next(self, request: Request) -> Response:
        start = int(request.query_params.get("from", "0"))
        following = f"?from={start + 5}" if start + 5 < len(ROWS) else None
        return JSONResponse({"data": ROWS[start : start + 5], "links": {"next": following}})

    async def _single(self, request: Request) -> Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        found = next((r for r in ROWS if r["code"] == request.path_params["key"]), None)
        return JSONResponse(found) if found else _problem(404, "no such thing")

    async def _searched(self, request: Request) -> Response:
        wanted = (await request.json())["ids"]
        self.asked.append(str(len(wanted)))
        return JSONResponse({"hits": {str(r["id"]): r for r in ROWS if r["id"] in wanted}})


def _problem(status: int, detail: str) -> Response:
    body = {"type": "about:blank", "title": "Sorry", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


Opening = Callable[..., AbstractAsyncContextManager[RestReader]]


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
async def opening(things: Things) -> AsyncIterator[Opening]:
    """Opens a reader of one style, with settings and a policy."""
    async with served(things.app, ws="none", lifespan="off") as server:

        @asynccontextmanager
        async def opened(
            style: str, settings: Mapping[str, Any], **policy: Any
        ) -> AsyncIterator[RestReader]:
            bounds = CallPolicy(retries=0, **policy)
            services = Services(environ={}, base_dir=Path())
            transport = open_transport("wms", f"{server.url}/{style}", bounds, services)
            try:
                yield reader(transport, settings, bounds)
            finally:
                await transport.aclose()

        yield opened


def _ask() -> Ask:
    return Ask(asyncio.get_running_loop().time() + 20, "styles", NoMeter())


async def _ids(wms: RestReader) -> list[int]:
    found: list[int] = []
    cursor: str | None = None
    while True:
        page = await wms.page(RowQuery(THINGS), cursor, _ask())
        found += [row["id"] for row in page.rows]
        if page.next is None:
            return found
        cursor = page.next


@pytest.mark.parametrize(
    "style, settings, requests",
    [
        ("offset", {"pages": {"style": "offset", "size": 4}}, 3),
        ("link", {"pages": {"style": "link"}}, 3),
        ("elsewhere", {"pages": {"style": "link"}}, 3),
        ("next", {"rows": "/data", "pages": {"style": "next_url", "next": "/links/next"}}, 3),
    ],
)
async def test_a_whole_list(
    opening: Opening, things: Things, style: str, settings: Mapping[str, Any], requests: int
) -> None:
    async with opening(style, settings) as wms:
        assert await _ids(wms) == list(range(1, 12))
    assert len(things.asked) == requests


async def test_a_total_in_a_header(opening: Opening) -> None:
    settings = {"pages": {"style": "offset", "size": 4}, "total_header": "X-Total-Count"}
    async with opening("offset", settings) as wms:
        page = await wms.page(RowQuery(THINGS, count=True), None, _ask())
    assert (len(page.rows), page.total) == (4, 11)


async def test_a_link_to_another_host_is_never_followed_there(opening: Opening) -> None:
    async with opening("elsewhere", {"pages": {"style": "link"}}, rebase_links=False) as wms:
        with pytest.raises(BadAnswerError, match="link to another address"):
            await _ids(wms)


async def test_single_requests_side_by_side_within_the_bound(
    opening: Opening, things: Things
) -> None:
    many = {"code": {"style": "singles", "path": "things/{key}"}}
    data = Dataset("things", ("id",), {"many": many})
    codes = [row["code"] for row in ROWS]
    async with opening("offset", {}, max_concurrency=3) as wms:
        batch = await wms.by_values(data, "code", [*codes, "A/99"], (), _ask())
    assert sorted(row["id"] for row in batch.rows) == list(range(1, 12))
    assert batch.failures == {}
    assert things.most_at_once == 3


async def test_a_search_with_a_body(opening: Opening, things: Things) -> None:
    many = {"id": {"style": "body", "path": "search", "body": {"ids": "{values}"}}}
    data = Dataset("things", ("id",), {"many": many, "rows": "/hits", "rows_by": "key"})
    async with opening("offset", {}, max_keys_per_request=5) as wms:
        batch = await wms.by_values(data, "id", range(1, 12), (), _ask(), kind="integer")
    assert sorted(row["id"] for row in batch.rows) == list(range(1, 12))
    assert all(row["key"] == str(row["id"]) for row in batch.rows)
    assert sorted(things.asked) == ["1", "5", "5"]


@pytest.mark.parametrize(
    "style, error, said",
    [
        ("problem", InvalidInputError, "colour is no field of things"),
        ("gone", MisconfiguredError, "moved away"),
        ("html", BadAnswerError, "a web page"),
        ("fault", BadAnswerError, "text: locked"),
    ],
)
async def test_errors(opening: Opening, style: str, error: type[Exception], said: str) -> None:
    settings = {"rows": "/rows", "error_in_success": "/fault"}
    async with opening(style, settings) as wms:
        with pytest.raises(error, match=said):
            await wms.page(RowQuery(THINGS), None, _ask())


async def test_a_system_that_is_not_there() -> None:
    services = Services(environ={}, base_dir=Path())
    policy = CallPolicy(retries=0)
    transport = open_transport("wms", "http://127.0.0.1:1", policy, services)
    with pytest.raises(UnavailableError):
        await reader(transport, {}, policy).page(RowQuery(THINGS), None, _ask())
    await transport.aclose()
