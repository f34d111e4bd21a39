"""A server whose subscriptions are pretended, and raw sockets to it."""

from collections.abc import AsyncIterator
from contextlib import nullcontext

import pytest

from app.server.application import Streaming
from app.server.stream_settings import StreamSettings
from tests.app.sockets.talk import Talk
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, running
from tests.fakes.streams import FakeStreams


@pytest.fixture
def world() -> Distributor:
    return Distributor()


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    return FakeServing(*world.sources)


@pytest.fixture
def streams() -> FakeStreams:
    return FakeStreams()


@pytest.fixture
def settings() -> StreamSettings:
    return StreamSettings()


@pytest.fixture
async def site(
    serving: FakeServing, streams: FakeStreams, settings: StreamSettings
) -> AsyncIterator[Site]:
    streaming = Streaming(streams=lambda *_: nullcontext(streams), settings=settings)
    async with running(serving, streaming=streaming) as site:
        yield site


@pytest.fixture
async def talk(site: Site) -> AsyncIterator[Talk]:
    """Opens sockets, and closes what is left of them."""
    talk = Talk(site.port)
    yield talk
    await talk.aclose()
