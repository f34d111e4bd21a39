"""The GraphQL over HTTP specification (draft of August 2026), requirement by requirement."""

import asyncio
import json
from typing import Any

import pytest
from graphql import get_introspection_query
from httpx import Response

from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token, running

BOTH = ["application/graphql-response+json", "application/json"]
RESPONSE_JSON, PLAIN_JSON = BOTH
JSON = {"Content-Type": "application/json"}
VIEWER = {"query": "{ viewer { subject } }"}


def kind(response: Response) -> str:
    return response.headers["content-type"].partition(";")[0]


async def post(site: Site, body: Any, accept: str | None = None, **headers: str) -> Response:
    """Post a body as it is, or as JSON if it is not bytes yet."""
    sent = {**JSON, "Authorization": f"Bearer {a_token()}", **headers}
    if accept is not None:
        sent["Accept"] = accept
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await site.client.post("/graphql", content=content, headers=sent)


@pytest.mark.parametrize("accept", BOTH)
async def test_an_answer_has_the_accepted_type_and_says_its_encoding(
    site: Site, accept: str
) -> None:
    response = await post(site, VIEWER, accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.json() == {"data": {"viewer": {"subject": "pia"}}}


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("*/*", PLAIN_JSON),
        ("application/*", PLAIN_JSON),
        ("text/html, */*;q=0.1", PLAIN_JSON),
        ("application/graphql-response+json, application/json;q=0.9", RESPONSE_JSON),
        ("application/json;q=0.9, application/graphql-response+json;q=0.5", PLAIN_JSON),
        ("application/graphql-response+json;q=0, */*", PLAIN_JSON),
        ("APPLICATION/JSON; charset=utf-8", PLAIN_JSON),
        ("", PLAIN_JSON),
    ],
)
async def test_the_accept_header_is_respected(site: Site, accept: str, expected: str) -> None:
    assert kind(await post(site, VIEWER, accept)) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1, image/*", "*/*;q=0"])
async def test_nothing_acceptable_is_406_and_not_run(site: Site, accept: str) -> None:
    response = await post(site, VIEWER, accept)
    assert response.status_code == 406
    assert kind(response) == PLAIN_JSON
    assert "data" not in response.json()


@pytest.mark.parametrize("accept", BOTH)
@pytest.mark.parametrize(
    "body, plain_status",
    [
        pytest.param(b"NONSENSE", 400, id="no JSON"),
        pytest.param(b'{"query":', 400, id="broken JSON"),
        pytest.param(b"", 400, id="no body"),
        pytest.param(b'{"query": "\xff"}', 400, id="not UTF-8"),
        pytest.param([VIEWER], 400, id="a batch"),
        pytest.param("text", 400, id="a string"),
        pytest.param({"qeury": "{ __typename }"}, 400, id="no query"),
        pytest.param({"query": {"obj": "ect"}}, 400, id="query is an object"),
        pytest.param({"query": 7}, 400, id="query is a number"),
        pytest.param({"query": "  "}, 400, id="query is empty"),
        pytest.param({**VIEWER, "operationName": {}}, 400, id="name is an object"),
        pytest.param({**VIEWER, "operationName": ["a"]}, 400, id="name is a list"),
        pytest.param({**VIEWER, "variables": "text"}, 400, id="variables are a string"),
        pytest.param({**VIEWER, "variables": [7]}, 400, id="variables are a list"),
        pytest.param({**VIEWER, "extensions": 1}, 400, id="extensions are a number"),
        pytest.param({"query": "{"}, 200, id="document cannot be parsed"),
        pytest.param({"query": "{ nonsense }"}, 200, id="document is not valid"),
        pytest.param({"query": "{ a: viewer { subject } a: items { nodes { sku } } }"}, 200),
        pytest.param({"query": "{ items(first: true) { nodes { sku } } }"}, 200, id="wrong type"),
        pytest.param({"query": "fragment F on Query { __typename }"}, 200, id="no operation"),
        pytest.param({"query": "query A { __typename } query B { __typename }"}, 200, id="which?"),
        pytest.param({**VIEWER, "operationName": "Other"}, 200, id="unknown operation"),
        pytest.param(
            {"query": "query ($n: Int!) { items(first: $n) { nodes { sku } } }"}, 200, id="missing"
        ),
        pytest.param(
            {
                "query": "query ($n: Int!) { items(first: $n) { nodes { sku } } }",
                "variables": {"n": "three"},
            },
            200,
            id="variable of another type",
        ),
    ],
)
async def test_a_wrong_request_has_no_data_and_4xx_unless_plain_json_is_wanted_and_it_could_be_read(
    site: Site, body: Any, plain_status: int, accept: str
) -> None:
    response = await post(site, body, accept)
    assert response.status_code == (plain_status if accept == PLAIN_JSON else 400)
    assert kind(response) == accept
    told = response.json()
    assert set(told) == {"errors"}
    assert all(e["message"] and e["extensions"]["code"] for e in told["errors"])


