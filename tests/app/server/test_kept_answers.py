"""Whole answers that are kept: equal, without a call, never another's, never too old."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.server.ports import Serves
from canonical.errors import Reason, UnavailableError
from runtime.cache.answers import AnswerCache
from runtime.security.principal import Role
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token, running

ITEM = '{ item(sku: "I3") { sku name inventory { onHand location { code } } } }'
SUPPLIERS = "{ suppliers { nodes { code name } } }"
NAMED = "query A($sku: String!) { item(sku: $sku) { name } } query B { items { nodes { sku } } }"
COST: Any = {"X_Supplygraph_Extensions": "cost"}


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    made.serves = Serves(an_answer_cache(made))
    return made


@pytest.fixture
async def site(serving: FakeServing) -> AsyncIterator[Site]:
    async with running(serving) as site:
        yield site


def an_answer_cache(serving: FakeServing) -> AnswerCache:
    desk = serving.desk
    return AnswerCache(
        desk.cache, None, version="test", max_bytes=1_000_000, clock=lambda: desk.now_s
    )


def cost_of(response: httpx.Response) -> Any:
    return response.json()["extensions"]["supplygraph"]


async def kept(site: Site, query: str, **more: Any) -> bool:
    """Whether a question is answered from what is kept the next time."""
    await site.ask(query, **more)
    return bool(cost_of(await site.ask(query, **COST, **more))["answer"] == "cached")


async def test_it_is_equal_to_the_byte_and_nobody_is_asked(
    site: Site, serving: FakeServing
) -> None:
    first = await site.ask(ITEM)
    executed = len(serving.asks)
    second = await site.ask(ITEM)
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["x-correlation-id"] != first.headers["x-correlation-id"]
    assert len(serving.asks) == executed == 1


async def test_the_cost_says_so(site: Site) -> None:
    made = cost_of(await site.ask(ITEM, **COST))
    assert (made["answer"], made["levels"] > 0) == ("made", True)
    again = await site.ask(ITEM, **COST, X_Correlation_ID="c-2")
    cost = cost_of(again)
    assert cost.pop("milliseconds") >= 0
    assert cost == {
        "correlationId": "c-2",
        "answer": "cached",
        "cost": {"charged": 1},
        "levels": 0,
        "backends": {},
    }
    assert again.json()["data"] == (await site.ask(ITEM)).json()["data"]


async def test_it_does_not_matter_how_the_question_is_written(site: Site) -> None:
    query = "query ($f: Int, $a: String) { items(first: $f, after: $a) { nodes { sku } } }"
    origins = []
    for body in (
        f'{{"query": "{query}", "variables": {{"f": 2, "a": null}}}}',
        f'{{"variables":{{"a":null,"f":2}},"operationName":null,"query":"{query}"}}',
    ):
        headers = {"Authorization": f"Bearer {a_token()}", "Content-Type": "application/json"}
        headers["X-Supplygraph-Extensions"] = "cost"
        response = await site.client.post("/graphql", content=body, headers=headers)
        origins.append(cost_of(response)["answer"])
    assert origins == ["made", "cached"]


async def test_variables_and_the_operations_name_are_part_of_the_question(site: Site) -> None:
    async def ask(**asked: Any) -> Any:
        headers = {"Authorization": f"Bearer {a_token()}"}
        response = await site.client.post("/graphql", json=asked, headers=headers)
        return response.json()["data"]

    for sku in ("I3", "I4", "I3"):
        found = await ask(query=NAMED, operationName="A", variables={"sku": sku})
        assert found == {"item": {"name": f"Item {sku[1]}"}}
    assert "items" in await ask(query=NAMED, operationName="B")


async def test_two_media_types_share_it(site: Site, serving: FakeServing) -> None:
    plain = await site.ask(ITEM, Accept="application/json")
    other = await site.ask(ITEM, Accept="application/graphql-response+json")
    assert plain.content == other.content
    assert plain.headers["content-type"] == "application/json; charset=utf-8"
    assert other.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert len(serving.asks) == 1


class TestWhoAsks:
    async def test_nobody_sees_what_was_kept_for_another_scope(self, site: Site) -> None:
        planner = (await site.ask(SUPPLIERS)).json()["data"]["suppliers"]["nodes"]
        assert len(planner) > 2
        for code in ("S1", "S2", "S1"):
            token = a_token(Role.SUPPLIER, code)
            seen = (await site.ask(SUPPLIERS, token=token)).json()["data"]["suppliers"]["nodes"]
            assert [s["code"] for s in seen] == [code]
        both = (await site.ask(SUPPLIERS, token=a_token(Role.SUPPLIER, "S2", "S1"))).json()
        assert [s["code"] for s in both["data"]["suppliers"]["nodes"]] == ["S1", "S2"]
        assert (await site.ask(SUPPLIERS)).json()["data"]["suppliers"]["nodes"] == planner

    async def test_the_same_rights_have_the_same_answer(
        self, site: Site, serving: FakeServing
    ) -> None:
        for _ in range(2):
            await site.ask(SUPPLIERS, token=a_token(Role.SUPPLIER, "S1"))
        assert len(serving.asks) == 1
        await site.ask(SUPPLIERS, token=a_token(Role.BUYER))
        await site.ask(SUPPLIERS, token=a_token(Role.PLANNER))
        assert len(serving.asks) == 3

    async def test_without_a_token_nothing_is_given(self, site: Site) -> None:
        await site.ask(ITEM)
        assert (await site.ask(ITEM, token=None)).status_code == 401
        assert (await site.ask(ITEM, token=f"{a_token()}x")).status_code == 401

    async def test_what_is_about_the_caller_is_not_kept(self, site: Site) -> None:
        assert not await kept(site, "{ viewer { subject } }")
        assert not await kept(site, '{ viewer { subject } item(sku: "I3") { name } }')


class TestWhatIsNotKept:
    async def test_an_answer_with_an_error_or_less_than_all(
        self, site: Site, world: Distributor
    ) -> None:
        world.inventory.error = UnavailableError("erp", Reason.SERVER_ERROR, "answered 503")
        for n in range(2):
            response = await site.ask(ITEM, X_Correlation_ID=f"c-{n}")
            [error] = response.json()["errors"]
            assert error["extensions"]["correlationId"] == f"c-{n}"
        world.inventory.error = None
        response = await site.ask(ITEM)
        assert "errors" not in response.json()
        assert response.json()["data"]["item"]["inventory"]

    async def test_a_stale_answer(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        await site.ask(ITEM)
        serving.desk.now_s += 61
        world.inventory.error = UnavailableError("erp", Reason.SERVER_ERROR, "answered 503")
        assert not await kept(site, ITEM)
        world.inventory.error = None
        assert await kept(site, ITEM)

    @pytest.mark.parametrize(
        "query",
        [
            "{ __schema { queryType { name } } }",
            "{ __typename }",
            "{ items(first: 0) { nodes { sku } } }",
            'mutation { acknowledgePurchaseOrder(input: {number: "x", lines: []}) { __typename } }',
        ],
    )
    async def test_questions_about_the_schema_mistakes_and_changes(
        self, site: Site, serving: FakeServing, query: str
    ) -> None:
        await site.ask(query)
        await site.ask(query)
        assert serving.serves.answers is not None
        assert serving.serves.answers.health()["entries"] == 0

    async def test_what_says_that_it_was_asked_for_just_now(self, site: Site) -> None:
        query = "{ items { nodes { sku } completeness { systems { system state } } } }"

        async def states() -> tuple[str, set[str]]:
            response = await site.ask(query, **COST)
            systems = response.json()["data"]["items"]["completeness"]["systems"]
            return cost_of(response)["answer"], {s["state"] for s in systems}

        assert await states() == ("made", {"LIVE"})
        assert await states() == ("made", {"CACHED"})
        assert await states() == ("cached", {"CACHED"})


class TestUntilWhen:
    async def test_until_a_record_in_it_changes(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        others = '{ item(sku: "I4") { name } }'
        for query in (ITEM, others):
            assert await kept(site, query)
        await serving.desk.cache.drop(["erp:item:sku::I3"])
        executed = len(serving.asks)
        await site.ask(others)
        assert len(serving.asks) == executed
        await site.ask(ITEM)
        assert len(serving.asks) == executed + 1

    async def test_until_anything_in_it_is_no_longer_fresh(
        self, site: Site, serving: FakeServing
    ) -> None:
        assert await kept(site, ITEM)
        serving.desk.now_s += 59
        assert cost_of(await site.ask(ITEM, **COST))["answer"] == "cached"
        serving.desk.now_s += 2
        assert cost_of(await site.ask(ITEM, **COST))["answer"] == "made"

    async def test_an_old_record_in_it_ends_it_early(
        self, site: Site, serving: FakeServing
    ) -> None:
        await site.ask('{ item(sku: "I3") { sku name } }')
        serving.desk.now_s += 50
        assert await kept(site, ITEM)
        serving.desk.now_s += 11
        assert cost_of(await site.ask(ITEM, **COST))["answer"] == "made"

    async def test_a_bound_of_age_in_the_header(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        await site.ask(ITEM)
        asked = len(world.items.asked)
        serving.desk.now_s += 30
        near = await site.ask(ITEM, **COST, X_Supplygraph_Max_Staleness="30")
        assert cost_of(near)["answer"] == "cached"
        assert len(world.items.asked) == asked
        far = await site.ask(ITEM, **COST, X_Supplygraph_Max_Staleness="29")
        assert cost_of(far)["answer"] == "made"
        assert len(world.items.asked) == asked + 1

    async def test_a_bound_of_age_in_the_question(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        query = '{ item(sku: "I3", maxStaleness: 20) { name } }'
        assert await kept(site, query)
        serving.desk.now_s += 20.5
        await site.ask(query)
        assert len(world.items.asked) == 2

    async def test_what_changes_meanwhile_is_not_kept_and_not_shared(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        world.inventory.delay_s = 0.2
        begun = asyncio.ensure_future(site.ask(ITEM))
        while not world.inventory.asked:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        await serving.desk.cache.drop(["erp:item:sku::I3"])
        late = await site.ask(ITEM, **COST)
        assert cost_of(late)["answer"] == "made"
        assert (await begun).status_code == 200
        assert len(world.items.asked) == 2

    async def test_it_is_of_one_day(self, site: Site, serving: FakeServing) -> None:
        await site.ask(ITEM)
        operator = _operator(site.server.config.loaded_app)
        today = operator._clock()
        operator._clock = lambda: today.replace(year=today.year + 1)
        await site.ask(ITEM)
        assert len(serving.asks) == 2


def _operator(application: Any) -> Any:
    while not hasattr(application, "_desk"):
        application = application.app
    return application._desk.endpoint._operator


async def test_a_manifest_may_switch_it_off(world: Distributor) -> None:
    serving = FakeServing(*world.sources)
    desk = serving.desk
    serving.serves = Serves(AnswerCache(desk.cache, None, version="x", max_bytes=0))
    async with running(serving) as site:
        assert not await kept(site, ITEM)


async def test_lookups_are_counted(site: Site) -> None:
    def figure(text: str, result: str) -> float:
        name = f'supplygraph_answer_lookups_total{{layer="l1",result="{result}"}}'
        return next((float(x.split(" ")[1]) for x in text.splitlines() if x.startswith(name)), 0)

    before = (await site.client.get("/metrics")).text
    await site.ask(ITEM)
    await site.ask(ITEM)
    after = (await site.client.get("/metrics")).text
    assert [figure(after, r) - figure(before, r) for r in ("hit", "miss")] == [1, 1]


async def test_an_answer_goes_to_many_at_once(site: Site, serving: FakeServing) -> None:
    answers = await asyncio.gather(*(site.ask(ITEM) for _ in range(50)))
    assert {json.dumps(a.json()) for a in answers} == {json.dumps(answers[0].json())}
    assert len(serving.asks) == 1
