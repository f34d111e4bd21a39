"""What a system sends becomes an answer or the right error, in time and within bounds."""

import asyncio
import gzip
import re
import time
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import (
    BadAnswerError,
    ConflictError,
    InvalidInputError,
    MisconfiguredError,
    Reason,
    SupplygraphError,
    UnavailableError,
)
from connectors.kit.http import Request, Response

ITEMS = Request(path="items", label="items")


async def test_an_answer_is_whole_decompressed_and_exact(world: Any) -> None:
    body = gzip.compress(b'{"price": 12345678901234567890.123}', mtime=0)
    world.server.answer = world.always(world.reply(200, body, content_encoding="gzip", etag="1"))
    response = await world.transport().send(ITEMS, world.ask())
    assert response.json() == {"price": Decimal("12345678901234567890.123")}
    assert (response.system, response.status, response.label) == ("erp", 200, "items")
    assert response.headers["etag"] == "1"
    assert world.bill.calls == [("erp", False)]
    assert world.bill.rows == 0


async def test_gzip_in_several_members_is_read_to_the_end(world: Any) -> None:
    body = gzip.compress(b"[1,", mtime=0) + gzip.compress(b"2]")
    world.server.answer = world.always(world.reply(200, body, content_encoding="gzip"))
    assert (await world.transport().send(ITEMS, world.ask())).json() == [1, 2]


async def test_a_request_carries_query_headers_and_traces(world: Any) -> None:
    request = Request(
        path="/items",
        label="items",
        query=[("$filter", "code eq 'a b+c' or x in (1,2)"), ("q", "ü"), ("q", "&=#;")],
        headers={"accept": "application/xml", "X-Own": "1"},
    )
    await world.transport().send(request, world.ask())
    (heard,) = world.server.heard
    assert heard.target == (
        "/api/items?$filter=code%20eq%20'a%20b%2Bc'%20or%20x%20in%20(1,2)&q=%C3%BC&q=%26%3D%23%3B"
    )
    assert heard.headers["x-correlation-id"] == "corr-1"
    assert heard.headers["traceparent"] == "00-abc-def-01"
    assert heard.headers["accept-encoding"] == "gzip"
    assert heard.headers["accept"] == "application/xml"
    assert heard.headers["x-own"] == "1"
    assert "authorization" not in heard.headers


async def test_connections_are_kept_and_cookies_are_not(world: Any) -> None:
    world.server.answer = world.always(world.reply(set_cookie="session=1; Path=/"))
    transport = world.transport()
    for _ in range(5):
        await transport.send(ITEMS, world.ask())
    assert world.server.connections == 1
    assert not any("cookie" in h.headers for h in world.server.heard)


@pytest.mark.parametrize(
    "link",
    ["http://inner-node:8080/api/items?page=2", "https://127.0.0.1/api/items?page=2"],
)
async def test_links_to_other_addresses_are_read_as_our_own(world: Any, link: str) -> None:
    await world.transport().send(Request(path=link, label="items"), world.ask())
    assert [h.target for h in world.server.heard] == ["/api/items?page=2"]


async def test_links_to_other_addresses_may_be_refused(world: Any) -> None:
    transport = world.transport(rebase_links=False)
    own = Request(path=f"{world.server.url}/api/items?page=2", label="items")
    await transport.send(own, world.ask())
    other = Request(path="http://elsewhere.example/api/items", label="items")
    with pytest.raises(BadAnswerError, match=r"^erp: items gave a link to another address"):
        await transport.send(other, world.ask())
    assert len(world.server.heard) == 1


@pytest.mark.parametrize(
    "status, expected, reason",
    [
        (302, MisconfiguredError, Reason.MISCONFIGURED),
        (400, InvalidInputError, None),
        (403, MisconfiguredError, Reason.CREDENTIALS),
        (404, MisconfiguredError, Reason.MISCONFIGURED),
        (409, ConflictError, None),
        (412, ConflictError, None),
        (414, MisconfiguredError, Reason.MISCONFIGURED),
        (422, InvalidInputError, None),
        (429, UnavailableError, Reason.THROTTLED),
        (500, UnavailableError, Reason.SERVER_ERROR),
        (503, UnavailableError, Reason.SERVER_ERROR),
    ],
)
async def test_each_refusal_becomes_its_error(
    world: Any, status: int, expected: type[SupplygraphError], reason: Reason | None
) -> None:
    page = b"<html>Traceback at db-7.internal password=hunter2</html>"
    world.server.answer = world.always(
        world.reply(status, page, content_type="text/html", location="http://other.example/login")
    )
    with pytest.raises(SupplygraphError) as caught:
        await world.transport(retries=0).send(ITEMS, world.ask())
    assert type(caught.value) is expected
    assert getattr(caught.value, "reason", None) == reason
    message = str(caught.value)
    assert message.startswith("erp: items")
    assert str(status) in message
    for hidden in ("127.0.0.1", "internal", "hunter2", "example", "Traceback"):
        assert hidden not in message
    assert world.bill.calls == [("erp", True)]


