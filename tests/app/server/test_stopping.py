"""Stopping: what has begun is answered within a bound, what comes later is put off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import httpx
import pytest
from starlette.applications import Starlette

from app.server.application import create_app
from app.server.ports import Serving
from tests.fakes.desk import SCHEMA
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, running

ITEMS = "{ items { nodes { sku } } }"


async def told_to_stop(site: Site) -> None:
    site.server.should_exit = True
    while not site.server.lifespan.state["drain"].stopping:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)


async def test_what_has_begun_is_answered_and_what_comes_later_is_503(
    site: Site, world: Distributor
) -> None:
    world.items.delay_s = 0.8
    begun = asyncio.ensure_future(site.ask(ITEMS))
    while not world.items.asked:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)
    await told_to_stop(site)

    late = await site.ask(ITEMS)
    assert late.status_code == 503
    assert late.headers["retry-after"] == "1"
    assert late.headers["connection"] == "close"
    assert late.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    ready = await site.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "stopping"})
    assert (await site.client.get("/healthz")).status_code == 200

    answer = await begun
    assert answer.status_code == 200
    assert len(answer.json()["data"]["items"]["nodes"]) == 10


async def test_what_takes_longer_than_the_bound_is_given_up_with_503(
    world: Distributor, capfd: pytest.CaptureFixture[str]
) -> None:
    world.items.delay_s = 60
    started = perf_counter()
    async with running(FakeServing(*world.sources), drain_s=0.3) as site:
        begun = asyncio.ensure_future(site.ask(ITEMS))
        while not world.items.asked:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        await told_to_stop(site)
        answer = await begun
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
    assert perf_counter() - started < 5
    assert capfd.readouterr() == ("", "")


async def test_an_idle_server_stops_at_once(world: Distributor) -> None:
    async with running(FakeServing(*world.sources), drain_s=60) as site:
        assert (await site.ask(ITEMS)).status_code == 200
        started = perf_counter()
    assert perf_counter() - started < 2


async def test_before_it_is_opened_and_after_it_is_closed_it_says_to_come_again(
    serving: FakeServing,
) -> None:
    open_now: list[str] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[Serving]:
        open_now.append("open")
        yield serving
        open_now.remove("open")

    app = create_app(opened, graphiql=None, schema=SCHEMA)
    before = await _statuses(app)
    async with app.router.lifespan_context(app):
        assert open_now == ["open"]
        during = await _statuses(app)
    after = await _statuses(app)
    assert open_now == []
    assert (before, during, after) == ((503, 503, 200), (200, 200, 200), (503, 503, 200))


async def _statuses(app: Starlette) -> tuple[int, int, int]:
    """Of a question, of /readyz and of /healthz."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        question = await client.get("/graphql", params={"query": "{ __typename }"})
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
    return question.status_code, ready.status_code, alive.status_code
