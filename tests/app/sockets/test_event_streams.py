"""Subscriptions, queries and mutations as event streams, byte by byte."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.server.stream_settings import StreamSettings
from tests.fakes.serving import Site, a_token
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until

NEXT = "event: next\ndata: "
COMPLETE = "event: complete\ndata:\n\n"


@pytest.fixture
def settings() -> StreamSettings:
    return StreamSettings(connections_per_principal=2, keep_alive_s=0.2, write_buffer_bytes=16_384)


def headers(accept: str = "text/event-stream", token: str | None = None) -> dict[str, str]:
    return {"Accept": accept, "Authorization": f"Bearer {token or a_token()}"}


def body(root: str, **variables: Any) -> dict[str, Any]:
    return {"query": f"subscription {{ {root} }}", "variables": variables}


async def post(site: Site, root: str, accept: str = "text/event-stream") -> httpx.Response:
    return await site.client.post("/graphql", json=body(root, to=1), headers=headers(accept))


@asynccontextmanager
async def listening(
    site: Site, streams: FakeStreams, root: str = "quiet", token: str | None = None
) -> AsyncIterator[httpx.Response]:
    """A stream that has begun; its sign of life at the start is read."""
    begun = len(streams.begun)
    sent: dict[str, Any] = {"json": body(root), "headers": headers(token=token)}
    async with site.client.stream("POST", "/graphql", **sent) as response:
        assert response.status_code == 200
        await until(lambda: len(streams.begun) > begun)
        yield response


async def rest(response: httpx.Response) -> str:
    """What comes to the end, without signs of life."""
    async with asyncio.timeout(5):
        return re.sub(r"(?m)^:\n\n", "", (await response.aread()).decode())


async def test_a_subscription_by_post(site: Site, streams: FakeStreams) -> None:
    sent = body("count", to=2)
    response = await site.client.post("/graphql", json=sent, headers=headers())
    assert response.text == (
        f':\n\n{NEXT}{{"data":{{"count":1}}}}\n\n{NEXT}{{"data":{{"count":2}}}}\n\n{COMPLETE}'
    )
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    principal = streams.only.terms.principal
    assert principal is not None
    assert principal.subject == "pia"


async def test_a_subscription_by_get(site: Site) -> None:
    sent = {"query": "subscription { count }", "variables": '{"to": 1}'}
    response = await site.client.get("/graphql", params=sent, headers=headers())
    assert response.text == f':\n\n{NEXT}{{"data":{{"count":1}}}}\n\n{COMPLETE}'


async def test_a_query_is_one_result(site: Site) -> None:
    response = await site.client.post(
        "/graphql", json={"query": "{a: __typename}"}, headers=headers()
    )
    assert response.text == f'{NEXT}{{"data":{{"a":"Query"}}}}\n\n{COMPLETE}'
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "text/event-stream"])
async def test_a_subscription_is_streamed_where_streams_are_taken(site: Site, accept: str) -> None:
    response = await post(site, "count", accept)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_a_subscription_without_a_stream_says_where_it_is_answered(site: Site) -> None:
    response = await post(site, "purchaseOrderChanged { __typename }", "*/*")
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["message"] == (
        "a subscription needs a connection that stays open: a WebSocket that speaks "
        "graphql-transport-ws, or an event stream (`Accept: text/event-stream`), both at this "
        "address"
    )


async def test_a_refusal_is_json_with_a_status(site: Site, streams: FakeStreams) -> None:
    response = await post(site, "refused")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    refusal = [{"message": "not for you"}, {"message": "nor for others"}]
    assert response.json() == {"errors": refusal}
    assert streams.only.ends == 1
    assert site.drain.under_way == 0


@pytest.mark.parametrize(
    "query, token, status, code",
    [
        ("subscription { quiet }", "Bearer no", 401, "UNAUTHENTICATED"),
        ("subscription { quiet }", None, 401, "UNAUTHENTICATED"),
        ("{ nothing }", None, 400, "GRAPHQL_VALIDATION_FAILED"),
        ("{ noth", None, 400, "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_what_is_wrong_before_the_stream_is_json(
    site: Site, query: str, token: str | None, status: int, code: str
) -> None:
    sent = {"Accept": "text/event-stream"} | ({"Authorization": token} if token else {})
    response = await site.client.post("/graphql", json={"query": query}, headers=sent)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_a_fault_of_ours_is_500(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    response = await post(site, "breaking")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


async def test_a_refusal_after_the_start_is_a_result(site: Site, streams: FakeStreams) -> None:
    async with listening(site, streams) as response:
        streams.only.outlet.fail(b'[{"message":"no"}]')
        streams.only.deliver(late=True)
        assert await rest(response) == f'{NEXT}{{"errors":[{{"message":"no"}}]}}\n\n{COMPLETE}'


async def test_a_client_that_is_gone_ends_its_subscription(
    site: Site, streams: FakeStreams
) -> None:
    async with listening(site, streams):
        assert site.drain.under_way == 1
    await until(lambda: streams.only.ends == 1)
    await until(lambda: site.drain.under_way == 0)
    streams.only.deliver(late=True)


async def test_a_silent_stream_gives_signs_of_life(site: Site, streams: FakeStreams) -> None:
    async with listening(site, streams) as response, asyncio.timeout(5):
        lines = response.aiter_lines()
        assert [await anext(lines) for _ in range(6)] == [":", ""] * 3


@pytest.mark.parametrize(
    "code, told, end",
    [
        (4401, "UNAUTHENTICATED", COMPLETE),
        (4403, "FORBIDDEN", COMPLETE),
        (1013, "TRY_AGAIN_LATER", ""),
    ],
)
async def test_a_stream_that_is_closed_says_why(
    site: Site, code: int, told: str, end: str, streams: FakeStreams
) -> None:
    sent = body("closing", code=code)
    response = await site.client.post("/graphql", json=sent, headers=headers())
    assert response.status_code == 200
    event, _, after = response.text.removeprefix(f":\n\n{NEXT}").partition("\n\n")
    [error] = json.loads(event)["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("because of the test", told)
    assert after == end  # without `complete` clients come again
    assert streams.only.ends == 1


async def test_a_token_that_ends_ends_the_stream(site: Site, streams: FakeStreams) -> None:
    token = a_token(now=time.time() - 599)
    async with listening(site, streams, token=token) as response:
        text = await rest(response)
    assert '"message":"the token has expired: connect again with a new one"' in text
    assert '"code":"UNAUTHENTICATED"' in text
    assert text.endswith(f"\n\n{COMPLETE}")
    assert streams.only.ends == 1


async def test_too_many_connections_of_one_subject_are_429(
    site: Site, streams: FakeStreams
) -> None:
    async with listening(site, streams), listening(site, streams):
        response = await post(site, "quiet")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "5"
    [error] = response.json()["errors"]
    assert error["message"].startswith("too many connections: 2 of one subject are taken")
    await until(lambda: not site.board._of_subject)


async def test_a_stopping_process_ends_streams_without_complete(
    site: Site, streams: FakeStreams
) -> None:
    async with listening(site, streams) as response:
        streams.only.deliver(last=True)
        await asyncio.wait_for(site.drain.stop(5), 3)
        assert await rest(response) == f'{NEXT}{{"data":{{"last":true}}}}\n\n'
    assert streams.only.ends == 1
    assert site.drain.under_way == 0


async def test_a_client_that_does_not_read_congests_its_stream(
    site: Site, streams: FakeStreams
) -> None:
    async with listening(site, streams) as response:
        one = streams.only
        before = -1
        while one.resumptions > before:  # until the kernel takes no more either
            before = one.resumptions
            one.flood(60_000)
            for _ in range(5):
                await asyncio.sleep(0)
        assert one.outlet.congested
        one.outlet.complete()
        text = await rest(response)
    numbers = [json.loads(e.removeprefix(NEXT))["data"]["n"] for e in text.split("\n\n")[:-2]]
    assert numbers == list(range(one.sent))
    assert text.endswith(COMPLETE)
