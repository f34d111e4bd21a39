"""A pretend S/4HANA in its own process, and readers that reach it through the real transport."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.kit.auth_kinds import BasicAuth, make_authenticator
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.kit.transport import Transport
from connectors.kit.transport_open import open_transport
from connectors.odata import ODataReader, Settings, reader
from sandbox.launch import Sandbox, Simulator, start_one
from sandbox.world import World
from tests.connectors.odata.backends import ROOT, Control, Opened


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with start_one("s4", size=0.05) as running:
        yield running


@pytest.fixture(scope="session")
def world(sandbox: Sandbox) -> World:
    """The world that the simulator has built for itself too."""
    return sandbox.world


@pytest.fixture
def s4(sandbox: Sandbox) -> Simulator:
    """The simulator, without faults and with an empty log."""
    httpx.post(f"{sandbox.s4.control_url}reset")
    return sandbox.s4


@pytest.fixture
def control(s4: Simulator) -> Control:
    """What the simulator was asked, and how it is troubled."""
    return Control(s4)


@pytest.fixture
async def opened(s4: Simulator) -> AsyncIterator[Opened]:
    """Opens readers of the simulator; closes their connections in the end."""
    transports: list[Transport] = []

    def open_reader(
        policy: CallPolicy | None = None,
        *,
        at: Simulator = s4,
        user: str = s4.user,
        **settings: Any,
    ) -> ODataReader:
        policy = policy or CallPolicy(max_keys_per_request=100, retries=0)
        services = Services(environ={"PASSWORD": at.password}, base_dir=Path())
        transport = open_transport("erp-eu", at.url, policy, services)
        auth = BasicAuth.model_validate(
            {"kind": "basic", "username": user, "password": {"env": "PASSWORD"}}
        )
        transport.authenticator = make_authenticator(
            auth, caller=transport, vault=services.vault, clock=services.clock
        )
        transports.append(transport)
        return reader("erp-eu", Settings(root=ROOT, **settings), transport, policy)

    yield open_reader
    for transport in transports:
        await transport.aclose()
