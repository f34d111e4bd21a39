"""Whatever is sent, nobody gets a fault of ours, or a look inside."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from app.server.application import create_app
from app.server.ports import Serving
from tests.app.server.rubbish import (
    SYSTEMS,
    arguments_of,
    jsons,
    packed,
    positions,
    question,
    texts,
    unpacked,
)
from tests.fakes.desk import SCHEMA
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, a_token

INSIDE = re.compile(
    r"Traceback|site-packages|\.py\b|object at 0x|<class |<function|\bNone\b|msgspec|strawberry"
    r"|aiodataloader|canonical\.|loaders\.|resolvers\.|[A-Za-z]+Error\b|Exception"
)
OURS = re.compile(r"Supply\w*Exception\w*|\b(?:assign|comment|retry|resolve|cancel)Exception\b")
"""Names of the schema, which sound like something inside."""
ROOTS = {
    (kind, name): field
    for kind, root in (
        ("query", SCHEMA._schema.query_type),
        ("mutation", SCHEMA._schema.mutation_type),
    )
    if root is not None
    for name, field in root.fields.items()
}
WORDS = [
    *('{}()[]:!$@|&="#', "...", "query", "mutation", "subscription", "fragment", "on", "Item"),
    *("items", "nodes", "sku", "first", "viewer", "__typename", "__schema", '"""', "\n", "1e9"),
    *("-1", "$x", "@skip(if: true)", "@include", "null", "true", "\\u0000", "\ufeff", "item"),
]
HEADERS = [
    *("accept", "authorization", "content-type", "x-correlation-id", "traceparent", "cookie"),
    *("x-supplygraph-max-staleness", "x-supplygraph-extensions", "content-length"),
]
documents = st.lists(st.sampled_from(WORDS) | texts, max_size=25).map(" ".join)
headers = st.dictionaries(
    st.sampled_from(HEADERS),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
)
parameters = st.dictionaries(
    st.sampled_from(["query", "variables", "extensions", "operationName"]), documents
)
tried = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@asynccontextmanager
async def opened() -> AsyncIterator[Serving]:
    yield FakeServing(*Distributor().sources)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(opened, graphiql=None, schema=SCHEMA)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


def check(response: httpx.Response, *sent: str) -> Any:
    """No fault of ours, and nothing of our inside but what was sent itself."""
    assert response.status_code < 500, response.text
    body = response.json() if response.content else {}
    for error in body.get("errors", ()):
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
        message = error["message"]
        found = INSIDE.search(OURS.sub("", message))
        assert found is None or any(found[0] in text for text in sent), message
    return body


async def ask(client: httpx.AsyncClient, body: Any) -> httpx.Response:
    sent = {"Authorization": f"Bearer {a_token()}", "Content-Type": "application/json"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/graphql", content=content, headers=sent)


@pytest.mark.parametrize("kind, name", ROOTS)
@settings(tried, max_examples=60)  # fields have most kinds of arguments in common
@given(data=st.data())
async def test_arguments(
    client: httpx.AsyncClient, kind: str, name: str, data: st.DataObject
) -> None:
    field = ROOTS[kind, name]
    variables = data.draw(arguments_of(field))
    body = {"query": question(kind, name, field, variables), "variables": variables}
    told = check(await ask(client, body), json.dumps(variables), str(variables))
    event("answered" if "data" in told else "refused")


@tried
@given(positions, st.sampled_from(SYSTEMS), st.sampled_from(["NUMBER", "ORDERED_ON", "UPDATED_AT"]))
async def test_cursors_that_are_ours_but_for_their_places(
    client: httpx.AsyncClient, places: list[tuple[str, str]], system: str, order: str
) -> None:
    query = (
        "query ($after: String) { purchaseOrders(first: 3, after: $after, "
        f"orderBy: [{{field: {order}}}]) {{ nodes {{ number }} pageInfo {{ endCursor }} }} }}"
    )
    first = (await ask(client, {"query": query})).json()
    digest, known = unpacked(first["data"]["purchaseOrders"]["pageInfo"]["endCursor"])
    forged = packed([digest, {**known, system: places}])
    check(await ask(client, {"query": query, "variables": {"after": forged}}), str(places))


@tried
@given(documents)
@example("query ($a: Int = 99999999999999999999) { items(first: $a) { nodes { sku } } }")
@example('{ item(sku: "\\u{110000}") { sku } }')
@example("{ items(first: 1e400) { nodes { sku } } }")
async def test_documents(client: httpx.AsyncClient, text: str) -> None:
    check(await ask(client, {"query": text}), text)


@tried
@given(st.binary(max_size=200) | jsons.map(lambda x: json.dumps(x).encode()))
async def test_bodies(client: httpx.AsyncClient, body: bytes) -> None:
    check(await ask(client, body), body.decode("utf-8", "replace"))


@tried
@given(headers)
async def test_headers(client: httpx.AsyncClient, sent: dict[str, str]) -> None:
    encoded = {name.encode(): text.encode("latin-1") for name, text in sent.items()}
    every = {b"content-type": b"application/json", **encoded}
    body = b'{"query": "{ viewer { subject } }"}'
    check(await client.post("/graphql", content=body, headers=list(every.items())), *sent.values())


@tried
@given(parameters)
async def test_addresses(client: httpx.AsyncClient, sent: dict[str, str]) -> None:
    check(await client.get("/graphql", params=sent), *sent.values())
