"""A pretend S/4HANA that orders are made in: apart from the one that is only read."""

from collections.abc import Iterator

import pytest

from sandbox.launch import Sandbox, start_one


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with start_one("s4", size=0.05) as running:
        yield running
