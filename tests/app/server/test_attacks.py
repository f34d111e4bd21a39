"""What attackers send over HTTP is refused cheaply and clearly, and others are served meanwhile."""

import asyncio
import json
import re
from typing import Any

import pytest

from app.server.edge import Edge
from app.server.requests import Requests
from tests.app.server.attacking import cheap, chunks, head, say, whole
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site

MEGABYTE = 1024 * 1024
INSIDE = re.compile(r"Traceback|\.py\b|[a-z]Error\b|Exception|msgspec|object at 0x|\bNone\b|digits")


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    made.edge = Edge(header_s=0.3, body_s=0.3, stalled_s=0.3, max_head_bytes=16_384, max_batch=5)
    return made


async def ask(site: Site, body: bytes) -> tuple[int, Any]:
    heard = await say(site.port, whole(body))
    return heard.status, json.loads(heard.body)


NUMBER = b"9" * 5_000
VARIABLE = b'{"query": "query ($n: Int) { items(first: $n) { nodes { sku } } }", "variables": %b}'
BODIES = {
    "null": b"null",
    "a number": b"5",
    "a string": b'"x"',
    "true": b"true",
    "nothing": b"",
    "an empty object": b"{}",
    "bad UTF-8": b'{"query": "{ \xff\xfe }"}',
    "a lone surrogate": b'{"query": "{ item(sku: \\"\\ud800\\") { sku } }"}',
    "UTF-16": '{"query": "{ __typename }"}'.encode("utf-16"),
    "a zero byte": b'{"query": "{ __typename \x00 }"}',
    "deep arrays": b'{"query": "{ __typename }", "variables": {"a": %b}}'
    % (b"[" * 100_000 + b"]" * 100_000),
    "deep objects": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "deep values of a variable": VARIABLE % (b'{"n": %b}' % (b"[" * 500 + b"]" * 500)),
    "5,000 digits": VARIABLE % (b'{"n": %b}' % NUMBER),
    "5,000 digits in the document": b'{"query": "{ items(first: %b) { nodes { sku } } }"}' % NUMBER,
    "5,000 digits of a default": b'{"query": "query ($n: Int = %b) { items(first: $n) { nodes '
    b'{ sku } } }"}' % NUMBER,
    "5,000 digits elsewhere": b'{"query": "{ __typename }", "extensions": {"a": %b}, "query": 1}'
    % NUMBER,
    "an exponent": VARIABLE % b'{"n": 1e999999999}',
    "not a number": VARIABLE % b'{"n": NaN}',
    "two documents": b'{"query": "{ __typename }"}{"query": "{ __typename }"}',
    "a batch that is too long": json.dumps([{"query": "{ __typename }"}] * 6).encode(),
    "a batch of batches": json.dumps([[{"query": "{ __typename }"}] * 5] * 5).encode(),
    "many keys": json.dumps({f"k{i}": i for i in range(15_000)}).encode(),
    "a huge string": b'{"query": "%b"}' % (b"x" * 200_000),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_no_question(site: Site, body: bytes) -> None:
    async with cheap(site, 1.0):
        status, told = await ask(site, body)
    errors = [e for one in (told if isinstance(told, list) else [told]) for e in one["errors"]]
    assert status == (200 if isinstance(told, list) else 400)
    for error in errors:
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["correlationId"]
        assert not INSIDE.search(error["message"]), error["message"]


async def test_each_of_a_batch_is_limited_as_if_it_had_come_alone(site: Site) -> None:
    deep = "{ items { nodes { " + "preferredSupplier { items { nodes { " * 5 + "sku" + "} } } " * 5
    many = "{" + " ".join(f"a{i}: __typename" for i in range(60)) + "}"
    body = json.dumps([{"query": q} for q in (f"{deep} }} }} }}", many, "{ __typename }")]).encode()
    async with cheap(site, 1.0):
        status, (first, second, third) = await ask(site, body)
    assert status == 200
    assert "levels of fields" in first["errors"][0]["message"]
    assert "root fields" in second["errors"][0]["message"]
    assert third == {"data": {"__typename": "Query"}}


class TestLength:
    """A body is read no further than some megabytes past what is taken."""

    @pytest.fixture
    def taken(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The bytes of bodies that the server has taken from connections."""
        sizes: list[int] = []
        read = Requests.read

        async def counting(requests: Requests, inbound: Any) -> Any:
            receive = inbound.receive

            async def counted() -> Any:
                message = await receive()
                sizes.append(len(message.get("body", b"")))
                return message

            return await read(requests, _with_receive(inbound, counted))

        monkeypatch.setattr(Requests, "read", counting)
        return sizes

    async def test_64_mebibytes_in_chunks(self, site: Site, taken: list[int]) -> None:
        async with cheap(site, 2.0):
            heard = await say(
                site.port, head(b"Transfer-Encoding: chunked"), *chunks(64 * MEGABYTE)
            )
        assert heard.status in {413, 0}  # whoever is still sending may not hear it
        assert sum(taken) < 6 * MEGABYTE

    async def test_20_mebibytes_at_once(self, site: Site, taken: list[int]) -> None:
        async with cheap(site, 2.0):
            heard = await say(
                site.port, head(b"Content-Length: %d" % (20 * MEGABYTE)), b" " * (20 * MEGABYTE)
            )
        assert heard.status in {413, 0}
        assert sum(taken) < 6 * MEGABYTE

    @pytest.mark.parametrize(
        "lines",
        [
            [b"X-Long: " + b"x" * 20_000],
            [b"X-%d: x" % i for i in range(3_000)],
            [b"Cookie: " + b"x" * 8_000] * 3,
        ],
    )
    async def test_a_head_that_is_too_long(self, site: Site, lines: list[bytes]) -> None:
        begun = head(*lines)[:-2]  # it never ends
        async with cheap(site, 1.0):
            heard = await say(site.port, begun)
        assert heard.status == 431

    async def test_an_address_that_is_too_long(self, site: Site) -> None:
        async with cheap(site, 1.0):
            heard = await say(site.port, b"GET /graphql?query=" + b"x" * 40_000)
        assert heard.status == 431


class TestSlowness:
    async def test_a_head_that_drips(self, site: Site) -> None:
        drips = [bytes([b]) for b in head(b"X: " + b"x" * 500)]
        async with cheap(site, 1.0):
            heard = await say(site.port, *drips, pause_s=0.01)
        assert heard.status == 408

    async def test_a_head_that_drips_after_an_answer(self, site: Site) -> None:
        body = b'{"query": "{ __typename }"}'
        first = head(b"Content-Length: %d" % len(body)) + body
        async with cheap(site, 1.0):
            heard = await say(site.port, first, *[b"P", b"O"], pause_s=0.05)
        assert heard.data.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in heard.data

    async def test_a_body_that_never_comes(self, site: Site) -> None:
        async with cheap(site, 1.0):
            heard = await say(site.port, head(b"Content-Length: 100"), b'{"query": ')
        assert heard.status == 408
        assert b"connection: close" in heard.data

    async def test_a_body_that_drips(self, site: Site) -> None:
        body = b'{"query": "{ __typename }"}' + b" " * 100
        drips = [bytes([b]) for b in body]
        async with cheap(site, 1.0):
            heard = await say(
                site.port, head(b"Content-Length: %d" % len(body)), *drips, pause_s=0.01
            )
        assert heard.status in {408, 0}  # whoever is still sending may not hear it

    async def test_500_connections_that_say_nothing_are_closed(self, site: Site) -> None:
        opened = [asyncio.open_connection("127.0.0.1", site.port) for _ in range(500)]
        lines = await asyncio.gather(*opened)
        async with cheap(site, 2.0):
            answers = await asyncio.gather(*(asyncio.wait_for(r.read(), 5) for r, _ in lines))
        assert answers == [b""] * 500
        for _, writer in lines:
            writer.close()


async def test_connections_are_answered_while_others_drip(site: Site) -> None:
    dripping = [asyncio.create_task(say(site.port, *[b"x"] * 30, pause_s=0.01)) for _ in range(100)]
    async with cheap(site, 3.0):
        for _ in range(5):
            answer = await asyncio.wait_for(site.ask("{ __typename }"), 2)
            assert answer.status_code == 200
        await asyncio.gather(*dripping)


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"BREW /graphql HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /gr\xffphql HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
        head(b"Content-Length: 5", b"Content-Length: 6"),
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        head(b"Content-Length: -1"),
        head(b"Content-Length: 99999999999999999999999"),
        head(b"Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n",
        head(b"Transfer-Encoding: chunked") + b"-1\r\n",
        head(b"X-Correlation-ID: a\rX-Evil: 1"),
        head(b"X-Correlation-ID: a\x00b"),
        head(b" folded: 1"),
    ],
)
async def test_what_is_no_http_is_refused(site: Site, request_line: bytes) -> None:
    async with cheap(site, 1.0):
        heard = await say(site.port, request_line)
    assert heard.status in {400, 404, 405, 0}
    assert not INSIDE.search(heard.body.decode())


def _with_receive(inbound: Any, receive: Any) -> Any:
    return type(inbound)(inbound.method, inbound.query, inbound.headers, receive)
