"""The real schema over a small distributor, served with real HTTP."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, running


@pytest.fixture
def world() -> Distributor:
    return Distributor()


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    return FakeServing(*world.sources)


@pytest.fixture
async def site(serving: FakeServing) -> AsyncIterator[Site]:
    async with running(serving) as site:
        yield site
