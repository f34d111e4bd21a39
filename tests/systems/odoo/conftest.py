"""A simulated Odoo on a port of loopback, and the shipped preset over it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from tests.systems.odoo.simulator import DATABASE, LOGIN, PASSWORD, Odoo
from tests.systems.opening import Opened, opened


@asynccontextmanager
async def served(odoo: Odoo) -> AsyncIterator[str]:
    """The address of a server while it runs."""
    # asyncio turns Nagle's delay off for sockets that say that they are TCP.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # who is quick finds it there, though the server has yet to begin
    server = uvicorn.Server(uvicorn.Config(odoo.application, log_level="error"))
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


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
    async with served(odoo) as url:
        config = {
            "preset": "odoo",
            "url": url,
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