@pytest.mark.parametrize("accept", BOTH)
@pytest.mark.parametrize(
    "more",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {}, "extensions": {"anything": {"goes": 1}}},
        {"operationName": ""},
        {"id": 7, "unknown": ["ignored"]},
    ],
)
async def test_optional_parameters_may_be_null_and_unknown_ones_are_ignored(
    site: Site, more: dict[str, Any], accept: str
) -> None:
    response = await post(site, {**VIEWER, **more}, accept)
    assert response.json() == {"data": {"viewer": {"subject": "pia"}}}


async def test_a_map_of_variables_and_the_operations_name_are_used(site: Site) -> None:
    two = "query A { __typename } query B($sku: String!) { item(sku: $sku) { sku } }"
    body = {"query": two, "operationName": "B", "variables": {"sku": "I3"}}
    assert (await post(site, body)).json() == {"data": {"item": {"sku": "I3"}}}


@pytest.mark.parametrize("accept", BOTH)
async def test_errors_of_fields_are_200_with_either_type(site: Site, accept: str) -> None:
    query = '{ viewer { subject } node(id: "nonsense") { id } }'
    response = await post(site, {"query": query}, accept)
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == {"viewer": {"subject": "pia"}, "node": None}
    assert body["errors"][0]["path"] == ["node"]


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('APPLICATION/JSON;charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/graphql", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
async def test_requests_are_json_in_utf8(site: Site, content_type: str, status: int) -> None:
    response = await post(site, VIEWER, **{"Content-Type": content_type})
    assert response.status_code == status


async def test_characters_beyond_ascii_come_back_as_they_went(site: Site) -> None:
    body = {"query": '{ item(sku: "Zürich-螺栓-\U0001f529") { sku } node(id: "Zürich") { id } }'}
    content = json.dumps(body, ensure_ascii=False).encode()
    answer = (await post(site, content)).json()
    assert answer["data"] == {"item": None, "node": None}
    assert "Zürich" in answer["errors"][0]["message"]


async def get(site: Site, **parameters: str) -> Response:
    headers = {"Authorization": f"Bearer {a_token()}"}
    return await site.client.get("/graphql", params=parameters, headers=headers)


async def test_a_query_may_be_asked_by_get(site: Site) -> None:
    query = "query Q($sku: String!) { item(sku: $sku) { sku } }"
    response = await get(site, query=query, variables='{"sku": "I3"}', operationName="Q")
    assert response.status_code == 200
    assert response.json() == {"data": {"item": {"sku": "I3"}}}


async def test_empty_parameters_of_get_are_as_if_not_there(site: Site) -> None:
    response = await get(
        site, query="{ __typename }", variables="", operationName="", extensions=""
    )
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": "{ __typename }", "variables": "nonsense"},
        {"query": "{ __typename }", "variables": "[1]"},
        {"query": "{ __typename }", "extensions": "nonsense"},
        {"query": "query A { __typename }", "operationName": "null"},
    ],
)
async def test_wrong_parameters_of_get_are_400(site: Site, parameters: dict[str, str]) -> None:
    assert (await get(site, **parameters)).status_code == 400


async def test_a_mutation_by_get_is_405_and_says_what_is_allowed(site: Site) -> None:
    two = "query A { __typename } mutation B { __typename }"
    assert (await get(site, query=two, operationName="A")).status_code == 200
    refused = await get(site, query=two, operationName="B")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert "data" not in refused.json()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_other_methods_are_405_and_say_what_is_allowed(site: Site, method: str) -> None:
    response = await site.client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert response.json()["errors"]


async def test_head_is_as_get_without_the_body(site: Site) -> None:
    headers = {"Apollo-Require-Preflight": "yes"}
    response = await site.client.head(
        "/graphql", params={"query": "{ __typename }"}, headers=headers
    )
    assert response.status_code == 200
    assert response.content == b""


