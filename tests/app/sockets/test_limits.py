"""What a socket may take, how it is looked after, and how it ends with the process."""

import asyncio

import pytest

from app.server.sockets.protocol import SocketProtocol
from app.server.stream_settings import StreamSettings
from runtime.telemetry import metrics
from tests.app.sockets.talk import LEGACY, TRANSPORT, Talk, subscribe
from tests.fakes.distributor import Distributor
from tests.fakes.serving import Site, a_token
from tests.fakes.streams import FakeStreams
from tests.fixtures.waiting import until


@pytest.fixture
def settings() -> StreamSettings:
    return StreamSettings(
        connections_per_principal=3,
        operations_per_connection=2,
        messages_per_minute=20,
        messages_per_principal=25,
        max_message_bytes=1_000,
        connection_init_s=0.2,
        keep_alive_s=0.2,
        write_buffer_bytes=16_384,
    )


async def test_who_says_nothing_is_closed_with_4408(talk: Talk) -> None:
    line = await talk.open(TRANSPORT)
    assert await line.closing() == (4408, "connection_init did not come within 0.2 s")


async def test_a_message_that_is_too_long_is_1009(talk: Talk) -> None:
    line = await talk.connected()
    await line.say('{"type":"ping","payload":{"a":"%s"}}' % ("x" * 1_000))
    assert (await line.closing())[0] == 1009


async def test_too_many_messages_are_4429(talk: Talk) -> None:
    line = await talk.connected()
    await line.say(*[{"type": "pong"}] * 25)
    assert await line.closing() == (4429, "too many messages: 20 a minute are taken")


async def test_the_sockets_of_one_subject_share_an_allowance(talk: Talk) -> None:
    first, second = await talk.connected(), await talk.connected()
    other = await talk.connected(a_token(subject="ole"))
    await first.say(*[{"type": "pong"}] * 15)
    await first.is_well()
    await second.say(*[{"type": "pong"}] * 15)
    assert await second.closing() == (
        4429,
        "too many messages: 25 a minute of one subject are taken",
    )
    await other.is_well()
    again = await talk.connected()
    await again.say(*[{"type": "pong"}] * 2)
    assert (await again.closing())[0] == 4429


async def test_too_many_operations_are_refused_one_by_one(talk: Talk) -> None:
    line = await talk.connected()
    await line.say(*(subscribe("quiet", name) for name in "abc"))
    heard = await line.hear()
    assert heard["id"] == "c"
    assert heard["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
    await line.is_well()


async def test_too_many_connections_of_one_subject_are_4429(talk: Talk, site: Site) -> None:
    lines = [await talk.connected() for _ in range(3)]
    fourth = await talk.open(TRANSPORT)
    with pytest.raises(Exception, match="too many connections: 3 of one subject are taken"):
        await fourth.initialise()
    await lines[0].socket.close()
    await until(lambda: site.board._of_subject["supplygraph-development", "pia"] == 2)
    await talk.connected()


async def test_an_idle_client_that_answers_pings_stays(talk: Talk, site: Site) -> None:
    line = await talk.connected()
    [connection] = site.board._open
    assert isinstance(connection, SocketProtocol)
    asked = {connection._asked_at}

    def asked_thrice() -> bool:
        asked.add(connection._asked_at)
        return len(asked) == 4

    await until(asked_thrice)
    await line.is_well()


async def test_a_client_that_answers_no_pings_is_dropped(talk: Talk, streams: FakeStreams) -> None:
    line = await talk.connected()
    await line.say(subscribe("quiet"))
    await until(lambda: bool(streams.begun))
    line.socket.transport.pause_reading()
    await until(lambda: streams.only.ends == 1)
    line.socket.transport.abort()  # it would wait for the closing handshake that it does not read


async def test_the_older_subprotocol_says_that_it_is_alive(talk: Talk) -> None:
    line = await talk.open(LEGACY)
    await line.say({"type": "connection_init", "payload": {"authorization": _bearer()}})
    assert [(await line.hear())["type"] for _ in range(4)] == ["connection_ack", "ka", "ka", "ka"]


async def test_a_client_that_does_not_read_congests_its_own_socket_alone(
    talk: Talk, streams: FakeStreams
) -> None:
    slow, other = await talk.connected(), await talk.connected()
    await slow.say(subscribe("quiet"))
    await until(lambda: len(streams.begun) == 1)
    await other.say(subscribe("quiet"))
    await until(lambda: len(streams.begun) == 2)
    behind, good = streams.begun
    slow.socket.transport.pause_reading()
    behind.flood(2_000)
    assert behind.outlet.congested
    assert not good.outlet.congested
    good.deliver(fine=True)
    assert (await other.hear())["payload"] == {"data": {"fine": True}}

    slow.socket.transport.resume_reading()
    for n in range(behind.sent):
        assert (await slow.hear())["payload"]["data"]["n"] == n
    await until(lambda: behind.resumptions >= 1)
    assert not behind.outlet.congested


async def test_sockets_are_counted(talk: Talk, streams: FakeStreams) -> None:
    before = _figure("supplygraph_deliveries_total")
    line = await talk.connected()
    await line.say(subscribe("count", "x", to=3), subscribe("quiet"))
    await until(lambda: len(streams.begun) == 2)
    assert _figure("supplygraph_stream_connections") == 1
    assert _figure("supplygraph_subscriptions") == 1
    assert _figure("supplygraph_deliveries_total") == before + 3
    await line.socket.close()
    await until(lambda: _figure("supplygraph_subscriptions") == 0)
    await until(lambda: _figure("supplygraph_stream_connections") == 0)
    assert 'supplygraph_socket_closes_total{code="1000"}' in metrics.render().decode()


async def test_a_stopping_process_sends_all_away_with_1001(talk: Talk, site: Site) -> None:
    lines = [await talk.connected() for _ in range(3)]
    await asyncio.wait_for(site.drain.stop(5), 3)
    left = (1001, "the server is stopping: connect again")
    assert [await line.closing() for line in lines] == [left] * 3
    assert site.drain.under_way == 0


async def test_a_question_under_way_is_answered_before_its_socket_is_closed(
    talk: Talk, site: Site, world: Distributor
) -> None:
    world.items.delay_s = 0.3
    line = await talk.connected()
    query = {"query": "{ items(first: 1) { nodes { sku } } }"}
    await line.say({"id": "q", "type": "subscribe", "payload": query})
    await until(lambda: bool(world.items.asked))
    stopping = asyncio.ensure_future(site.drain.stop(5))
    assert (await line.hear())["type"] == "next"
    assert (await line.closing())[0] == 1001
    await stopping


def _bearer() -> str:
    return f"Bearer {a_token()}"


def _figure(name: str) -> float:
    label = f'{name}{{protocol="graphql-transport-ws"}} '
    lines = metrics.render().decode().splitlines()
    return next((float(x.removeprefix(label)) for x in lines if x.startswith(label)), 0.0)
