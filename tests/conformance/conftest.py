"""Systems that are held to the port's promises: products over HTTP, each behind its preset."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from canonical.entities import EntityName
from canonical.ports import Ask, Source
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.mapping.presets import load_preset
from connectors.kit.services import Services
from sandbox.launch import Sandbox, Simulator
from tests.fakes.asks import NoMeter
from tests.systems.odoo.conftest import behind_preset
from tests.systems.odoo.simulator import Odoo

SCOPES = [
    "core.item.read",
    "core.supplier.read",
    "core.common.read",
    "core.purchase_order.read",
    "core.inventory.receiving.read",
]
# The simulated Odoo has no module for forecasts, as most installations have none.
ABSENT = {("odoo", EntityName.FORECAST)}
SUPPLIES = [
    (product, entity)
    for product in ("sap_s4hana", "coupa", "frepple", "odoo")
    for entity in load_preset(product).entities
    if (product, entity) not in ABSENT
]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=0.02, options={"coupa": ["--rate-per-s", "0"]}) as running:
        yield running


def _config(preset: str, simulator: Simulator) -> BackendConfig:
    secret = {"env": "PASSWORD"}
    basic = {"kind": "basic", "username": simulator.user, "password": secret}
    token = {
        "kind": "oauth2_client_credentials",
        "token_url": "/oauth2/token",
        "client_id": simulator.user,
        "client_secret": secret,
        "scope": SCOPES,
    }
    auth = token if preset == "coupa" else basic
    at_once = {"rate_per_s": 10_000, "burst": 10_000}  # nothing here is about pace
    return BackendConfig.model_validate(
        {"preset": preset, "url": simulator.url, "auth": auth, "policy": at_once}
    )


@pytest.fixture(params=SUPPLIES, ids=[f"{product}-{entity}" for product, entity in SUPPLIES])
async def source(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Source]:
    """Everything that a product supplies, one after the other."""
    product, entity = request.param
    if product == "odoo":
        async with behind_preset(Odoo()) as opened:
            yield opened.sources[entity]
        return
    simulators = {"sap_s4hana": sandbox.s4, "coupa": sandbox.coupa, "frepple": sandbox.frepple}
    simulator = simulators[product]
    services = Services(environ={"PASSWORD": simulator.password}, base_dir=Path())
    backend = await open_backend(product, _config(product, simulator), services)
    yield backend.sources[entity]
    await backend.aclose()


@pytest.fixture
async def ask() -> Ask:
    """A question that may take a minute and a half."""
    return Ask(asyncio.get_running_loop().time() + 90, "conformance", NoMeter())
