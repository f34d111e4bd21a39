"""The rules of graphql-transport-ws, one by one, with a client that helps with nothing."""

import asyncio
import hashlib
import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.server.stream_settings import StreamSettings
from canonical.errors import Reason, UnavailableError
from runtime.security.principal import Principal
from tests.app.sockets.talk import LEGACY, TRANSPORT, Talk, subscribe
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until

ITEMS = "{ items(first: 1) { nodes { sku } } }"


def asked(query: str, name: str = "q") -> dict[str, Any]:
    return {"id": name, "type": "subscribe", "payload": {"query": query}}


async def test_the_better_subprotocol_is_chosen(talk: Talk) -> None:
    line = await talk.open(LEGACY, "soap", TRANSPORT)
    assert line.socket.subprotocol == TRANSPORT


@pytest.mark.parametrize("offered", [[], ["soap"]])
async def test_without_a_known_subprotocol_it_is_closed_with_4406(
    talk: Talk, offered: list[str]
) -> None:
    line = await talk.open(*offered)
    reason = "subprotocol not acceptable: speak graphql-transport-ws or graphql-ws"
    assert await line.closing() == (4406, reason)


async def test_results_come_in_order_and_then_complete(talk: Talk, streams: FakeStreams) -> None:
    line = await talk.connected()
    await line.say(subscribe("count", to=2))
    assert [await line.hear() for _ in range(3)] == [
        {"id": "1", "type": "next", "payload": {"data": {"count": 1}}},
        {"id": "1", "type": "next", "payload": {"data": {"count": 2}}},
        {"id": "1", "type": "complete"},
    ]
    await line.is_well()
    principal = streams.only.terms.principal
    assert principal is not None
    assert principal.subject == "pia"


@pytest.mark.parametrize("size", [1, 50, 125, 126, 65_400, 65_535, 65_536, 200_000])
async def test_results_of_every_length_arrive_whole(
    talk: Talk, streams: FakeStreams, size: int
) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet", name="ä\"'"))
    await until(lambda: bool(streams.begun))
    streams.only.deliver(filling="x" * size)
    heard = await line.hear()
    assert heard == {"id": "ä\"'", "type": "next", "payload": {"data": {"filling": "x" * size}}}


async def test_refusal_is_an_error_message_and_ends_the_operation(
    talk: Talk, streams: FakeStreams
) -> None:
    line = await talk.connected()
    refusal = [{"message": "not for you"}, {"message": "nor for others"}]
    for _ in range(2):  # the id is free again
        await line.say(subscribe("refused"))
        assert await line.hear() == {"id": "1", "type": "error", "payload": refusal}
    streams.begun[0].deliver(late=True)
    streams.begun[0].outlet.complete()
    await line.is_well()


