"""A pretend Coupa and a pretend frePPLe in processes of their own, behind their presets."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.launch import Sandbox, start_one
from sandbox.world import World
from tests.connectors.rest.opening import Opened, opened


@pytest.fixture(scope="session")
def coupa_sandbox() -> Iterator[Sandbox]:
    with start_one("coupa", size=0.05, options=["--rate-per-s", "0"]) as running:
        yield running


@pytest.fixture(scope="session")
def frepple_sandbox() -> Iterator[Sandbox]:
    with start_one("frepple", size=0.05) as running:
        yield running


@pytest.fixture(scope="session")
def world(coupa_sandbox: Sandbox) -> World:
    """The world that every simulator of this seed and size has built for itself too."""
    return coupa_sandbox.world


@pytest.fixture
async def coupa(coupa_sandbox: Sandbox) -> AsyncIterator[Opened]:
    async with opened(coupa_sandbox.coupa) as found:
        found.reset()
        yield found


@pytest.fixture
async def frepple(frepple_sandbox: Sandbox) -> AsyncIterator[Opened]:
    async with opened(frepple_sandbox.frepple) as found:
        found.reset()
        yield found
