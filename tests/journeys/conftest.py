"""A house over a small sandbox, for each test anew; the simulators are started once."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.launch import Name, Sandbox
from tests.journeys.house import House, Simulators, open_house


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    # What one test asks for is not held against the next.
    options: Mapping[Name, list[str]] = {"coupa": ["--burst", "1000"]}
    today = datetime.now(UTC).date()
    with Sandbox(seed=7, size=0.05, today=today, options=options) as running:
        yield running


@pytest.fixture
def systems(sandbox: Sandbox) -> Iterator[Simulators]:
    simulators = Simulators(sandbox)
    simulators.reset()
    yield simulators
    simulators.reset()


@pytest.fixture
async def house(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str
) -> AsyncIterator[House]:
    async with open_house(sandbox, tmp_path, valkey_url) as open_one:
        yield open_one
