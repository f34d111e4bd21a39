"""What attackers do with sockets ends soon and costs little, and others are served meanwhile."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator

import pytest

from app.server.edge import Edge
from app.server.stream_settings import StreamSettings
from tests.app.server.attacking import cheap
from tests.app.sockets.talk import TRANSPORT, Talk
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token
from tests.fixtures.waiting import until

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n%b\r\n"
)


@pytest.fixture
def settings() -> StreamSettings:
    return StreamSettings(connection_init_s=0.3, messages_per_minute=500)


@pytest.fixture
def serving(world: Distributor) -> FakeServing:
    made = FakeServing(*world.sources)
    made.edge = Edge(header_s=0.3)
    return made


def frame(payload: bytes, first: int = 0x81, *, masked: bool = True) -> bytes:
    """A frame of a client; `first` is its first byte."""
    length, mask = len(payload), 0x80 if masked else 0
    if length < 126:
        head = struct.pack("!BB", first, mask | length)
    elif length < 65_536:
        head = struct.pack("!BBH", first, mask | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask | 127, length)
    return head + (b"\0\0\0\0" if masked else b"") + payload  # a mask of zeros changes nothing


def init() -> bytes:
    payload = {"authorization": f"Bearer {a_token()}"}
    return frame(json.dumps({"type": "connection_init", "payload": payload}).encode())


class Raw:
    """A connection that was upgraded, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def hear(self) -> bytes:
        """The payload of the next short frame."""
        _, length = await asyncio.wait_for(self.reader.readexactly(2), 5)
        if length == 126:
            [length] = struct.unpack("!H", await self.reader.readexactly(2))
        return await self.reader.readexactly(length)

    async def code(self) -> int:
        """The close code that comes next; 0 where the connection ends without."""
        try:
            payload = await self.hear()
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int.from_bytes(payload[:2])


@pytest.fixture
async def raw(site: Site) -> AsyncIterator[Raw]:
    made = Raw(*await asyncio.open_connection("127.0.0.1", site.port))
    yield made
    made.writer.close()


async def test_frames_behind_the_upgrade_in_one_piece_are_heard(raw: Raw) -> None:
    ping = frame(b'{"type":"ping"}')
    raw.writer.write(UPGRADE % b"" + ping + init())
    assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
    assert [await raw.hear(), await raw.hear()] == [
        b'{"type":"pong"}',
        b'{"type":"connection_ack"}',
    ]


HUGE = struct.pack("!BBQ", 0x81, 0xFF, 2**62)


@pytest.mark.parametrize(
    "frames, code",
    [
        (frame(b"{}", masked=False), 1002),
        (frame(b"{}", 0x91), 1002),  # a reserved bit
        (frame(b"{}", 0x83), 1002),  # a reserved opcode
        (frame(b"x" * 126, 0x89), 1002),  # a ping that is too long
        (frame(b"", 0x09), 1002),  # a ping in pieces
        (frame(b"{}", 0x80), 1002),  # a piece of nothing
        (frame(b"{", 0x01) + frame(b"{}", 0x81), 1002),  # a message within another
        (frame(b"\x00", 0x88), 1002),  # a close code of one byte
        (frame(b"\x00\x07", 0x88), 1002),  # a close code that is none
        (frame(b"\x03\xe8\xff", 0x88), 1007),  # a reason that is no UTF-8
        (frame(b"\xff\xfe"), 1007),
        (frame(b"{}", 0x82), 4400),
        (HUGE + b"\0\0\0\0" + b"x" * 1_000, 1009),
        (frame(b"x" * 200_000, 0x01) + frame(b"x" * 200_000, 0x80), 1009),
        (frame(b"", 0x01) + frame(b"", 0x00) * 600, 4429),  # a message of nothing but pieces
        (frame(b"", 0x8A) * 600, 4429),
        *(
            (frame(text), 4400)
            for text in (b"null", b"5", b'"x"', b"[]", b"true", b"", b"{", b"{}")
        ),
        (frame(b'{"type":"ping","payload":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), 4400),
        (frame(b'{"type":"ping","payload":{"a":' + b"9" * 5_000 + b"}}"), 4400),
        (frame(b'{"type":null}'), 4400),
        (frame(b'{"type":"subscribe","id":7}'), 4400),
    ],
)
async def test_what_is_no_message_is_told_by_a_code(
    site: Site, raw: Raw, frames: bytes, code: int
) -> None:
    async with cheap(site, 1.0):
        raw.writer.write(UPGRADE % b"" + frames)
        assert b" 101 " in await raw.head()
        assert await raw.code() == code


async def test_a_document_that_is_no_graphql_does_not_end_the_socket(talk: Talk) -> None:
    line = await talk.connected()
    for query in ("{", "{ nonsense }", "{ items(first: " + "9" * 5_000 + ") { nodes { sku } } }"):
        await line.say({"id": "1", "type": "subscribe", "payload": {"query": query}})
        told = await line.hear()
        assert (told["type"], told["id"]) == ("error", "1")
        assert told["payload"][0]["extensions"]["code"].startswith("GRAPHQL_")
        assert told["payload"][0]["extensions"]["correlationId"]
    await line.is_well()


async def test_200_sockets_without_init_are_closed_in_time(site: Site, talk: Talk) -> None:
    lines = await asyncio.gather(*(talk.open(TRANSPORT) for _ in range(200)))
    async with cheap(site, 4.0):
        codes = await asyncio.gather(*(line.closing() for line in lines))
    assert {code for code, _ in codes} == {4408}
    assert site.drain.under_way == 0


async def test_an_upgrade_that_is_refused_leaves_no_connection(
    site: Site, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.sockets.protocol._CLOSING_S", 0.1)
    raw.writer.write(UPGRADE % b"Origin: https://evil.example\r\n")
    assert b" 403 " in await raw.head()
    await until(lambda: not site.server.server_state.connections)  # though the client stays


async def test_an_upgrade_that_drips_is_given_up(site: Site, raw: Raw) -> None:
    raw.writer.write((UPGRADE % b"")[:-10])
    async with cheap(site, 1.0):
        assert b" 408 " in await raw.head()
