"""One sandbox for all tests of it: real processes on the loopback interface, a small world."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sandbox.launch import Sandbox, Simulator
from sandbox.world import World
from tests.sandbox.tokens import request_token

SIZE = 0.02


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=SIZE) as running:
        yield running


@pytest.fixture(scope="session")
def world() -> World:
    """The same world that the simulators have built for themselves."""
    return World(size=SIZE)


def _client(simulator: Simulator, path: str, auth: httpx.Auth | None) -> httpx.Client:
    return httpx.Client(
        base_url=simulator.url + path,
        auth=auth,
        headers={"accept": "application/json"},
        timeout=10,
    )


@pytest.fixture(scope="session")
def s4_client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    auth = httpx.BasicAuth(sandbox.s4.user, sandbox.s4.password)
    with _client(sandbox.s4, "/sap/opu/odata/sap/", auth) as client:
        yield client


@pytest.fixture(scope="session")
def coupa_client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with _client(sandbox.coupa, "/api/", None) as client:
        yield client


@pytest.fixture(scope="session")
def frepple_client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    auth = httpx.BasicAuth(sandbox.frepple.user, sandbox.frepple.password)
    with _client(sandbox.frepple, "/api/", auth) as client:
        yield client


@pytest.fixture
def s4(sandbox: Sandbox, s4_client: httpx.Client) -> httpx.Client:
    """A client of the pretend S/4HANA, without faults and with an empty log."""
    httpx.post(f"{sandbox.s4.control_url}reset")
    s4_client.cookies.clear()
    return s4_client


@pytest.fixture
def coupa(sandbox: Sandbox, coupa_client: httpx.Client) -> httpx.Client:
    """A client of the pretend Coupa with a good token and no rate limit."""
    httpx.post(f"{sandbox.coupa.control_url}reset")
    httpx.put(f"{sandbox.coupa.control_url}limits", json={"rate_per_s": 0})
    answer = request_token(sandbox.coupa)
    coupa_client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
    return coupa_client


@pytest.fixture
def frepple(sandbox: Sandbox, frepple_client: httpx.Client) -> httpx.Client:
    """A client of the pretend frePPLe, without faults and with an empty log."""
    httpx.post(f"{sandbox.frepple.control_url}reset")
    return frepple_client
