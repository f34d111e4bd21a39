"""What caches, browsers and Apollo's clients are told: ETag, 304, Cache-Control, gzip, digests."""

import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from app.server.ports import Serves
from runtime.cache.answers import AnswerCache
from runtime.security.principal import Role
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token, running

ITEM = 'query Item($sku: String = "I3") { item(sku: $sku) { sku name } }'
ITEMS = "{ items(first: 2000) { nodes { sku name status unit } } }"


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    desk = made.desk
    answers = AnswerCache(
        desk.cache, None, version="test", max_bytes=1_000_000, clock=lambda: desk.now_s
    )
    made.serves = Serves(answers, gzip_from_bytes=500)
    return made


@pytest.fixture
async def site(serving: FakeServing) -> AsyncIterator[Site]:
    async with running(serving) as site:
        yield site


async def get(site: Site, query: str = ITEM, *, token: str = "", **sent: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in sent.items()}
    headers = {"Accept-Encoding": "identity", **headers}
    headers["Authorization"] = f"Bearer {token or a_token()}"
    return await site.client.get("/graphql", params={"query": query}, headers=headers)


class TestGet:
    async def test_a_kept_answer_may_be_kept_by_its_own_caller_for_as_long_as_it_is_fresh(
        self, site: Site, serving: FakeServing
    ) -> None:
        first = await get(site)
        assert first.headers["cache-control"] == "private, max-age=60"
        vary = {name.strip() for name in first.headers["vary"].split(",")}
        assert vary == {
            "Accept",
            "Accept-Encoding",
            "Authorization",
            "X-API-Key",
            "X-Supplygraph-Extensions",
            "X-Supplygraph-Max-Staleness",
        }
        serving.desk.now_s += 20
        second = await get(site)
        assert second.headers["cache-control"] == "private, max-age=40"
        assert second.headers["etag"] == first.headers["etag"]
        assert second.content == first.content

    @pytest.mark.parametrize(
        "query, headers",
        [
            ("{ viewer { subject } }", {}),
            ("{ __typename }", {}),
            ('{ node(id: "x") { id } }', {}),
            (ITEM, {"X_Supplygraph_Max_Staleness": "60"}),
            (ITEM, {"X_Supplygraph_Extensions": "cost"}),
        ],
    )
    async def test_anything_else_is_not_to_be_kept(
        self, site: Site, query: str, headers: dict[str, str]
    ) -> None:
        await get(site, ITEM)
        response = await get(site, query, **headers)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers

    async def test_answers_to_post_are_not_to_be_kept(self, site: Site) -> None:
        for _ in range(2):
            response = await site.ask(ITEM)
            assert response.headers["cache-control"] == "no-store"
            assert "etag" not in response.headers

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"00", {}', "*"])
    async def test_who_has_it_already_is_told_so(self, site: Site, form: str) -> None:
        first = await get(site)
        again = await get(site, If_None_Match=form.format(first.headers["etag"]))
        assert again.status_code == 304
        assert again.content == b""
        assert "content-type" not in again.headers
        for name in ("etag", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]

    async def test_another_answer_is_sent_whole(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        tag = (await get(site)).headers["etag"]
        assert (await get(site, If_None_Match='"0123"')).status_code == 200
        supplier = a_token(Role.SUPPLIER, "S1")
        assert (
            await get(site, "{ items { nodes { sku } } }", If_None_Match=tag)
        ).status_code == 200
        other = await get(
            site, ITEM.replace("name", "name sources { price { amount } }"), token=supplier
        )
        assert other.headers["etag"] != tag

    async def test_once_it_has_changed_it_is_sent_again(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        tag = (await get(site)).headers["etag"]
        await serving.desk.cache.drop(["erp:item:sku::I3"])
        assert (await get(site, If_None_Match=tag)).status_code == 304  # made anew, and the same
        world.items.records = [msgspec.structs.replace(r, name="new") for r in world.items.records]
        await serving.desk.cache.drop(["erp:item:sku::I3"])
        again = await get(site, If_None_Match=tag)
        assert again.json()["data"]["item"]["name"] == "new"
        assert again.headers["etag"] != tag

    async def test_head_has_the_same_headers(self, site: Site) -> None:
        first = await get(site)
        headers = {"Authorization": f"Bearer {a_token()}", "Accept-Encoding": "identity"}
        head = await site.client.head("/graphql", params={"query": ITEM}, headers=headers)
        assert head.content == b""
        for name in ("etag", "content-length", "content-type"):
            assert head.headers[name] == first.headers[name]


class TestGzip:
    @pytest.mark.parametrize("known", [False, True])
    async def test_long_answers_are_compressed_for_who_takes_it(
        self, site: Site, known: bool
    ) -> None:
        plain = await site.ask(ITEMS, Accept_Encoding="identity") if known else None
        packed = await site.ask(ITEMS, Accept_Encoding="gzip, deflate")
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(packed.content)
        assert "Accept-Encoding" in packed.headers["vary"]
        plain = plain or await site.ask(ITEMS, Accept_Encoding="identity")
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content

    @pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity", "*;q=0", "gzip;q=x"])
    async def test_not_for_who_does_not(self, site: Site, accepted: str) -> None:
        response = await site.ask(ITEMS, Accept_Encoding=accepted)
        assert "content-encoding" not in response.headers

    async def test_not_where_it_does_not_pay_or_is_switched_off(
        self, site: Site, serving: FakeServing
    ) -> None:
        assert "content-encoding" not in (await site.ask(ITEM, Accept_Encoding="gzip")).headers
        serving.serves = msgspec.structs.replace(serving.serves, gzip_from_bytes=None)
        async with running(serving) as other:
            response = await other.ask(ITEMS, Accept_Encoding="gzip")
        assert "content-encoding" not in response.headers

    async def test_an_answer_that_is_not_kept_is_compressed_too(self, site: Site) -> None:
        query = "{ viewer { subject } " + ITEMS[1:]
        response = await site.ask(query, Accept_Encoding="gzip")
        assert response.headers["content-encoding"] == "gzip"
        assert response.json()["data"]["viewer"] == {"subject": "pia"}

    async def test_its_tag_is_another_one_and_both_are_known(self, site: Site) -> None:
        plain = await get(site, ITEMS)
        packed = await get(site, ITEMS, Accept_Encoding="gzip")
        assert packed.headers["etag"] != plain.headers["etag"]
        for tag in (plain.headers["etag"], packed.headers["etag"]):
            assert (await get(site, ITEMS, If_None_Match=tag)).status_code == 304

    async def test_the_bytes_are_gzip(self, site: Site) -> None:
        headers = {"Authorization": f"Bearer {a_token()}", "Accept-Encoding": "gzip"}
        request = site.client.build_request(
            "POST", "/graphql", json={"query": ITEMS}, headers=headers
        )
        response = await site.client.send(request, stream=True)
        raw = b"".join([part async for part in response.aiter_raw()])
        assert len(json.loads(gzip.decompress(raw))["data"]["items"]["nodes"]) == 10


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def named(sha256: Any, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": sha256}}


class TestPersistedQueries:
    """Apollo's protocol: ask by digest; if it is not known, send both; then the digest suffices."""

    async def post(self, site: Site, token: str | None = "", **body: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token or a_token()}"}
        return await site.client.post("/graphql", json=body, headers=headers)

    async def get(self, site: Site, sha256: str, **variables: Any) -> httpx.Response:
        parameters = {
            "extensions": json.dumps(named(sha256)),
            "variables": json.dumps(variables),
        }
        headers = {"Authorization": f"Bearer {a_token()}"}
        return await site.client.get("/graphql", params=parameters, headers=headers)

    async def known(self, site: Site, text: str) -> bool:
        answer = (await self.post(site, extensions=named(digest(text)))).json()
        codes = [e["extensions"]["code"] for e in answer.get("errors", ())]
        return codes != ["PERSISTED_QUERY_NOT_FOUND"]

    @pytest.mark.parametrize("method", ["get", "post"])
    async def test_a_digest_that_nobody_knows_is_told_as_apollo_does(
        self, site: Site, method: str
    ) -> None:
        if method == "get":
            response = await self.get(site, digest(ITEM))
        else:
            response = await self.post(site, extensions=named(digest(ITEM)))
        assert response.status_code == 200
        [error] = response.json()["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert response.headers["cache-control"] == "no-store"

    async def test_once_both_were_sent_the_digest_suffices(
        self, site: Site, serving: FakeServing
    ) -> None:
        both = await self.post(site, query=ITEM, extensions=named(digest(ITEM)))
        by_post = await self.post(site, extensions=named(digest(ITEM)))
        by_get = await self.get(site, digest(ITEM))
        assert both.content == by_post.content == by_get.content
        assert by_get.headers["cache-control"] == "private, max-age=60"
        assert len(serving.asks) == 1
        other = await self.get(site, digest(ITEM), sku="I4")
        assert other.json()["data"]["item"]["sku"] == "I4"

    async def test_it_is_kept_also_if_the_answer_was(self, site: Site) -> None:
        await self.post(site, query=ITEM)
        await self.post(site, query=ITEM, extensions=named(digest(ITEM)))
        assert await self.known(site, ITEM)

    async def test_both_may_be_sent_by_get(self, site: Site) -> None:
        parameters = {"query": ITEM, "extensions": json.dumps(named(digest(ITEM)))}
        headers = {"Authorization": f"Bearer {a_token()}"}
        await site.client.get("/graphql", params=parameters, headers=headers)
        assert await self.known(site, ITEM)

    @pytest.mark.parametrize("text", ["{ nonsense }", "{ items(", "query A { items(first: 1) }"])
    async def test_only_what_is_valid_is_kept(self, site: Site, text: str) -> None:
        response = await self.post(site, query=text, extensions=named(digest(text)))
        assert response.status_code == 400
        assert not await self.known(site, text)

    async def test_only_for_who_may_ask(self, site: Site) -> None:
        response = await self.post(site, None, query=ITEM, extensions=named(digest(ITEM)))
        assert response.status_code == 401
        assert not await self.known(site, ITEM)

    async def test_rights_are_asked_for_each_time(self, site: Site) -> None:
        await self.post(site, query=ITEM, extensions=named(digest(ITEM)))
        assert (await self.post(site, None, extensions=named(digest(ITEM)))).status_code == 401

    async def test_a_mutation_is_not_run_by_get(self, site: Site) -> None:
        text = (
            'mutation { acknowledgePurchaseOrder(input: {number: "x", lines: []}) { __typename } }'
        )
        await self.post(site, query=text, extensions=named(digest(text)))
        assert (await self.get(site, digest(text))).status_code == 405

    @pytest.mark.parametrize(
        "extensions, words",
        [
            (named(digest("other")), "is not the SHA-256"),
            (named(digest(ITEM).upper()), "64 hexadecimal digits"),
            (named("abc"), "64 hexadecimal digits"),
            (named(7), "64 hexadecimal digits"),
            (named(digest(ITEM), 2), "version 1"),
            ({"persistedQuery": "x"}, "version 1"),
        ],
    )
    async def test_what_is_not_understood_is_refused(
        self, site: Site, extensions: Any, words: str
    ) -> None:
        response = await self.post(site, query=ITEM, extensions=extensions)
        assert response.status_code == 400
        assert words in response.json()["errors"][0]["message"]
