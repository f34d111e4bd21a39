"""Who may ask: no token means no data, a wrong one is told what is wrong, nothing more."""

import time

import pytest

from canonical.errors import Reason, UnavailableError
from runtime.security.principal import Principal, Role
from tests.fakes.serving import FakeServing, Site, a_token

ITEMS = "{ items { nodes { sku } } }"
SCHEMA_QUESTION = '{ __schema { queryType { name } } __type(name: "Item") { name } __typename }'


async def test_the_schema_may_be_asked_for_without_a_token(site: Site) -> None:
    answer = (await site.ask(SCHEMA_QUESTION, token=None)).json()
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
    async def verify(self, token: str) -> Principal:
        message = "its published keys cannot be read"
        raise UnavailableError("identity", Reason.CONNECTION, message, retry_after_s=12.4)


class _Broken:
    async def verify(self, token: str) -> Principal:
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