async def test_a_fault_of_ours_is_told_by_its_number_alone(
    talk: Talk, capfd: pytest.CaptureFixture[str]
) -> None:
    line = await talk.connected()
    await line.say(subscribe("breaking"))
    heard = await line.hear()
    assert heard["type"] == "error"
    assert heard["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "ZeroDivision" not in str(heard)
    await line.is_well()


async def test_what_the_client_has_completed_is_ended_and_silent(
    talk: Talk, streams: FakeStreams
) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet"))
    await until(lambda: bool(streams.begun))
    await line.say({"id": "1", "type": "complete"}, {"id": "1", "type": "complete"})
    await line.is_well()
    one = streams.only
    assert one.ends == 1
    one.deliver(late=True)
    one.outlet.complete()
    one.outlet.fail(b"[]")
    await line.say(subscribe("count", to=0))
    assert await line.hear() == {"id": "1", "type": "complete"}


async def test_complete_of_an_unknown_id_is_no_mistake(talk: Talk) -> None:
    line = await talk.connected()
    await line.say({"id": "nobody", "type": "complete"})
    await line.is_well()


async def test_a_lost_socket_ends_its_subscriptions(talk: Talk, streams: FakeStreams) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet", "a"), subscribe("quiet", "b"))
    await until(lambda: len(streams.begun) == 2)
    line.socket.transport.abort()
    await until(lambda: [s.ends for s in streams.begun] == [1, 1])


async def test_a_stream_may_close_the_connection(talk: Talk, streams: FakeStreams) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet", "other"), subscribe("closing", code=1013))
    assert await line.closing() == (1013, "because of the test")
    assert [s.ends for s in streams.begun] == [1, 1]


async def test_ping_is_answered_before_and_after_the_ack(talk: Talk) -> None:
    line = await talk.open(TRANSPORT)
    await line.say({"type": "ping"}, {"type": "pong"}, {"type": "pong", "payload": {"a": 1}})
    assert await line.hear() == {"type": "pong"}
    await line.is_well()
    await line.initialise()
    await line.is_well()


@pytest.mark.parametrize(
    "message, reason",
    [
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"id":"1"}', "Object missing required field `type`"),
        ('{"type":"fly"}', "`fly` is no type of a client's message"),
        ('{"type":"next","id":"1"}', "`next` is no type of a client's message"),
        ('{"type":"connection_init","payload":[]}', "`payload` must be an object or left out"),
        ('{"type":"ping","payload":1}', "`payload` must be an object or left out"),
        ('{"type":"subscribe","payload":{}}', "`subscribe` must have an `id`, a string that"),
        ('{"type":"subscribe","id":"","payload":{}}', "`subscribe` must have an `id`"),
        (
            '{"type":"subscribe","id":7,"payload":{}}',
            "Expected `str | null`, got `int` - at `$.id`",
        ),
        ('{"type":"complete"}', "`complete` must have an `id`"),
        ('{"type":"subscribe","id":"1"}', '`payload` must be an object like {"query": "..."}'),
        ('{"type":"subscribe","id":"1","payload":{}}', "`query` must be the text of a GraphQL"),
        (
            '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}',
            "`variables` must be an object or left out",
        ),
        ('{"type":"ping","payload":' + "[" * 100_000, "nested too deeply"),
        (b"{}", "it must be text, not binary"),
    ],
)
async def test_an_invalid_message_is_4400_with_the_reason(
    talk: Talk, message: str | bytes, reason: str
) -> None:
    line = await talk.connected()
    await line.say(message)
    code, told = await line.closing()
    assert code == 4400
    assert told.startswith(f"invalid message: {reason}")


async def test_subscribe_before_the_ack_is_4401(talk: Talk) -> None:
    line = await talk.open(TRANSPORT)
    await line.say(subscribe("count", to=1))
    assert await line.closing() == (4401, "unauthorized: subscribe only after connection_ack")


async def test_an_id_in_use_is_4409(talk: Talk, streams: FakeStreams) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet", "x"), subscribe("quiet", "x"))
    assert await line.closing() == (4409, "subscriber for x already exists")
    assert streams.only.ends == 1


async def test_connection_init_twice_is_4429(talk: Talk) -> None:
    line = await talk.connected()
    await line.say({"type": "connection_init"})
    reason = "too many initialisation requests: connection_init is sent once"
    assert await line.closing() == (4429, reason)


async def test_text_that_is_no_utf_8_is_1007(talk: Talk) -> None:
    line = await talk.connected()
    await line.socket.send(b'{"type":"\xff"}', text=True)
    assert await line.closing() == (1007, "text must be UTF-8")


class TestWhoItIs:
    @pytest.mark.parametrize(
        "said",
        [
            {"authorization": "Bearer {}"},
            {"Authorization": "bearer {}"},
            {"headers": {"Authorization": "Bearer {}"}},
        ],
    )
    async def test_connection_parameters_say_it(self, talk: Talk, said: Any) -> None:
        line = await talk.open(TRANSPORT)
        filled = _filled(said, a_token())
        await line.say({"type": "connection_init", "payload": filled})
        assert await line.hear() == {"type": "connection_ack"}

    async def test_the_header_of_the_upgrade_says_it(self, talk: Talk) -> None:
        headers = {"Authorization": f"Bearer {a_token()}"}
        line = await talk.open(TRANSPORT, additional_headers=headers)
        await line.say({"type": "connection_init"})
        assert await line.hear() == {"type": "connection_ack"}

    @pytest.mark.parametrize(
        "said, reason",
        [
            ({}, 'no token: send {"authorization": "Bearer <token>"} with connection_init'),
            (
                {"authorization": "Basic cGlh"},
                "the header must be `Authorization: Bearer <token>`; other schemes are not taken",
            ),
            (
                {"authorization": "Bearer no"},
                "the token is malformed: it is not a signed JWT",
            ),
        ],
    )
    async def test_who_cannot_say_is_4403(self, talk: Talk, said: Any, reason: str) -> None:
        line = await talk.open(TRANSPORT)
        await line.say({"type": "connection_init", "payload": said})
        assert await line.closing() == (4403, reason)

    async def test_tokens_that_cannot_be_checked_now_are_1013(
        self, talk: Talk, serving: FakeServing
    ) -> None:
        class Down:
            async def verify(self, _: str) -> Principal:
                raise UnavailableError("tokens", Reason.CONNECTION, "the keys cannot be read now")

        serving.tokens = Down()
        line = await talk.open(TRANSPORT)
        await line.say({"type": "connection_init", "payload": {"authorization": "Bearer x"}})
        assert await line.closing() == (1013, "tokens: the keys cannot be read now")

    async def test_a_token_that_ends_closes_the_socket_with_4403(
        self, talk: Talk, streams: FakeStreams
    ) -> None:
        line = await talk.open(TRANSPORT)
        await line.initialise(a_token(now=time.time() - 599))
        await line.say(subscribe("quiet"))
        code = await line.closing()
        assert code == (4403, "the token has expired: connect again with a new one")
        assert streams.only.ends == 1


