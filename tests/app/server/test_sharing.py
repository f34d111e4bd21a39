"""The same question at the same time is one execution, for as long as anybody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from app.server.ports import Serves
from canonical.errors import Reason, UnavailableError
from runtime.cache.answers import AnswerCache
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from tests.fakes.distributor import Distributor
from tests.fakes.serving import KEY, FakeServing, Site, a_token, running

ITEM = '{ item(sku: "I3") { sku name inventory { onHand } } }'
COST: Any = {"X_Supplygraph_Extensions": "cost"}


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    desk = made.desk
    cache = AnswerCache(
        desk.cache, None, version="test", max_bytes=0, clock=lambda: desk.now_s
    )  # keeps nothing: what is shared here is shared in flight
    made.serves = Serves(cache)
    return made


@pytest.fixture
async def site(serving: FakeServing) -> AsyncIterator[Site]:
    async with running(serving) as site:
        yield site


async def under_way(world: Distributor) -> None:
    """Wait until the execution has asked its last system."""
    while not world.inventory.asked:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.005)


def origin(response: httpx.Response) -> str:
    found: str = response.json()["extensions"]["supplygraph"]["answer"]
    return found


async def test_one_execution_answers_all_who_wait(
    site: Site, serving: FakeServing, world: Distributor
) -> None:
    world.inventory.delay_s = 0.2
    answers = await asyncio.gather(
        *(site.ask(ITEM, X_Correlation_ID=f"c-{n}", **COST) for n in range(5))
    )
    assert len(serving.asks) == 1
    assert sorted(map(origin, answers)) == ["made", *["shared"] * 4]
    data = answers[0].json()["data"]
    for n, answer in enumerate(answers):
        assert answer.json()["data"] == data
        assert answer.json()["extensions"]["supplygraph"]["correlationId"] == f"c-{n}"
        assert answer.headers["x-correlation-id"] == f"c-{n}"


async def test_errors_are_told_to_each_under_its_own_number(
    site: Site, serving: FakeServing, world: Distributor
) -> None:
    world.inventory.delay_s = 0.2
    world.inventory.error = UnavailableError("erp", Reason.SERVER_ERROR, "answered 503")
    answers = await asyncio.gather(*(site.ask(ITEM, X_Correlation_ID=f"c-{n}") for n in range(3)))
    assert len(serving.asks) == 1
    for n, answer in enumerate(answers):
        [error] = answer.json()["errors"]
        assert error["extensions"]["correlationId"] == f"c-{n}"


async def test_the_first_one_may_leave(
    site: Site, serving: FakeServing, world: Distributor
) -> None:
    world.inventory.delay_s = 0.4
    leader = asyncio.ensure_future(site.ask(ITEM))
    await under_way(world)
    followers = [asyncio.ensure_future(site.ask(ITEM, **COST)) for _ in range(2)]
    await asyncio.sleep(0.1)
    leader.cancel()
    answers = await asyncio.gather(*followers)
    assert [(a.status_code, origin(a)) for a in answers] == [(200, "shared")] * 2
    assert len(serving.asks) == len(world.inventory.asked) == 1
    assert site.drain.under_way == 0


async def test_what_nobody_waits_for_any_more_ends(
    site: Site, world: Distributor, serving: FakeServing
) -> None:
    world.items.delay_s = 0.3
    asking = [asyncio.ensure_future(site.ask(ITEM)) for _ in range(3)]
    while not world.items.asked:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    for one in asking:
        one.cancel()
    await asyncio.sleep(0.5)
    assert world.inventory.asked == []
    assert site.drain.under_way == 0
    world.items.delay_s = 0
    assert (await site.ask(ITEM)).json()["data"]["item"]["sku"] == "I3"


@pytest.mark.parametrize("role, suppliers", [(Role.BUYER, ()), (Role.SUPPLIER, ("S1",))])
async def test_other_rights_have_their_own(
    site: Site, serving: FakeServing, world: Distributor, role: Role, suppliers: tuple[str, ...]
) -> None:
    world.items.delay_s = 0.2
    question = '{ item(sku: "I3") { sku openOrderLines { quantity } } }'
    await asyncio.gather(site.ask(question), site.ask(question, token=a_token(role, *suppliers)))
    assert len(serving.asks) == 2


async def test_what_is_about_the_caller_is_its_own(site: Site, world: Distributor) -> None:
    world.items.delay_s = 0.2
    query = '{ viewer { subject } item(sku: "I3") { name } }'
    names = ["ada", "bob"]
    tokens = [mint_development_token(KEY, n, [Role.PLANNER], None, 600) for n in names]
    answers = await asyncio.gather(*(site.ask(query, token=t) for t in tokens))
    assert [a.json()["data"]["viewer"]["subject"] for a in answers] == names


@pytest.mark.parametrize(
    "query, headers",
    [
        (ITEM, {"X_Supplygraph_Max_Staleness": "60"}),
        ('{ item(sku: "I3", maxStaleness: 60) { sku inventory { onHand } } }', {}),
    ],
)
async def test_who_minds_the_age_of_records_asks_alone(
    site: Site, serving: FakeServing, world: Distributor, query: str, headers: Any
) -> None:
    world.inventory.delay_s = 0.2
    first = asyncio.ensure_future(site.ask(query, **headers))
    await under_way(world)
    await site.ask(query, **headers)
    await first
    assert len(serving.asks) == 2


async def test_nobody_joins_what_has_little_time_left(world: Distributor) -> None:
    serving = FakeServing(*world.sources, timeout_s=0.6)
    serving.serves = Serves(AnswerCache(serving.desk.cache, None, version="test", max_bytes=0))
    world.inventory.delay_s = 0.5
    async with running(serving) as site:
        first = asyncio.ensure_future(site.ask(ITEM))
        await asyncio.sleep(0.4)
        second = await site.ask(ITEM)
        assert "errors" not in second.json()
        assert "errors" not in (await first).json()
    assert len(serving.asks) == 2


async def test_changes_are_made_once_for_each_who_asks(site: Site, serving: FakeServing) -> None:
    mutation = (
        'mutation { acknowledgePurchaseOrder(input: {number: "x", lines: []}) { __typename } }'
    )
    await asyncio.gather(*(site.ask(mutation) for _ in range(3)))
    assert len(serving.asks) == 3


async def test_it_may_be_switched_off(serving: FakeServing, world: Distributor) -> None:
    serving.serves = replace(serving.serves, share_in_flight=False)
    world.items.delay_s = 0.1
    async with running(serving) as site:
        await asyncio.gather(*(site.ask(ITEM) for _ in range(3)))
    assert len(serving.asks) == 3


async def test_a_fault_of_ours_reaches_all_who_wait(
    site: Site, world: Distributor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        await asyncio.sleep(0.1)
        raise RuntimeError("secret")

    monkeypatch.setattr("app.server.execution.Execution.run", broken)
    answers = await asyncio.gather(*(site.ask(ITEM, X_Correlation_ID=f"c-{n}") for n in range(3)))
    assert [a.status_code for a in answers] == [500] * 3
    numbers = [a.json()["errors"][0]["extensions"]["correlationId"] for a in answers]
    assert numbers == ["c-0", "c-1", "c-2"]
