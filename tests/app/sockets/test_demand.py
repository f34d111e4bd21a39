"""Limits hold alike over everything that operations come by."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.demand.bounds import Bounds
from app.demand.figures import Demand, Figures
from runtime.limits.rates import Rate
from runtime.limits.turns import TurnRules
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from tests.app.sockets.talk import LEGACY, Talk
from tests.fakes.distributor import Distributor
from tests.fakes.serving import KEY, FakeServing, Site, a_token
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until

Asks = Callable[[Site, Talk, str, dict[str, Any]], Awaitable[dict[str, Any]]]
ITEMS = "{ items(first: 1) { nodes { sku } } }"
SCARCE = Figures(max_cost=20, rate=Rate(0.01, 20), turns=TurnRules(1, 0, 5.0))
STREAMED = {"Accept": "text/event-stream"}


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    small = Figures(Bounds(depth=4), max_cost=40, rate=None)
    return FakeServing(*world.sources, demand=Demand(roles={
        Role.PLANNER: small, Role.BUYER: SCARCE,
    }))  # fmt: skip


def headers(**more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {a_token()}", **more}


async def by_post(site: Site, _: Talk, query: str, variables: dict[str, Any]) -> Any:
    return (await site.ask(query, variables)).json()["errors"][0]


async def by_get(site: Site, _: Talk, query: str, variables: dict[str, Any]) -> Any:
    sent = {"query": query, "variables": json.dumps(variables)}
    answer = await site.client.get("/graphql", params=sent, headers=headers())
    return answer.json()["errors"][0]


async def by_event_stream(site: Site, _: Talk, query: str, variables: dict[str, Any]) -> Any:
    sent = {"query": query, "variables": variables}
    answer = await site.client.post("/graphql", json=sent, headers=headers(**STREAMED))
    return answer.json()["errors"][0]


async def by_socket(_: Site, talk: Talk, query: str, variables: dict[str, Any]) -> Any:
    line = await talk.connected()
    payload = {"query": query, "variables": variables}
    await line.say({"id": "q", "type": "subscribe", "payload": payload})
    heard = await line.hear()
    assert (heard["type"], heard["id"]) == ("error", "q")
    await line.is_well()
    return heard["payload"][0]


async def by_older_socket(_: Site, talk: Talk, query: str, variables: dict[str, Any]) -> Any:
    line = await talk.open(LEGACY)
    await line.say({"type": "connection_init", "payload": headers()})
    await line.hear()
    await line.hear()
    payload = {"query": query, "variables": variables}
    await line.say({"id": "q", "type": "start", "payload": payload})
    heard = await line.hear()
    assert (heard["type"], heard["id"]) == ("error", "q")
    return heard["payload"]


WAYS = [by_post, by_get, by_event_stream, by_socket, by_older_socket]


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "query, variables, code",
    [
        pytest.param("{" + " __typename" * 2_000 + "}", {}, "OPERATION_TOO_LARGE", id="tokens"),
        pytest.param(
            "{ items { nodes { preferredSupplier { items { totalCount } } } } }", {},
            "OPERATION_TOO_LARGE", id="the depth of a role",
        ),
        pytest.param(
            "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [[[[[[[[[[["x"]]]]]]]]]]]},
            "OPERATION_TOO_LARGE", id="nested variables",
        ),
        pytest.param(
            "query Q($n: Int) { items(first: $n) { nodes { sku } } }", {"n": 2_000},
            "COST_LIMIT", id="cost",
        ),
        pytest.param("{ items(first: 1) {", {}, "GRAPHQL_PARSE_FAILED", id="no document"),
    ],
)  # fmt: skip
async def test_it_is_refused_alike_however_it_comes(
    site: Site, talk: Talk, ask: Asks, query: str, variables: dict[str, Any], code: str
) -> None:
    assert (await ask(site, talk, query, variables))["extensions"]["code"] == code


SUBSCRIPTION = (
    "subscription S { purchaseOrderChanged { purchaseOrder { receipts { lines { unit }}}}}"
)


async def test_subscriptions_are_measured_and_priced_like_queries(
    site: Site, talk: Talk, streams: FakeStreams
) -> None:
    deep = "subscription S { purchaseOrderChanged { purchaseOrder { supplier { items { totalCount"
    dear = SUBSCRIPTION.replace("unit", "item { inventory { unit } }")
    for query, code in ((deep + " }" * 5, "OPERATION_TOO_LARGE"), (dear, "OPERATION_TOO_LARGE")):
        assert (await by_socket(site, talk, query, {}))["extensions"]["code"] == code
        sent = {"query": query}
        answer = await site.client.post("/graphql", json=sent, headers=headers(**STREAMED))
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert streams.begun == []


async def spend(site: Site, token: str) -> None:
    """Spend what a buyer has."""
    for _ in range(30):
        answer = await site.ask("{ viewer { subject } }", token=token)
        if answer.status_code == 429:
            return
    pytest.fail("it was never refused")


async def test_a_caller_that_has_spent_everything_is_told_when_to_come_again(
    site: Site, talk: Talk, streams: FakeStreams
) -> None:
    token = a_token(Role.BUYER)
    await spend(site, token)
    answer = await site.ask(ITEMS, token=token)
    assert answer.status_code == 429
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    wait_s = error["extensions"]["retryAfter"]
    assert answer.headers["retry-after"] == str(wait_s)
    assert answer.headers["ratelimit"] == f'"default";r=0;t={wait_s}'
    line = await talk.connected(token)
    payload = {"query": "subscription { purchaseOrderChanged { system } }"}
    for query in ({"query": ITEMS}, payload):
        await line.say({"id": "q", "type": "subscribe", "payload": query})
        [told] = (await line.hear())["payload"]
        assert told["extensions"]["code"] == "RATE_LIMITED"
        assert told["extensions"]["retryAfter"] > 0
    sent = {"Authorization": f"Bearer {token}", **STREAMED}
    refused = await site.client.post("/graphql", json=payload, headers=sent)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert streams.begun == []


@pytest.fixture
def held(world: Distributor) -> Distributor:
    """Items that nobody waits for to the end."""
    world.items.delay_s = 5.0
    return world


async def test_operations_at_a_time_are_bounded_for_each_caller(
    site: Site, held: Distributor, talk: Talk
) -> None:
    line = await talk.connected(a_token(Role.BUYER))
    await line.say({"id": "slow", "type": "subscribe", "payload": {"query": ITEMS}})
    await until(lambda: bool(held.items.asked))
    refused = await site.ask("{ viewer { subject } }", token=a_token(Role.BUYER))
    assert refused.status_code == 429
    error = refused.json()["errors"][0]
    assert error["extensions"]["code"] == "TOO_MANY_OPERATIONS"
    assert refused.headers["retry-after"] == "5"
    bob = mint_development_token(KEY, "bob", [Role.BUYER], None, 600)
    assert (await site.ask("{ viewer { subject } }", token=bob)).status_code == 200
    await line.say({"id": "slow", "type": "complete"})