class TestQuestions:
    async def test_a_query_is_answered_by_one_result(self, talk: Talk) -> None:
        line = await talk.connected()
        await line.say(asked(ITEMS))
        heard = await line.hear()
        assert heard["type"] == "next"
        assert len(heard["payload"]["data"]["items"]["nodes"]) == 1
        assert await line.hear() == {"id": "q", "type": "complete"}

    async def test_a_query_that_is_wrong_is_an_error_message(self, talk: Talk) -> None:
        line = await talk.connected()
        await line.say(asked("{ nothing }"), asked("{ noth", "p"))
        codes = {}
        for _ in range(2):
            heard = await line.hear()
            assert heard["type"] == "error"
            codes[heard["id"]] = heard["payload"][0]["extensions"]["code"]
        assert codes == {"q": "GRAPHQL_VALIDATION_FAILED", "p": "GRAPHQL_PARSE_FAILED"}

    async def test_one_that_nobody_waits_for_any_more_is_given_up(
        self, talk: Talk, world: Distributor, site: Site
    ) -> None:
        world.items.delay_s = 60
        line = await talk.connected()
        await line.say(asked(ITEMS))
        await until(lambda: bool(world.items.asked))
        await line.say({"id": "q", "type": "complete"})
        await until(lambda: not site.board._tasks)
        await line.is_well()

    async def test_a_digest_suffices_once_both_were_sent(self, talk: Talk) -> None:
        line, text = await talk.connected(), "{ viewer { subject } }"
        digest = hashlib.sha256(text.encode()).hexdigest()
        named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
        await line.say({"id": "1", "type": "subscribe", "payload": named})
        [error] = (await line.hear())["payload"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        for name, more in (("2", {"query": text}), ("3", {})):
            await line.say({"id": name, "type": "subscribe", "payload": {**named, **more}})
            assert (await line.hear())["payload"] == {"data": {"viewer": {"subject": "pia"}}}
            assert (await line.hear()) == {"id": name, "type": "complete"}


class TestWhoMayOpen:
    @pytest.fixture
    def settings(self) -> StreamSettings:
        return StreamSettings(allowed_origins=("https://portal.example.com",))

    @pytest.mark.parametrize("origin", ["http://{}", "https://{}", "https://portal.example.com"])
    async def test_our_pages_and_those_that_are_listed(self, talk: Talk, origin: str) -> None:
        line = await talk.open(TRANSPORT, origin=origin.format(talk.host))
        await line.initialise()

    @pytest.mark.parametrize(
        "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://[", "file://"]
    )
    async def test_other_pages_may_not(self, talk: Talk, origin: str) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await talk.open(TRANSPORT, origin=origin)
        assert refused.value.response.status_code == 403

    async def test_nothing_else_is_opened(self, talk: Talk) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await talk.open(TRANSPORT, path="/elsewhere")
        assert refused.value.response.status_code == 404

    async def test_a_request_that_is_no_handshake_is_400(self, site: Site) -> None:
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{site.port}/graphql"
            assert (await client.get(url, headers=headers)).status_code == 400


def _filled(said: Any, token: str) -> Any:
    if isinstance(said, dict):
        return {name: _filled(value, token) for name, value in said.items()}
    return said.format(token)


async def test_a_message_in_pieces_is_one(talk: Talk) -> None:
    line = await talk.connected()

    async def pieces() -> Any:
        for piece in ('{"type":', '"pi', 'ng"}'):
            yield piece
            await asyncio.sleep(0)

    await line.socket.send(pieces())
    assert await line.hear() == {"type": "pong"}
