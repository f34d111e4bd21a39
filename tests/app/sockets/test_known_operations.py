"""Documents that are known may be named over connections that stay open, and others be refused."""

import json
from typing import Any

import httpx
import pytest

from app.server.known_operations import KnownOperations, Mode, Policy
from app.server.ports import Serves
from runtime.security.principal import Role
from tests.app.sockets.talk import LEGACY, TRANSPORT, Talk
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token
from tests.fakes.streams import FakeStreams

TEXTS = {"counts": "subscription Counts { count }", "viewer": "{ viewer { subject } }"}
NAMED = {"documentId": "counts", "variables": {"to": 1}}
UNKNOWN = [
    ({"query": "subscription Other { count }"}, "QUERY_NOT_IN_SAFELIST"),
    ({"query": "{ viewer { roles } }"}, "QUERY_NOT_IN_SAFELIST"),
    ({"documentId": "others"}, "PERSISTED_QUERY_NOT_IN_LIST"),
]


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    policy = Policy(by_role={Role.SUPPLIER: Mode.KNOWN_ONLY})
    made.serves = Serves(known=KnownOperations(TEXTS, policy))
    return made


def supplier() -> str:
    return a_token(Role.SUPPLIER, "S1")


async def streamed(site: Site, body: Any, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    return await site.client.post("/graphql", json=body, headers=headers)


@pytest.mark.parametrize("token", [a_token(), supplier()])
async def test_a_name_suffices_on_a_socket(talk: Talk, token: str) -> None:
    line = await talk.connected(token)
    await line.say({"id": "1", "type": "subscribe", "payload": NAMED})
    assert (await line.hear())["payload"] == {"data": {"count": 1}}
    assert (await line.hear())["type"] == "complete"
    await line.say({"id": "2", "type": "subscribe", "payload": {"documentId": "viewer"}})
    assert (await line.hear())["payload"]["data"]["viewer"]["subject"] == "pia"


async def test_a_name_suffices_in_the_older_subprotocol(talk: Talk) -> None:
    line = await talk.open(LEGACY)
    payload = {"authorization": f"Bearer {a_token()}"}
    await line.say({"type": "connection_init", "payload": payload})
    assert [(await line.hear())["type"] for _ in range(2)] == ["connection_ack", "ka"]
    await line.say({"id": "1", "type": "start", "payload": NAMED})
    assert (await line.hear())["payload"] == {"data": {"count": 1}}


@pytest.mark.parametrize("token", [a_token(), supplier()])
async def test_a_name_suffices_for_an_event_stream(site: Site, token: str) -> None:
    response = await streamed(site, NAMED, token)
    assert '"count":1' in response.text


@pytest.mark.parametrize("body, code", UNKNOWN)
async def test_others_are_refused_on_a_socket_that_goes_on(
    talk: Talk, streams: FakeStreams, body: dict[str, Any], code: str
) -> None:
    line = await talk.open(TRANSPORT)
    await line.initialise(supplier())
    await line.say({"id": "1", "type": "subscribe", "payload": body})
    [error] = (await line.hear())["payload"]
    assert error["extensions"]["code"] == code
    assert not streams.begun
    await line.is_well()


@pytest.mark.parametrize("body, code", UNKNOWN)
async def test_others_are_refused_for_an_event_stream(
    site: Site, streams: FakeStreams, body: dict[str, Any], code: str
) -> None:
    response = await streamed(site, body, supplier())
    assert json.loads(response.text)["errors"][0]["extensions"]["code"] == code
    assert not streams.begun
