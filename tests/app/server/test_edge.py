"""What the address takes, and what a manifest switches: GET, batches, origins, suggestions."""

import json
from typing import Any

import httpx
import pytest

from app.demand.figures import Demand, Figures
from app.server.edge import CrossOrigin, Edge
from runtime.limits.rates import Rate
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token, running

VIEWER = "{ viewer { subject } }"
PORTAL = "https://portal.example.com"


def batched(*queries: Any) -> list[Any]:
    return [{"query": q} if isinstance(q, str) else q for q in queries]


@pytest.fixture
def edge() -> Edge:
    return Edge()


@pytest.fixture
def serving(edge: Edge, world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    made.edge = edge
    return made


async def get(site: Site, query: str = VIEWER, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await site.client.get("/graphql", params={"query": query}, headers=sent)


class TestForgery:
    """Apollo's rule: what any page could have sent is not answered."""

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content_Type": "text/plain"},
            {"Content_Type": "application/x-www-form-urlencoded; charset=utf-8"},
            {"Content_Type": "multipart/form-data; boundary=x"},
            {"Content_Type": "nonsense"},
            {"Authorization": "Basic cGlhOnBpYQ=="},  # a browser sends it by itself
            {"Apollo_Require_Preflight": ""},
            {"Cookie": "token=x"},
        ],
    )
    async def test_a_get_of_a_simple_form_is_blocked(
        self, site: Site, headers: dict[str, str]
    ) -> None:
        response = await get(site, "{ __typename }", **headers)
        assert response.status_code == 400
        [error] = response.json()["errors"]
        assert "page of others (CSRF)" in error["message"]
        assert error["extensions"]["code"] == "BAD_REQUEST"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": f"Bearer {a_token()}"},
            {"Apollo_Require_Preflight": "true"},
            {"X_Apollo_Operation_Name": "Items"},
            {"Content_Type": "application/json"},
        ],
    )
    async def test_a_get_that_a_browser_asks_for_first_is_answered(
        self, site: Site, headers: dict[str, str]
    ) -> None:
        assert (await get(site, "{ __typename }", **headers)).status_code == 200

    @pytest.mark.parametrize(
        "kind",
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
    )
    async def test_forms_by_post_are_never_taken(self, site: Site, kind: str) -> None:
        """Uploads neither: no field takes a file."""
        sent = {"Content-Type": kind, "Authorization": f"Bearer {a_token()}"}
        body = json.dumps({"query": "mutation { __typename }"}).encode()
        response = await site.client.post("/graphql", content=body, headers=sent)
        assert response.status_code == 415

    @pytest.mark.parametrize("edge", [Edge(csrf_prevention=False)])
    async def test_it_may_be_switched_off(self, site: Site) -> None:
        assert (await get(site, "{ __typename }")).status_code == 200


@pytest.mark.parametrize("edge", [Edge(get=False)])
async def test_get_may_be_switched_off(site: Site) -> None:
    response = await get(site, Authorization=f"Bearer {a_token()}")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["errors"][0]["message"] == "questions are asked by POST"


