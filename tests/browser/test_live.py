"""Changes appear in GraphiQL as they happen, heard as whoever is picked."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from playwright.sync_api import Page, expect

from app.server.application import Streaming
from app.server.ports import DemoToken, GraphiQLConfig, GraphiQLTab
from runtime.security.principal import Role
from tests.browser.conftest import Visit
from tests.fakes.serving import FakeServing, a_token, running
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until

pytestmark = pytest.mark.xdist_group("browser")

PAGE = GraphiQLConfig(
    (GraphiQLTab("Changes", "subscription Changes { quiet }"),),
    (
        DemoToken("planner", a_token()),
        DemoToken("supplier", a_token(Role.SUPPLIER, "S1")),
        DemoToken("stranger", "not.a.token"),
    ),
)


@pytest.fixture
def streams() -> FakeStreams:
    return FakeStreams()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own: the browser's is taken."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def address(streams: FakeStreams, loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    streaming = Streaming(streams=lambda *_: nullcontext(streams))
    site = running(FakeServing(), graphiql=PAGE, streaming=streaming)
    up = asyncio.run_coroutine_threadsafe(site.__aenter__(), loop).result(10)
    yield f"http://127.0.0.1:{up.port}"
    asyncio.run_coroutine_threadsafe(site.__aexit__(None, None, None), loop).result(10)


def _open(page: Page, address: str) -> None:
    page.goto(f"{address}/graphiql")
    expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()


def test_each_change_is_shown_when_it_comes(
    visit: Visit, address: str, streams: FakeStreams, loop: asyncio.AbstractEventLoop
) -> None:
    def deliver(count: int, n: int) -> None:
        begun = until(lambda: len(streams.begun) == count)
        asyncio.run_coroutine_threadsafe(begun, loop).result(10)
        loop.call_soon_threadsafe(lambda: streams.begun[-1].deliver(n=n))

    page = visit.page
    _open(page, address)
    run = page.get_by_role("button", name="Execute query")
    answer = page.locator(".graphiql-response")
    run.click()
    for n in (41, 42):
        deliver(1, n)
        expect(answer).to_contain_text(f'"n": {n}')
    page.get_by_role("button", name="Stop query").click()
    page.get_by_label("as").select_option("supplier")
    run.click()
    deliver(2, 43)
    expect(answer).to_contain_text('"n": 43')
    principals = [s.terms.principal for s in streams.begun]
    assert [p.suppliers if p else None for p in principals] == [None, ("S1",)]


def test_who_is_refused_is_told_so_at_once(
    visit: Visit, address: str, streams: FakeStreams
) -> None:
    page = visit.page
    _open(page, address)
    page.get_by_label("as").select_option("stranger")
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".graphiql-response")).to_contain_text("Socket closed with event 4403")
    assert not streams.begun