async def test_a_subscription_is_refused_over_http(site: Site) -> None:
    subscription = "subscription { purchaseOrderChanged { __typename } }"
    assert (await post(site, {"query": subscription})).status_code == 400


async def test_answers_are_never_kept_by_caches(site: Site) -> None:
    headers = (await post(site, VIEWER)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Accept, Accept-Encoding, Authorization, X-API-Key"


class TestLimits:
    async def test_too_large_a_request_is_413(self, site: Site) -> None:
        response = await post(site, {"query": "{ __typename }", "more": "x" * 300_000})
        assert response.status_code == 413
        assert "256 KB" in response.json()["errors"][0]["message"]

    async def test_too_large_a_request_of_unknown_length_is_413(self, site: Site) -> None:
        async def endless() -> Any:
            for _ in range(40):
                yield b" " * 10_000

        response = await site.client.post("/graphql", content=endless(), headers=JSON)
        assert response.status_code == 413

    async def test_an_endless_request_is_not_listened_to(self, site: Site) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000000000\r\n\r\n"
        )

        async def send_on() -> None:
            for _ in range(10_000):
                writer.write(b" " * 100_000)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await send_on()
        writer.close()

    async def test_too_long_an_address_is_414(self, world: Distributor) -> None:
        async with running(FakeServing(*world.sources, max_bytes=4_096)) as site:
            response = await get(site, query="{ __typename }" + " " * 4_096)
        assert response.status_code == 414

    @pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")])
    async def test_deeply_nested_json_is_400(
        self, site: Site, opening: bytes, closing: bytes
    ) -> None:
        nested = opening * 20_000 + b"1" + closing * 20_000
        body = b'{"query": "{ __typename }", "variables": {"a": ' + nested + b"}}"
        response = await post(site, body)
        assert response.status_code == 400
        assert response.json()["errors"][0]["message"] == "the request body is nested too deeply"

    @pytest.mark.parametrize(
        "query, message",
        [
            pytest.param(
                "{" + " ".join(f"a{i}: __typename" for i in range(20_000)) + "}",
                "larger than 256 KB",
                id="20,000 aliases",
            ),
            pytest.param(
                "{" + " ".join(f"a{i}:__typename" for i in range(2_500)) + "}",
                "more than 2000 tokens",
                id="tokens",
            ),
            pytest.param(
                "{" + " ".join(f"a{i}: viewer {{ subject }}" for i in range(51)) + "}",
                "51 root fields; at most 50",
                id="root fields",
            ),
            pytest.param("{ a" * 5_000, "nested too deeply", id="braces"),
            pytest.param("{items{nodes{" * 6 + "sku" + "}}}" * 6, "", id="not a way to go"),
            pytest.param(
                "{ items { nodes { "
                + "preferredSupplier { items { nodes { " * 5
                + "sku"
                + " } } }" * 5
                + " } } }",
                "18 levels of fields; at most 15",
                id="levels",
            ),
            pytest.param(
                "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
                "Cannot spread fragment",
                id="fragments in a circle",
            ),
            pytest.param(
                "{ items { nodes { ...F0 } } }"
                + "".join(
                    f" fragment F{i} on Item {{ a: preferredSupplier {{ items {{ nodes "
                    f"{{ ...F{i + 1} }} }} }} b: preferredSupplier {{ items {{ nodes "
                    f"{{ ...F{i + 1} }} }} }} }}"
                    for i in range(40)
                )
                + " fragment F40 on Item { sku }",
                "fields in all",
                id="fragments that double",
            ),
            pytest.param(
                "{" + " ".join(f"s{i}: __schema {{ types {{ name }} }}" for i in range(49)) + "}",
                "",
                id="schema questions within bounds",
            ),
            pytest.param(
                "{ __schema { types { " + " ".join(f"n{i}: name" for i in range(600)) + " } } }",
                "602 fields about the schema; at most 500",
                id="schema questions",
            ),
        ],
    )
    async def test_too_much_at_once_is_refused_before_it_is_run(
        self, site: Site, query: str, message: str
    ) -> None:
        response = await asyncio.wait_for(post(site, {"query": query}), 5)
        if message:
            assert response.status_code in {400, 413}
            assert any(message in e["message"] for e in response.json()["errors"])
        else:
            assert response.status_code < 500

    async def test_the_query_of_tools_is_within_bounds(self, site: Site) -> None:
        query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
        answer = await site.ask(query)
        assert answer.status_code == 200
        assert "PurchaseOrder" in {t["name"] for t in answer.json()["data"]["__schema"]["types"]}
