"""One real Tryton for the whole session; modules that use it are marked `xdist_group("tryton")`."""

from collections.abc import Iterator

import pytest

from tests.systems.tryton.client import Client
from tests.systems.tryton.harness import Tryton, running


@pytest.fixture(scope="session")
def tryton() -> Iterator[Tryton]:
    """A running, seeded Tryton. The first time on a machine it takes a minute or two."""
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def truth(tryton: Tryton) -> Client:
    """An independent client, signed in as the administrator, to ask Tryton what is so."""
    return tryton.client(tryton.admin)
