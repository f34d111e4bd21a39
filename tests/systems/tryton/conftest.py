"""One real Tryton for the whole session; modules that use it are marked `xdist_group("tryton")`."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.kit.auth_kinds import SessionAuth
from connectors.kit.secrets import Reference
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


@pytest.fixture
async def erp(tryton: Tryton) -> AsyncIterator[Opened]:
    """Tryton behind the shipped preset."""
    auth = SessionAuth(
        kind="session", username=tryton.user.name, password=Reference(env="ERP_PASSWORD")
    )
    # SQLite sorts text by code point.
    settings = {"database": tryton.database, "text_order": "code_point"}
    secrets = {"ERP_PASSWORD": tryton.user.password}
    async with opened("tryton", tryton.base_url, auth, secrets, {"settings": settings}) as ready:
        yield ready