async def test_the_vendor_is_quoted_shortly_and_without_its_address(world: Any) -> None:
    body = b'{"error": "no\\n field  on 127.0.0.1 %s"}' % (b"x" * 1000)
    world.server.answer = world.always(world.reply(400, body))
    with pytest.raises(InvalidInputError) as caught:
        await world.transport().send(ITEMS, world.ask(), explain=lambda r: r.json()["error"])
    message = caught.value.message
    assert message.startswith("erp: items was refused (400): no field on (hidden) xxx")
    assert message.endswith("xxx...")
    assert len(message) < 340


async def test_an_odd_error_body_does_not_hide_the_status(world: Any) -> None:
    world.server.answer = world.always(world.reply(404, b"[]"))

    def explain(response: Response) -> str | None:
        return str(response.json()["error"]["message"])

    with pytest.raises(MisconfiguredError, match=r"items does not exist there \(404\)$"):
        await world.transport().send(ITEMS, world.ask(), explain=explain)


async def test_statuses_that_the_protocol_accepts_are_answers(world: Any) -> None:
    world.server.answer = world.always(world.reply(404, b'{"gone": true}'))
    request = Request(path="items/7", label="items", accept=(404,))
    response = await world.transport().send(request, world.ask())
    assert (response.status, response.json()) == (404, {"gone": True})
    assert world.bill.calls == [("erp", False)]


async def test_a_login_page_is_no_data(world: Any) -> None:
    page = world.reply(200, b"<html>please log in</html>", content_type="text/html; charset=utf-8")
    world.server.answer = world.always(page)
    with pytest.raises(BadAnswerError, match="answered with a web page"):
        await world.transport().send(ITEMS, world.ask())


async def test_a_large_answer_is_cut_off_while_it_comes(world: Any) -> None:
    sent = 0

    async def fifty_megabytes(heard: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(50):
            writer.write(b" " * 1_000_000)
            await writer.drain()
            sent += 1

    world.server.answer = fifty_megabytes
    with pytest.raises(BadAnswerError, match=r"more than 2 MB \(policy.max_response_mb\)"):
        await world.transport(max_response_mb=2).send(ITEMS, world.ask())
    assert sent < 20


async def test_a_gzip_bomb_is_cut_off_at_its_decompressed_size(world: Any) -> None:
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    assert len(bomb) < 60_000
    world.server.answer = world.always(world.reply(200, bomb, content_encoding="gzip"))
    with pytest.raises(BadAnswerError, match="more than 1 MB"):
        await world.transport(max_response_mb=1).send(ITEMS, world.ask())
    assert world.bill.calls == [("erp", True)]


@pytest.mark.parametrize(
    "raw, message",
    [
        (gzip.compress(b"[1, 2, 3]" * 100, mtime=0)[:-20], "breaks off within its gzip"),
        (b"not gzip at all", "not valid gzip"),
    ],
)
async def test_damaged_gzip_is_a_bad_answer(world: Any, raw: bytes, message: str) -> None:
    world.server.answer = world.always(world.reply(200, raw, content_encoding="gzip"))
    with pytest.raises(BadAnswerError, match=message):
        await world.transport().send(ITEMS, world.ask())


async def test_an_encoding_not_asked_for_is_a_bad_answer(world: Any) -> None:
    world.server.answer = world.always(world.reply(200, b"x", content_encoding="br"))
    with pytest.raises(BadAnswerError, match="encoded as 'br'"):
        await world.transport().send(ITEMS, world.ask())


async def test_truncated_json_is_a_bad_answer(world: Any) -> None:
    world.server.answer = world.always(world.reply(200, b'{"value": [1, 2'))
    response = await world.transport().send(ITEMS, world.ask())
    with pytest.raises(BadAnswerError, match="not valid JSON"):
        response.json()


async def test_what_trickles_does_not_hang(world: Any) -> None:
    async def trickle(heard: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n[")
        for _ in range(200):
            writer.write(b"1,")
            await writer.drain()
            await asyncio.sleep(0.02)

    world.server.answer = trickle
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        await world.transport(timeout_s=30).send(ITEMS, world.ask(0.3))
    assert 0.25 < time.monotonic() - started < 0.6
    assert caught.value.reason is Reason.TIMEOUT
    assert re.search(r"items took longer than 0\.(3|29\d?) s", caught.value.message)


async def test_connections_given_up_do_not_use_up_the_places(world: Any) -> None:
    async def silent(heard: Any, writer: asyncio.StreamWriter) -> None:
        if heard.target.endswith("slow"):
            await asyncio.sleep(0.5)
        writer.write(world.reply())

    world.server.answer = silent
    transport = world.transport(max_concurrency=2, timeout_s=0.05, breaker={"failures": 1000})
    slow = Request(path="slow", label="slow", repeatable=False)
    results = await asyncio.gather(
        *(transport.send(slow, world.ask()) for _ in range(6)), return_exceptions=True
    )
    assert {getattr(r, "reason", r) for r in results} == {Reason.IN_DOUBT}
    assert (await transport.send(ITEMS, world.ask())).status == 200
    assert transport.health()["waiting"] == 0


async def test_a_question_whose_time_is_up_is_not_asked(world: Any) -> None:
    with pytest.raises(UnavailableError):
        await world.transport().send(ITEMS, world.ask(-1))
    assert world.server.heard == []
    assert world.bill.calls == []
