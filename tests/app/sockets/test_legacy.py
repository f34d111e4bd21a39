"""The rules of the older graphql-ws, of subscriptions-transport-ws."""

from typing import Any

import pytest

from tests.app.sockets.talk import LEGACY, Line, Talk
from tests.fakes.serving import a_token
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until


def init() -> dict[str, Any]:
    return {"type": "connection_init", "payload": {"Authorization": f"Bearer {a_token()}"}}


def start(query: str, name: str = "1", **variables: Any) -> dict[str, Any]:
    payload = {"query": f"subscription {{ {query} }}", "variables": variables}
    return {"id": name, "type": "start", "payload": payload}


@pytest.fixture
async def line(talk: Talk) -> Line:
    return await talk.open(LEGACY)


async def connected(line: Line) -> None:
    await line.say(init())
    assert [await line.hear(), await line.hear()] == [{"type": "connection_ack"}, {"type": "ka"}]


async def test_what_is_started_before_the_ack_is_begun_after_it(line: Line) -> None:
    await line.say(init(), start("count", to=1))
    assert [await line.hear() for _ in range(4)] == [
        {"type": "connection_ack"},
        {"type": "ka"},
        {"id": "1", "type": "data", "payload": {"data": {"count": 1}}},
        {"id": "1", "type": "complete"},
    ]


async def test_stop_ends_a_subscription_and_is_confirmed(line: Line, streams: FakeStreams) -> None:
    await connected(line)
    await line.say(start("quiet"))
    await until(lambda: bool(streams.begun))
    await line.say({"id": "1", "type": "stop"})
    assert await line.hear() == {"id": "1", "type": "complete"}
    assert streams.only.ends == 1


async def test_the_same_id_again_takes_the_place_of_the_former(
    line: Line, streams: FakeStreams
) -> None:
    await connected(line)
    await line.say(start("quiet"))
    await until(lambda: bool(streams.begun))
    await line.say(start("count", to=0))
    assert await line.hear() == {"id": "1", "type": "complete"}
    assert streams.begun[0].ends == 1


async def test_a_refusal_is_one_error(line: Line) -> None:
    await connected(line)
    await line.say(start("refused"), {"id": "2", "type": "start", "payload": {}})
    heard = {m["id"]: m for m in [await line.hear(), await line.hear()]}
    assert heard["1"] == {"id": "1", "type": "error", "payload": {"message": "not for you"}}
    told = heard["2"]["payload"]
    assert told["message"] == "`query` must be the text of a GraphQL document"
    assert told["extensions"]["code"] == "BAD_REQUEST"


async def test_what_cannot_be_understood_does_not_end_the_connection(line: Line) -> None:
    await connected(line)
    await line.say("{", {"type": "fly"}, init())
    told = [await line.hear() for _ in range(3)]
    assert {m["type"] for m in told} == {"connection_error"}
    await line.say(start("count", to=0))
    assert await line.hear() == {"id": "1", "type": "complete"}


async def test_who_may_not_connect_is_told_so_and_sent_away(line: Line) -> None:
    await line.say({"type": "connection_init", "payload": {}})
    heard = await line.hear()
    assert heard["type"] == "connection_error"
    assert heard["payload"]["message"].startswith("no token")
    assert (await line.closing())[0] == 4403


async def test_start_without_init_is_refused(line: Line) -> None:
    await line.say(start("quiet"))
    assert (await line.closing())[0] == 4401


async def test_terminate_closes(line: Line) -> None:
    await connected(line)
    await line.say({"type": "connection_terminate"})
    assert await line.closing() == (1000, "")
