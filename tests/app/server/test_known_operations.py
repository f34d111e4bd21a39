"""Trusted documents: named in every form, asked by all ways, and who may ask other ones."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.manifest.known_operations import KnownOperationsConfig
from app.server.known_operations import KnownOperations, Mode, Policy
from app.server.ports import Serves
from app.trusted import trusting
from runtime.cache.persisted import PersistedTexts
from runtime.security.principal import Principal, Role
from runtime.telemetry import metrics
from tests.fakes.desk import PLANNER
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token
from tests.fixtures.waiting import until

ITEM = 'query Item($sku: String! = "I3") { item(sku: $sku) { sku } }'
VIEWER = "query Viewer { viewer { subject } }"
CHANGE = 'mutation C { acknowledgePurchaseOrder(input: {number: "x", lines: []}) { __typename } }'
SHA256 = hashlib.sha256(ITEM.encode()).hexdigest()
SHA1 = hashlib.sha1(VIEWER.encode()).hexdigest()  # noqa: S324  # as graphql-codegen makes it
TEXTS = {SHA256: ITEM, SHA1: VIEWER, "change-7": CHANGE}
INTROSPECTION = "{ __schema { queryType { name } } }"
OTHER = "query Other { viewer { subject } }"
SUPPLIERS = Policy(by_role={Role.SUPPLIER: Mode.KNOWN_ONLY})


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
def learned() -> PersistedTexts | None:
    return PersistedTexts(None)


@pytest.fixture
def serving(world: Distributor, policy: Policy, learned: PersistedTexts | None) -> FakeServing:
    made = FakeServing(*world.sources)
    made.serves = Serves(known=KnownOperations(TEXTS, policy, learned))
    return made


def hashed(name: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}}


async def post(site: Site, role: Role = Role.PLANNER, **body: Any) -> httpx.Response:
    sent = {"Authorization": f"Bearer {a_token(role, *(['S1'] if role is Role.SUPPLIER else []))}"}
    return await site.client.post("/graphql", json=body, headers=sent)


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    "named",
    [
        hashed(SHA256),
        {"documentId": f"sha256:{SHA256}"},
        {"documentId": SHA256},
        {"query": None, **hashed(SHA256)},
        {"query": "", **hashed(SHA256)},
    ],
)
async def test_a_name_suffices(site: Site, named: dict[str, Any]) -> None:
    answer = await post(site, variables={"sku": "I4"}, operationName="Item", **named)
    assert answer.json() == {"data": {"item": {"sku": "I4"}}}


@pytest.mark.parametrize("named", [hashed(SHA1), {"documentId": SHA1}])
async def test_it_may_be_a_digest_of_another_kind(site: Site, named: dict[str, Any]) -> None:
    assert (await post(site, **named)).json() == {"data": {"viewer": {"subject": "pia"}}}


@pytest.mark.parametrize("named", [hashed(SHA256), {"documentId": f"sha256:{SHA256}"}])
async def test_by_get_too(site: Site, named: dict[str, Any]) -> None:
    parameters = {k: v if isinstance(v, str) else json.dumps(v) for k, v in named.items()}
    headers = {"Authorization": f"Bearer {a_token()}"}
    response = await site.client.get("/graphql", params=parameters, headers=headers)
    assert response.json() == {"data": {"item": {"sku": "I3"}}}


async def test_a_change_is_not_made_by_get(site: Site) -> None:
    headers = {"Authorization": f"Bearer {a_token()}"}
    parameters = {"documentId": "change-7"}
    response = await site.client.get("/graphql", params=parameters, headers=headers)
    assert response.status_code == 405


@pytest.mark.parametrize(
    "body, words",
    [
        ({"documentId": 7}, "`documentId` must be"),
        ({"documentId": ""}, "`documentId` must be"),
        ({"documentId": "a b"}, "`documentId` must be"),
        ({"documentId": "x" * 257}, "`documentId` must be"),
        ({"documentId": "sha256:ABC"}, "64 hexadecimal digits"),
        ({}, "`query` must be"),
    ],
)
async def test_what_is_no_name_is_refused(site: Site, body: dict[str, Any], words: str) -> None:
    response = await post(site, **body)
    assert response.status_code == 400
    assert words in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("named", [hashed("0" * 64), {"documentId": "nobody-knows"}])
async def test_an_unknown_name_is_told_as_apollo_does(site: Site, named: dict[str, Any]) -> None:
    response = await post(site, **named)
    assert response.status_code == 200
    assert code_of(response) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("learned", [None])
async def test_where_nothing_is_learned_clients_send_the_text(site: Site) -> None:
    response = await post(site, **hashed("0" * 64))
    assert response.status_code == 200
    assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert code_of(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
    digest = hashlib.sha256(OTHER.encode()).hexdigest()
    assert (await post(site, query=OTHER, **hashed(digest))).status_code == 200
    assert code_of(await post(site, **hashed(digest))) == "PERSISTED_QUERY_NOT_SUPPORTED"


class TestKnownOnly:
    @pytest.fixture
    def policy(self) -> Policy:
        return SUPPLIERS

    async def test_an_unknown_text_is_refused_to_the_role(
        self, site: Site, serving: FakeServing
    ) -> None:
        refused = await post(site, Role.SUPPLIER, query=OTHER)
        assert refused.status_code == 403
        assert code_of(refused) == "QUERY_NOT_IN_SAFELIST"
        assert not serving.asks
        assert (await post(site, query=OTHER)).status_code == 200

    async def test_a_known_text_is_answered_to_the_letter(self, site: Site) -> None:
        assert (await post(site, Role.SUPPLIER, query=VIEWER)).status_code == 200
        spaced = VIEWER.replace(" { s", "  { s")
        assert (await post(site, Role.SUPPLIER, query=spaced)).status_code == 403

    async def test_a_name_is_answered(self, site: Site) -> None:
        answer = await post(site, Role.SUPPLIER, **hashed(SHA1))
        assert answer.json() == {"data": {"viewer": {"subject": "pia"}}}

    async def test_what_others_have_taught_is_unknown(self, site: Site) -> None:
        digest = hashlib.sha256(OTHER.encode()).hexdigest()
        assert (await post(site, query=OTHER, **hashed(digest))).status_code == 200
        assert (await post(site, **hashed(digest))).status_code == 200
        refused = await post(site, Role.SUPPLIER, **hashed(digest))
        assert refused.status_code == 400
        assert code_of(refused) == "PERSISTED_QUERY_NOT_IN_LIST"

    async def test_questions_about_the_schema_alone_are_free(self, site: Site) -> None:
        assert (await post(site, Role.SUPPLIER, query=INTROSPECTION)).status_code == 200
        mixed = "{ __typename viewer { subject } }"
        assert (await post(site, Role.SUPPLIER, query=mixed)).status_code == 403

    async def test_of_several_roles_the_strictest_holds(self) -> None:
        policy = Policy(mode=Mode.LOG, by_role={Role.SUPPLIER: Mode.KNOWN_ONLY})
        several = _principal(Role.PLANNER, Role.SUPPLIER)
        assert policy.of(several) is Mode.KNOWN_ONLY
        assert policy.of(_principal(Role.PLANNER)) is Mode.LOG
        assert policy.of(None) is Mode.LOG
        lenient = Policy(mode=Mode.KNOWN_ONLY, by_role={Role.PLANNER: Mode.OPEN})
        assert lenient.of(_principal(Role.PLANNER)) is Mode.OPEN


@pytest.mark.parametrize("policy", [Policy(mode=Mode.LOG)])
async def test_unknown_ones_are_logged_once_and_counted_each_time(site: Site) -> None:
    before = _counted()
    bodies: list[dict[str, Any]] = [{"operationName": "Other"}, {}, {}]
    with capture_logs() as logs:
        for said in bodies:
            assert (await post(site, query=OTHER, **said)).status_code == 200
        await post(site, query=VIEWER)
    told = [log for log in logs if log["event"] == "unknown operation"]
    assert [(log["operation"], log["client"], log["sha256"]) for log in told] == [
        ("Other", "unknown", hashlib.sha256(OTHER.encode()).hexdigest())
    ]
    assert _counted() - before == 3


async def test_files_are_followed(site: Site, serving: FakeServing, tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"unfit": "{ nonsense }", "v1": VIEWER}))
    config = KnownOperationsConfig(files=(file.name,), reread_s=0.05)
    known = serving.serves.known
    known.replace({"unfit": "{ nonsense }", "v1": VIEWER})
    with capture_logs() as logs:
        async with trusting(config, tmp_path, known, site.board.operator.documents):
            assert [(x["event"], x["name"]) for x in logs] == [("known operation unfit", "unfit")]
            file.write_text(json.dumps({"v2": VIEWER}))
            await until(lambda: known.text("v2") is not None)
            assert (await post(site, documentId="v2")).status_code == 200
            assert code_of(await post(site, documentId="v1")) == "PERSISTED_QUERY_NOT_FOUND"
            file.write_text("{")
            await until(lambda: logs[-1]["event"] == "known operations not read again")
    assert known.text("v2") == VIEWER


def _principal(*roles: Role) -> Principal:
    return Principal("pia", frozenset(roles), None, PLANNER.expires_at)


def _counted() -> float:
    metrics.write_all()
    value = metrics.REGISTRY.get_sample_value(
        "supplygraph_unknown_operations_total", {"mode": "log"}
    )
    return value or 0.0
