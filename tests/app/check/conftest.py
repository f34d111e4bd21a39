"""Small simulators, started once, and a manifest over them for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.launch import Sandbox
from tests.app.installed import LaidOut, laid_out


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=0.02) as running:
        yield running


@pytest.fixture
def installed(sandbox: Sandbox, tmp_path: Path) -> LaidOut:
    return laid_out(sandbox, tmp_path)
