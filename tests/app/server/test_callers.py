"""Who may ask: no token means no data, a wrong one is told what is wrong, nothing more."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.event_log import open_ledger
from canonical.errors import Reason, UnavailableError
from runtime.security.access_table import AccessTable, Introspection
from runtime.security.api_keys import APIKeys
from runtime.security.callers import Callers
from runtime.security.development import development_config
from runtime.security.key_records import Grants, KeyDesk, KeyOrder
from runtime.security.principal import Principal, Role
from runtime.security.tokens import TokenVerifier
from runtime.store.settings import StoreSettings
from tests.fakes.distributor import Distributor
from tests.fakes.serving import KEY, FakeServing, Site, a_token, running

ITEMS = "{ items { nodes { sku } } }"
SCHEMA_QUESTION = '{ __schema { queryType { name } } __type(name: "Item") { name } __typename }'


async def test_the_schema_is_told_to_who_has_a_token(site: Site) -> None:
    for token in (None, "x.y.z"):
        assert (await site.ask(SCHEMA_QUESTION, token=token)).status_code == 401
    answer = (await site.ask(SCHEMA_QUESTION, token=a_token(Role.SUPPLIER, "S1"))).json()
    assert answer["data"]["__schema"] == {"queryType": {"name": "Query"}}
    assert (await site.ask("{ __typename }", token=None)).json()["data"] == {"__typename": "Query"}


async def test_the_schema_is_told_to_strangers_where_the_manifest_says_so(
    world: Distributor,
) -> None:
    serving = FakeServing(*world.sources)
    serving.access = AccessTable(introspection=Introspection(strangers=True))
    async with running(serving) as site:
        answer = (await site.ask(SCHEMA_QUESTION, token=None)).json()
        assert (await site.ask(ITEMS, token=None)).status_code == 401
    assert answer["data"]["__schema"] == {"queryType": {"name": "Query"}}
    assert answer["data"]["__type"] == {"name": "Item"}
    assert answer["data"]["__typename"] == "Query"


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize(
    "query",
    [
        ITEMS,
        "{ viewer { subject } }",
        '{ node(id: "x") { id } }',
        "{ __typename ...F } fragment F on Query { items { nodes { sku } } }",
        "{ ... on Query { items { nodes { sku } } } }",
        "query A { __typename } query B { items { nodes { sku } } }",
    ],
)
async def test_data_is_401_without_a_token(
    site: Site, serving: FakeServing, query: str, accept: str
) -> None:
    body = {"query": query, "operationName": "B" if "query B" in query else None}
    response = await site.client.post("/graphql", json=body, headers={"Accept": accept})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"].startswith(accept)
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "Authorization: Bearer <token>" in error["message"]
    assert serving.asks == []


@pytest.mark.parametrize(
    "authorization, words",
    [
        ("Basic cGlhOnNlY3JldA==", "other schemes are not taken"),
        ("Bearer", "other schemes are not taken"),
        ("nonsense", "other schemes are not taken"),
        ("", "other schemes are not taken"),
        ("Bearer nonsense", "malformed"),
        ("Bearer a.b.c", "malformed"),
        (f"Bearer {'x' * 60_000}", "longer than"),
        (f"Bearer {a_token()}x", "signature"),
        (f"Bearer {a_token(now=time.time() - 86_400)}", "expired"),
    ],
)
@pytest.mark.parametrize("query", [ITEMS, SCHEMA_QUESTION])
async def test_a_wrong_token_is_401_whatever_is_asked(
    site: Site, authorization: str, words: str, query: str
) -> None:
    headers = {"Authorization": authorization}
    response = await site.client.post("/graphql", json={"query": query}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert words in error["message"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(site: Site, scheme: str) -> None:
    headers = {"Authorization": f"{scheme}  {a_token()}"}
    response = await site.client.post("/graphql", json={"query": ITEMS}, headers=headers)
    assert response.status_code == 200


@pytest.fixture
async def keys(serving: FakeServing, tmp_path: Path) -> AsyncIterator[KeyDesk]:
    """Where keys are made that `serving` takes, beside its tokens."""
    async with open_ledger(StoreSettings(file=tmp_path / "store.db")) as ledger:
        callers = Callers(TokenVerifier(development_config(KEY)), APIKeys(ledger.store))
        serving.tokens = callers
        yield KeyDesk(ledger)
        await callers.aclose()


async def a_key(desk: KeyDesk, **grants: Any) -> str:
    ends = datetime.now(UTC) + timedelta(hours=1)
    order = KeyOrder(name="wms", grants=Grants(**grants), expires_at=ends, actor="ada")
    return (await desk.create(order)).text


async def test_a_machine_asks_with_its_key_in_either_header(site: Site, keys: KeyDesk) -> None:
    text = await a_key(keys, roles=frozenset({Role.SUPPLIER}), suppliers=("S1",))
    body = {"query": "{ viewer { subject roles suppliers } }"}
    for headers in ({"Authorization": f"Bearer {text}"}, {"X-API-Key": text}):
        response = await site.client.post("/graphql", json=body, headers=headers)
        viewer = {"subject": "wms", "roles": ["SUPPLIER"], "suppliers": ["S1"]}
        assert response.json()["data"] == {"viewer": viewer}
        assert "X-API-Key" in response.headers["vary"].split(", ")


@pytest.mark.parametrize(
    "headers, words",
    [
        ({"X-API-Key": "KEY", "Authorization": "Bearer KEY"}, "not both"),
        ({"X-API-Key": a_token()}, "X-API-Key takes API keys"),
        ({"X-API-Key": ""}, "X-API-Key takes API keys"),
        ({"X-API-Key": "KEYx"}, "malformed"),
        ({"Authorization": "Bearer KEYx"}, "malformed"),
        ({"Authorization": "Basic KEY"}, "other schemes are not taken"),
    ],
)
async def test_a_key_in_the_wrong_place_is_told_so(
    site: Site, keys: KeyDesk, headers: dict[str, str], words: str
) -> None:
    text = await a_key(keys, roles=frozenset({Role.PLANNER}))
    sent = {name: value.replace("KEY", text) for name, value in headers.items()}
    response = await site.client.post("/graphql", json={"query": ITEMS}, headers=sent)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    [error] = response.json()["errors"]
    assert words in error["message"]
    assert text not in response.text


async def test_a_supplier_sees_its_own_and_is_told_what_it_may_not(site: Site) -> None:
    token = a_token(Role.SUPPLIER, "S1")
    query = "{ suppliers { nodes { code } } forecasts { nodes { id } } }"
    body = (await site.ask(query, token=token)).json()
    [error] = body["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    query = "{ suppliers { nodes { code } } viewer { roles suppliers } }"
    assert (await site.ask(query, token=token)).json()["data"] == {
        "suppliers": {"nodes": [{"code": "S1"}]},
        "viewer": {"roles": ["SUPPLIER"], "suppliers": ["S1"]},
    }


class _Unreachable:
    async def verify(self, credential: str) -> Principal:
        message = "its published keys cannot be read"
        raise UnavailableError("identity", Reason.CONNECTION, message, retry_after_s=12.4)


class _Broken:
    async def verify(self, credential: str) -> Principal:
        raise KeyError("/etc/keys/private.pem")


async def test_tokens_that_cannot_be_checked_now_are_503(site: Site, serving: FakeServing) -> None:
    serving.tokens = _Unreachable()
    response = await site.ask(ITEMS)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "12"
    assert response.json()["errors"][0]["extensions"]["system"] == "identity"


async def test_a_fault_of_the_check_is_500_without_its_inside(
    site: Site, serving: FakeServing
) -> None:
    serving.tokens = _Broken()
    response = await site.ask(ITEMS)
    assert response.status_code == 500
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "KeyError" not in response.text
    assert "private.pem" not in response.text
