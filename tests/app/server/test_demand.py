"""What an answer tells of limits and costs, and that one caller's load is not another's."""

import asyncio

import pytest
from graphql import get_introspection_query

from app.demand.figures import Demand, Figures
from runtime.limits.rates import Rate
from runtime.limits.turns import TurnRules
from runtime.security.access_table import AccessTable, Introspection
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from tests.fakes.distributor import Distributor
from tests.fakes.serving import KEY, FakeServing, Site, a_token, running
from tests.fixtures.waiting import until

COST = {"X_Supplygraph_Extensions": "cost"}
SLOW = Rate(0.001, 2_000_000)
INTROSPECTION = get_introspection_query(specified_by_url=True, input_value_deprecation=True)


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    demand = Demand(
        Figures(rate=SLOW, turns=TurnRules(2, 50, 60.0)),
        {Role.SUPPLIER: Figures(rate=None)},
    )
    return FakeServing(*world.sources, demand=demand)


def remaining(answer: object) -> int:
    header: str = answer.headers["ratelimit"]  # type: ignore[attr-defined]  # of httpx
    name, left, _ = header.split(";")
    assert name == '"default"'
    return int(left.removeprefix("r="))


async def test_an_answer_tells_what_it_cost_before_and_after(site: Site) -> None:
    query = "query Q($n: Int) { items(first: $n) { nodes { sku inventory { onHand } } } }"
    answer = await site.ask(query, {"n": 4}, **COST)
    told = answer.json()["extensions"]["supplygraph"]["cost"]
    assert told == {"estimated": 1 + 4 * 6, "actual": 1 + 4 + 8, "limit": 1_000_000}


async def test_the_headers_say_what_is_left(site: Site) -> None:
    first = await site.ask("{ items(first: 3) { nodes { sku } } }")
    assert first.headers["ratelimit-policy"] == '"default";q=2000000;w=2000000000;qu="cost"'
    text = "{ items(first: 3) { nodes { sku  } } }"
    second = await site.ask(text)
    assert remaining(first) - remaining(second) == 1 + len(text) // 16 + 4
    supplier = await site.ask("{ viewer { subject } }", token=a_token(Role.SUPPLIER, "S1"))
    assert "ratelimit" not in supplier.headers


async def test_what_was_estimated_too_high_is_given_back(site: Site) -> None:
    before = remaining(await site.ask("{ viewer { subject } }"))
    text = "{ items(first: 2000) { nodes { sku forecasts { quantity } } } }"
    answer = await site.ask(text, None, **COST)
    cost = answer.json()["extensions"]["supplygraph"]["cost"]
    assert cost["estimated"] == 1 + 2_000 * (1 + 26)
    forecasts = [len(n["forecasts"]) for n in answer.json()["data"]["items"]["nodes"]]
    assert cost["actual"] == 1 + 10 + sum(forecasts)
    assert before - remaining(answer) == 1 + len(text) // 16 + cost["actual"]


async def test_a_price_that_is_too_high_is_told_with_the_limit(site: Site) -> None:
    query = "{ items(first: 2000) { nodes { preferredSupplier { items(first: 1000) { nodes { sku"
    answer = await site.ask(query + " }" * 6)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert error["extensions"]["estimatedCost"] == 1 + 2_000 * (1 + 2 + 1 + 1_000)
    assert error["extensions"]["costLimit"] == 1_000_000
    assert "ask for fewer records" in error["message"]


async def test_strangers_may_read_the_schema_but_not_over_and_over() -> None:
    serving = FakeServing()
    serving.access = AccessTable(introspection=Introspection(strangers=True))
    texts = [f"query Q{n} {{{INTROSPECTION.split('{', 1)[1]}" for n in range(10)]
    async with running(serving) as site:
        statuses = [(await site.ask(text, token=None)).status_code for text in texts]
        assert (await site.ask("{ viewer { subject } }")).status_code == 200
    good = statuses.count(200)
    assert 4 <= good < 10
    assert statuses == [200] * good + [429] * (10 - good)


async def test_a_document_is_paid_for_though_it_is_refused(site: Site) -> None:
    before = remaining(await site.ask("{ viewer { subject } }"))
    wrong = "{ " + "nonsense " * 500 + "}"
    assert (await site.ask(wrong)).status_code == 400
    assert (await site.ask(wrong)).status_code == 400
    spent = before - remaining(await site.ask("{ viewer { subject } }"))
    assert spent == 1 + len(wrong) // 16 + 1 + 2


async def test_one_callers_load_does_not_hold_up_anothers_question(
    site: Site, world: Distributor
) -> None:
    world.items.delay_s = 0.05
    greedy = mint_development_token(KEY, "greedy", [Role.PLANNER], None, 600)
    ended: list[str] = []

    async def ask(name: str, query: str, token: str) -> None:
        assert (await site.ask(query, token=token)).status_code == 200
        ended.append(name)

    load = [
        asyncio.ensure_future(
            ask("greedy", f"{{ items(first: {n}) {{ nodes {{ sku }} }} }}", greedy)
        )
        for n in range(1, 21)
    ]
    await until(lambda: len(world.items.asked) == 2)
    await ask("small", "{ viewer { subject } }", a_token())
    assert len(ended) <= 5
    await asyncio.gather(*load)
    assert ended.count("greedy") == 20
