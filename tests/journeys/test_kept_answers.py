"""Whole answers over real systems and a real Valkey: two processes, several callers, one truth."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

from app.installation import Installation, open_installation
from app.manifest.loading import Declaration
from app.server.application import create_app
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from sandbox.launch import Sandbox
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served
from tests.fixtures.waiting import until
from tests.journeys.house import JOINED, MANIFEST, Simulators, declare

ORDERS = """{ purchaseOrders(first: 5, orderBy: [{field: NUMBER}]) {
  nodes { number supplier { code name } lines { item { sku name } } } } }"""
SUPPLIERS = "{ suppliers(orderBy: [{field: CODE}]) { nodes { code name } } }"


class Worker(Struct):
    """One process: its installation, and a client of it."""

    installation: Installation
    client: httpx.AsyncClient
    key: str

    async def ask(
        self, query: str, role: Role = Role.PLANNER, *suppliers: str, **headers: str
    ) -> Any:
        """The response's body, with what it cost."""
        token = mint_development_token(self.key, role.value, [role], suppliers or None, 600)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.client.post(
            "/graphql",
            json={"query": query},
            headers={
                "Authorization": f"Bearer {token}",
                "X-Supplygraph-Extensions": "cost",
                **sent,
            },
        )
        assert response.status_code == 200
        return response.json()

    async def origin(self, query: str, **headers: Any) -> str:
        """Whether the answer was made or kept."""
        told: str = (await self.ask(query, **headers))["extensions"]["supplygraph"]["answer"]
        return told

    async def shared(self) -> None:
        """Wait until what is kept has been written down for others."""
        answers = self.installation.serves.answers
        assert answers is not None
        await until(lambda: not answers._under_way)

    async def change(self, column: str, key: str) -> None:
        """Hear that a record of the ERP has changed."""
        await self.installation.cache.drop([f"erp:{column}::{key}"])


async def a_worker(declared: Declaration, key: str) -> AsyncIterator[Worker]:
    opened: list[Installation] = []

    def remembered() -> Any:
        return _Remembered(declared, opened)

    app = create_app(remembered, graphiql=None, schema=SCHEMA)
    async with (
        served(app) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as client,
    ):
        [installation] = opened
        await until(lambda: installation.cache.health()["invalidations"] is True)
        yield Worker(installation, client, key)


class _Remembered:
    """Opens an installation, and lets the test see it."""

    def __init__(self, declared: Declaration, opened: list[Installation]) -> None:
        self._inner = open_installation(declared)
        self._opened = opened

    async def __aenter__(self) -> Installation:
        self._opened.append(await self._inner.__aenter__())
        return self._opened[-1]

    async def __aexit__(self, *why: object) -> None:
        await self._inner.__aexit__(*why)  # type: ignore[arg-type]  # as they came


@pytest.fixture
def key() -> str:
    return new_development_key()


@pytest.fixture
def declared(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str, key: str
) -> Declaration:
    return declare(sandbox, tmp_path, valkey_url, MANIFEST, key=key)


@pytest.fixture
async def here(declared: Declaration, key: str) -> AsyncIterator[Worker]:
    async for worker in a_worker(declared, key):
        yield worker


@pytest.fixture
async def there(declared: Declaration, key: str) -> AsyncIterator[Worker]:
    async for worker in a_worker(declared, key):
        yield worker


def calls(systems: Simulators) -> int:
    return sum(len(systems.log(name)) for name in ("erp", "procurement", "planning"))


async def test_an_answer_is_served_by_every_process_without_any_call(
    here: Worker, there: Worker, systems: Simulators
) -> None:
    assert (await here.ask(JOINED))["extensions"]["supplygraph"]["answer"] == "made"
    first = await here.ask(JOINED)  # says that its lists were CACHED, as is true from now on
    assert first["data"]["purchaseOrders"]["nodes"]
    assert "errors" not in first
    await here.shared()
    asked = calls(systems)
    for worker in (here, there, there):
        again = await worker.ask(JOINED)
        assert again["data"] == first["data"]
        assert again["extensions"]["supplygraph"]["answer"] == "cached"
        assert again["extensions"]["supplygraph"]["backends"] == {}
    assert calls(systems) == asked


