"""Stopping: what has begun is answered within a bound, what comes later is put off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette

from app.server.application import create_app
from app.server.ports import Serving
from tests.fakes.desk import SCHEMA
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site

ITEMS = "{ items { nodes { sku } } }"


async def asked(world: Distributor) -> None:
    """Wait until a question has arrived at its source."""
    while not world.items.asked:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)


async def test_what_has_begun_is_answered_and_what_comes_later_is_503(
    site: Site, world: Distributor
) -> None:
    world.items.delay_s = 0.4
    begun = asyncio.ensure_future(site.ask(ITEMS))
    await asked(world)
    stopping = asyncio.ensure_future(site.drain.stop(5))
    await asyncio.sleep(0)

    late = await site.ask(ITEMS)
    assert late.status_code == 503
    assert late.headers["retry-after"] == "1"
    assert late.headers["connection"] == "close"
    assert late.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    ready = await site.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "stopping"})
    assert (await site.client.get("/healthz")).status_code == 200

    assert not stopping.done()
    answer = await begun
    assert answer.status_code == 200
    assert len(answer.json()["data"]["items"]["nodes"]) == 10
    await asyncio.wait_for(stopping, 1)


async def test_what_takes_longer_than_the_bound_is_given_up_with_503(
    site: Site, world: Distributor, capfd: pytest.CaptureFixture[str]
) -> None:
    world.items.delay_s = 60
    begun = asyncio.ensure_future(site.ask(ITEMS))
    await asked(world)
    await asyncio.wait_for(site.drain.stop(0.1), 2)
    answer = await begun
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert site.drain.under_way == 0
    assert capfd.readouterr() == ("", "")


async def test_nothing_to_finish_is_no_reason_to_wait(site: Site) -> None:
    assert (await site.ask(ITEMS)).status_code == 200
    await asyncio.wait_for(site.drain.stop(60), 0.5)


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
        question = await client.post("/graphql", json={"query": "{ __typename }"})
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
    return question.status_code, ready.status_code, alive.status_code
