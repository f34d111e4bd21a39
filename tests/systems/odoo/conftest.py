"""A simulated Odoo on a port of loopback, and the shipped preset over it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fixtures.server import served
from tests.systems.odoo.simulator import DATABASE, LOGIN, PASSWORD, Odoo
from tests.systems.opening import Opened, opened


@asynccontextmanager
async def behind_preset(
    odoo: Odoo, *, password: str = PASSWORD, **settings: Any
) -> AsyncIterator[Opened]:
    """A server behind the shipped preset, with settings of the manifest."""
    auth: dict[str, Any] = {
        "kind": "session",
        "username": LOGIN,
        "password": {"env": "ODOO_PASSWORD"},
    }
    if settings.get("dialect") == "odoo_json2":
        auth = {"kind": "bearer", "token": {"env": "ODOO_PASSWORD"}}
    async with served(odoo.application) as server:
        config = {
            "preset": "odoo",
            "url": server.url,
            "auth": auth,
            "settings": {"database": DATABASE, **settings},
            "policy": {"rate_per_s": 1_000},
        }
        async with opened(config, {"ODOO_PASSWORD": password}) as ready:
            yield ready


@pytest.fixture
def odoo() -> Odoo:
    """A server of version 18."""
    return Odoo()


@pytest.fixture
async def erp(odoo: Odoo) -> AsyncIterator[Opened]:
    """The server behind the shipped preset."""
    async with behind_preset(odoo) as ready:
        yield ready