class TestBatches:
    @pytest.fixture
    def edge(self) -> Edge:
        return Edge(max_batch=4)

    async def post(self, site: Site, body: Any, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {a_token()}", **headers}
        return await site.client.post("/graphql", json=body, headers=sent)

    async def test_answers_come_in_the_order_of_the_requests(
        self, site: Site, world: Distributor
    ) -> None:
        world.items.delay_s = 0.05  # the first one is the last to be ready
        asked = batched("{ items(first: 1) { nodes { sku } } }", VIEWER, "{ __typename }")
        response = await self.post(site, asked)
        assert response.status_code == 200
        assert [next(iter(each["data"])) for each in response.json()] == [
            "items",
            "viewer",
            "__typename",
        ]

    async def test_what_is_wrong_with_one_is_told_in_its_place(self, site: Site) -> None:
        subscription = "subscription { purchaseOrderChanged { __typename } }"
        asked = batched("{ nonsense }", VIEWER, 5, subscription)
        response = await self.post(site, asked, Accept="application/graphql-response+json")
        assert response.status_code == 200
        wrong, right, number, stream = response.json()
        assert right == {"data": {"viewer": {"subject": "pia"}}}
        codes = [each["errors"][0]["extensions"]["code"] for each in (wrong, number, stream)]
        assert codes == ["GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST", "BAD_USER_INPUT"]
        assert {each["errors"][0]["extensions"]["correlationId"] for each in (wrong, number)} == {
            response.headers["x-correlation-id"]
        }

    async def test_without_a_token_each_is_refused_but_questions_about_the_schema(
        self, site: Site
    ) -> None:
        response = await site.client.post("/graphql", json=batched("{ __typename }", VIEWER))
        free, refused = response.json()
        assert free == {"data": {"__typename": "Query"}}
        assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    @pytest.mark.parametrize(
        "count, status, code",
        [(0, 400, "BAD_REQUEST"), (4, 200, ""), (5, 400, "BATCH_LIMIT_EXCEEDED")],
    )
    async def test_its_length_is_bounded(
        self, site: Site, count: int, status: int, code: str
    ) -> None:
        response = await self.post(site, batched(*[VIEWER] * count))
        assert response.status_code == status
        if code:
            assert response.json()["errors"][0]["extensions"]["code"] == code

    async def test_each_is_priced_and_limited_as_if_it_had_come_alone(
        self, world: Distributor
    ) -> None:
        text = "{ items(first: 2) { nodes { sku } } }"
        price = 1 + len(text) // 16 + 1 + 2
        rate = Rate(0.001, 5 * price)
        serving = FakeServing(*world.sources, demand=Demand(Figures(rate=rate)))
        serving.edge = Edge(max_batch=4)
        async with running(serving) as site:
            response = await self.post(site, batched(*[text] * 4))
            again = await self.post(site, batched(*[text] * 4))
        assert [set(each) for each in response.json()] == [{"data"}] * 4
        assert "r=" in response.headers["ratelimit"]
        refused = [each["errors"][0]["extensions"] for each in again.json() if "errors" in each]
        assert {each["code"] for each in refused} == {"RATE_LIMITED"}
        assert again.status_code == 200  # each is told in its place

    @pytest.mark.parametrize("edge", [Edge()])
    async def test_they_are_off_unless_switched_on(self, site: Site) -> None:
        response = await self.post(site, batched(VIEWER))
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BATCHING_NOT_ENABLED"


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


class TestOtherOrigins:
    @pytest.fixture
    def edge(self) -> Edge:
        allowed = CrossOrigin(origins=frozenset({PORTAL}), credentials=True, max_age_s=60)
        return Edge(cross_origin=allowed)

    async def preflight(self, site: Site, origin: str) -> httpx.Response:
        headers = {"Origin": origin, **PREFLIGHT}
        return await site.client.options("/graphql", headers=headers)

    async def test_a_page_that_is_listed_may_ask(self, site: Site) -> None:
        response = await self.preflight(site, PORTAL)
        assert response.status_code == 204
        told = {n: v for n, v in response.headers.items() if n.startswith("access-control-")}
        assert told == {
            "access-control-allow-origin": PORTAL,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET, HEAD, POST",
            "access-control-allow-headers": "authorization,content-type",
            "access-control-max-age": "60",
        }
        assert response.headers["vary"] == "Origin, Access-Control-Request-Headers"

    async def test_a_page_that_is_listed_may_read(self, site: Site) -> None:
        response = await site.ask(VIEWER, Origin=PORTAL)
        assert response.headers["access-control-allow-origin"] == PORTAL
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert {"X-Correlation-ID", "RateLimit", "RateLimit-Policy", "Retry-After"} <= {*exposed}
        varies = "Accept, Accept-Encoding, Authorization, X-API-Key, Origin"
        assert response.headers["vary"] == varies

    async def test_refusals_may_be_read_too(self, site: Site) -> None:
        response = await site.ask(VIEWER, token=None, Origin=PORTAL)
        assert response.status_code == 401
        assert response.headers["access-control-allow-origin"] == PORTAL

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", f"{PORTAL}.evil.example", "null", "http://portal.example.com"],
    )
    async def test_other_pages_may_not(self, site: Site, origin: str) -> None:
        for response in (await self.preflight(site, origin), await site.ask(VIEWER, Origin=origin)):
            assert not [n for n in response.headers if n.startswith("access-control-")]
            assert "Origin" in response.headers["vary"]

    @pytest.mark.parametrize("edge", [Edge()])
    async def test_nothing_is_said_unless_a_manifest_does(self, site: Site) -> None:
        assert (await self.preflight(site, PORTAL)).status_code == 405
        response = await site.ask(VIEWER, Origin=PORTAL)
        assert not [n for n in response.headers if n.startswith("access-control-")]


NEARLY: list[tuple[str, Any]] = [
    ("{ itms { nodes { sku } } }", None),
    ("{ items(frst: 1) { nodes { sku } } }", None),
    ("query ($f: ItemFilter) { items(filter: $f) { nodes { sku } } }", {"f": {"skuu": {}}}),
    ("{ items { nodes { sku } } } fragment F on Itm { sku }", None),
]


@pytest.mark.parametrize("query, variables", NEARLY)
async def test_errors_suggest_nothing(site: Site, query: str, variables: Any) -> None:
    told = (await site.ask(query, variables)).text
    assert '"errors"' in told
    assert "mean" not in told


@pytest.mark.parametrize("edge", [Edge(suggestions=True)])
@pytest.mark.parametrize("query, variables", NEARLY)
async def test_errors_suggest_where_a_manifest_says_so(
    site: Site, query: str, variables: Any
) -> None:
    assert "Did you mean" in (await site.ask(query, variables)).text


URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize("accept", [URQL, "text/event-stream, application/json", "text/*, */*"])
async def test_who_takes_streams_too_gets_json_for_queries(site: Site, accept: str) -> None:
    response = await site.ask(VIEWER, Accept=accept)
    assert response.headers["content-type"].startswith("application/")
    assert response.json() == {"data": {"viewer": {"subject": "pia"}}}


async def test_an_answer_is_what_it_says_it_is(site: Site) -> None:
    for response in (await site.ask(VIEWER), await site.ask("{"), await get(site)):
        assert response.headers["x-content-type-options"] == "nosniff"