async def test_a_change_drops_exactly_the_answers_with_it_in_every_process(
    here: Worker, there: Worker
) -> None:
    skus = [
        i["sku"]
        for i in (await here.ask("{ items(first: 2) { nodes { sku } } }"))["data"]["items"]["nodes"]
    ]
    questions = [f'{{ item(sku: "{sku}") {{ name unit }} }}' for sku in skus]
    for question in questions:
        await here.ask(question)
    await here.shared()
    assert [await there.origin(q) for q in questions] == ["cached", "cached"]
    await there.change("item:sku", skus[0])
    assert [await there.origin(q) for q in questions] == ["made", "cached"]
    await here.change("item:sku", skus[1])
    assert await here.origin(questions[1]) == "made"
    await here.shared()
    assert await there.origin(questions[0]) == "cached"


async def test_a_process_that_starts_finds_what_others_kept(
    here: Worker, declared: Declaration, key: str, systems: Simulators
) -> None:
    first = await here.ask(ORDERS)
    await here.shared()
    asked = calls(systems)
    async for later in a_worker(declared, key):
        again = await later.ask(ORDERS)
        assert again["extensions"]["supplygraph"]["answer"] == "cached"
        assert again["data"] == first["data"]
    assert calls(systems) == asked


async def test_no_caller_is_given_what_was_kept_for_others(here: Worker, there: Worker) -> None:
    everyone = [s["code"] for s in (await here.ask(SUPPLIERS))["data"]["suppliers"]["nodes"]]
    a, b = everyone[:2]
    for worker in (here, there):
        for _ in range(2):
            for code in (a, b):
                seen = (await worker.ask(SUPPLIERS, Role.SUPPLIER, code))["data"]["suppliers"]
                assert [s["code"] for s in seen["nodes"]] == [code]
            seen = (await worker.ask(SUPPLIERS))["data"]["suppliers"]
            assert [s["code"] for s in seen["nodes"]] == everyone
            await worker.shared()
    mine = await there.ask("{ viewer { subject roles } }", Role.SUPPLIER, a)
    assert mine["data"]["viewer"]["roles"] == ["SUPPLIER"]
    assert (await there.ask("{ viewer { roles } }"))["data"]["viewer"]["roles"] == ["PLANNER"]


async def test_who_wants_newer_records_is_not_given_a_kept_answer(
    here: Worker, systems: Simulators
) -> None:
    await here.ask(ORDERS)
    await asyncio.sleep(1.1)
    asked = calls(systems)
    assert await here.origin(ORDERS, X_Supplygraph_Max_Staleness="600") == "cached"
    assert calls(systems) == asked
    assert await here.origin(ORDERS, X_Supplygraph_Max_Staleness="1") == "made"
    assert calls(systems) > asked


async def test_what_lacks_a_system_is_made_again_once_it_is_back(
    here: Worker, systems: Simulators
) -> None:
    systems.faults("planning", {"status": 503})
    query = "{ items(first: 3) { nodes { sku forecasts { quantity } } } }"
    for _ in range(2):
        answer = await here.ask(query)
        assert answer["errors"][0]["extensions"]["system"] == "planning"
        assert answer["extensions"]["supplygraph"]["answer"] == "made"


async def test_the_same_question_at_the_same_time_asks_each_system_once(
    here: Worker, systems: Simulators
) -> None:
    answers = await asyncio.gather(*(here.ask(ORDERS) for _ in range(8)))
    origins = sorted(a["extensions"]["supplygraph"]["answer"] for a in answers)
    assert origins == ["made", *["shared"] * 7]
    data = [a["data"] for a in answers]
    assert data == [data[0]] * 8
    cost = answers[0]["extensions"]["supplygraph"]["backends"]
    made = {n: cost[n]["calls"] for n in ("erp", "procurement")}
    asked = {n: len(systems.log(n)) for n in made}
    assert asked == made  # no more than one of them would have made alone


async def test_health_tells_how_much_is_kept(here: Worker) -> None:
    await here.ask(ORDERS)
    health = (await here.client.get("/readyz")).json()
    assert health["cache"]["answers"]["entries"] == 1
    assert health["cache"]["answers"]["bytes"] > 1_000
