"""One real Tryton for the whole session; modules that use it are marked `xdist_group("tryton")`."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.systems.opening import Opened, opened
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


def config_for(tryton: Tryton, **changes: Any) -> dict[str, Any]:
    """A backend for Tryton, as a manifest writes it."""
    return {
        "preset": "tryton",
        "url": tryton.base_url,
        "auth": {
            "kind": "session",
            "username": tryton.user.name,
            "password": {"env": "ERP_PASSWORD"},
        },
        # SQLite sorts text by code point.
        "settings": {"database": tryton.database, "text_order": "code_point"},
        **changes,
    }


@pytest.fixture
async def erp(tryton: Tryton) -> AsyncIterator[Opened]:
    """Tryton behind the shipped preset."""
    secrets = {"ERP_PASSWORD": tryton.user.password}
    async with opened(config_for(tryton), secrets) as ready:
        yield ready
