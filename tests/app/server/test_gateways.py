"""What a gateway asks over HTTP: the SDL, entities, and traces."""

from typing import Any

import httpx
import pytest

from app.server.ports import Serves
from schema.federation import subgraph_sdl
from tests.fakes.desk import SCHEMA
from tests.fakes.serving import FakeServing, Site, running

SDL = "{ _service { sdl } }"
ITEMS = """query ($keys: [_Any!]!) { _entities(representations: $keys) {
    ... on Item { sku name } } }"""
KEYS = [{"__typename": "Item", "sku": sku} for sku in ("I1", "I9", "I1")]


def extensions(response: httpx.Response) -> Any:
    return response.json().get("extensions", {})


async def test_the_sdl_is_told_to_whoever_may_introspect(site: Site) -> None:
    response = await site.ask(SDL)
    assert response.json() == {"data": {"_service": {"sdl": subgraph_sdl(SCHEMA.as_str())}}}
    assert (await site.ask(SDL, token=None)).status_code == 401
    mixed = "{ _service { sdl } items { nodes { sku } } }"
    assert (await site.ask(mixed, token=None)).status_code == 401


async def test_entities_are_for_those_who_say_who_they_are(site: Site) -> None:
    assert (await site.ask(ITEMS, {"keys": KEYS}, token=None)).status_code == 401
    response = await site.ask(ITEMS, {"keys": KEYS})
    assert [e["name"] for e in response.json()["data"]["_entities"]] == [
        "Item 1",
        "Item 9",
        "Item 1",
    ]


@pytest.mark.parametrize(
    "keys", [None, "I1", 5, [None], [[]], [{}], [{"__typename": {}}], {"sku": "I1"}, [[{}], 0.5]]
)
async def test_rubbish_is_told_in_words_and_names_nothing_inside(site: Site, keys: Any) -> None:
    response = await site.ask(ITEMS, {"keys": keys})
    errors = response.json()["errors"]
    assert {e["extensions"]["code"] for e in errors} == {"BAD_USER_INPUT"}
    assert not any(w in response.text for w in ("Traceback", "self", "NoneType", "kwargs", ".py"))


async def test_a_trace_is_told_to_who_asks_for_one_where_it_is_switched_on(
    serving: FakeServing,
) -> None:
    header: Any = {"apollo_federation_include_trace": "ftv1"}
    async with running(serving) as site:
        assert extensions(await site.ask(ITEMS, {"keys": KEYS}, **header)) == {}
    serving.serves = Serves(traces=True)
    async with running(serving) as site:
        plain = await site.ask(ITEMS, {"keys": KEYS})
        traced = await site.ask(ITEMS, {"keys": KEYS}, **header)
        assert extensions(plain) == {}
        assert list(extensions(traced)) == ["ftv1"]
        assert traced.json()["data"] == plain.json()["data"]
        wrong = await site.ask(ITEMS, {"keys": KEYS}, apollo_federation_include_trace="ftv2")
        assert extensions(wrong) == {}
        refused = await site.ask("{ no { such } }", **header)
        assert extensions(refused) == {}
        both = await site.ask(ITEMS, {"keys": KEYS}, X_Supplygraph_Extensions="cost", **header)
        assert list(extensions(both)) == ["supplygraph", "ftv1"]
