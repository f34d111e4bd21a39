"""What the HTTP library is held to, on real connections: exact bytes out, whole answers in."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connectors.kit.transport_aiohttp import AiohttpWire
from connectors.kit.transport_body import TooLargeError
from connectors.kit.transport_wire import BrokenError, Incoming, Outgoing, UnsendableError, Wire

Opener = Callable[..., Wire]

JSON = b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    wires: list[Wire] = []

    def opener(**given: Any) -> Wire:
        wires.append(AiohttpWire(**({"max_connections": 4} | given)))
        return wires[-1]

    yield opener
    for wire in wires:
        await wire.aclose()


@pytest.fixture
def wire(opened: Opener) -> Wire:
    return opened()


def get(url: str, **headers: str) -> Outgoing:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Outgoing("GET", url, named, None, 1_000_000)


def post(url: str, body: bytes | None = b"{}", **headers: str) -> Outgoing:
    return Outgoing("POST", url, headers, body, 1_000_000)


@pytest.mark.parametrize(
    "sent, heard",
    [
        ("", "/"),
        ("/a%2Fb/%7e/~(x='1',y=@p)", "/a%2Fb/%7e/~(x='1',y=@p)"),
        ("/x/../y//z?q=%20+a,b;c&&r", "/x/../y//z?q=%20+a,b;c&&r"),
        ("/x?a=1#part", "/x?a=1"),
        ('/two words/\u00fc?q="<>`{}\u00fc', "/two%20words/%C3%BC?q=%22%3C%3E%60%7B%7D%C3%BC"),
        ("/x?a=b\r\nX-Other: 1", "/x?a=bX-Other:%201"),
    ],
)
async def test_an_address_goes_out_byte_for_byte(
    world: Any, wire: Wire, sent: str, heard: str
) -> None:
    await wire.exchange(get(f"{world.server.url}{sent}"))
    assert [h.target for h in world.server.heard] == [heard]


async def test_nothing_is_sent_that_was_not_given(world: Any, wire: Wire) -> None:
    url = world.server.url
    await wire.exchange(get(url, Accept="a/b", User_Agent="us", Accept_Encoding="gzip", X_One="1"))
    await wire.exchange(post(url, b"body", Accept="a/b"))
    await wire.exchange(post(url, None, Accept="a/b"))
    host = world.server.url.removeprefix("http://")
    first, second, third = world.server.heard
    assert first.headers == {
        "host": host,
        "accept": "a/b",
        "user-agent": "us",
        "accept-encoding": "gzip",
        "x-one": "1",
    }
    assert (second.method, second.body) == ("POST", b"body")
    assert "content-type" not in second.headers | third.headers
    assert (second.headers["content-length"], third.headers["content-length"]) == ("4", "0")


async def test_a_large_body_is_sent_whole(world: Any, wire: Wire) -> None:
    body = bytes(range(256)) * 12_000
    await wire.exchange(post(world.server.url, body))
    assert world.server.heard[0].body == body


async def test_the_environment_has_no_say(
    world: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await wire.exchange(get(world.server.url))
    assert "authorization" not in world.server.heard[0].headers


async def test_headers_come_by_lower_name_joined_and_readable(world: Any, wire: Wire) -> None:
    raw = b"HTTP/1.1 200 X\r\nX-One: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-N: caf\xe9\r\n"
    world.server.answer = world.always(raw + b"Content-Length: 0\r\n\r\n")
    came = await wire.exchange(get(world.server.url))
    assert came == Incoming(
        200,
        {"x-one": "1", "set-cookie": "a=1, b=2", "x-n": "caf\u00e9", "content-length": "0"},
        b"",
    )


@pytest.mark.parametrize(
    "raw, status, content",
    [
        (b"HTTP/1.1 204 No\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 No\r\nETag: 1\r\n\r\n", 304, b""),
        (
            b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\n" + JSON,
            200,
            b"{}",
        ),
        (
            CHUNKED + b"2;x=y\r\n[1\r\n3\r\n,2]\r\n0\r\nX-Trailer: 1\r\n\r\n",
            200,
            b"[1,2]",
        ),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    ],
)
async def test_an_answer_ends_where_it_says(
    world: Any, wire: Wire, raw: bytes, status: int, content: bytes
) -> None:
    world.server.answer = world.always(raw)
    for _ in range(2):
        came = await wire.exchange(get(world.server.url))
        assert (came.status, came.content) == (status, content)
    assert world.server.connections == 1


async def test_an_answer_without_length_ends_with_its_connection(world: Any, wire: Wire) -> None:
    async def until_closed(heard: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\n\r\nall of")
        await writer.drain()
        writer.write(b" it")
        writer.close()

    world.server.answer = until_closed
    assert (await wire.exchange(get(world.server.url))).content == b"all of it"
    assert (await wire.exchange(get(world.server.url))).content == b"all of it"


async def test_the_head_of_an_answer_to_head_has_no_body(world: Any, wire: Wire) -> None:
    world.server.answer = world.always(b"HTTP/1.1 200 X\r\nContent-Length: 7\r\n\r\n")
    came = await wire.exchange(Outgoing("HEAD", world.server.url, {}, None, 100))
    assert (came.headers["content-length"], came.content) == ("7", b"")


@pytest.mark.parametrize(
    "method, close", [("GET", False), ("POST", False), ("GET", True), ("POST", True)]
)
async def test_a_kept_connection_that_was_closed_is_not_used(
    world: Any, wire: Wire, method: str, close: bool
) -> None:
    async def once(heard: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(world.reply(200, b"[]", **({"connection": "close"} if close else {})))
        await writer.drain()
        writer.close()

    world.server.answer = once
    out = Outgoing(method, world.server.url, {}, None, 100)
    await wire.exchange(out)
    for _ in range(3):  # at once, and after the loop has heard of the end
        assert (await wire.exchange(out)).content == b"[]"
    await asyncio.sleep(0.02)
    assert (await wire.exchange(out)).content == b"[]"
    assert len(world.server.heard) == world.server.connections == 5


async def test_an_end_that_the_loop_was_too_busy_to_hear_of_is_seen(wire: Wire) -> None:
    """The server is a process of its own: it closes while our loop does nothing but work."""
    server = await asyncio.create_subprocess_exec(
        "python3", "-c", _CLOSER, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    assert server.stdout
    assert server.stdin
    url = f"http://127.0.0.1:{int(await server.stdout.readline())}"
    for _ in range(5):
        assert (await wire.exchange(post(url))).content == b"[]"
        time.sleep(0.05)  # noqa: ASYNC251 that is what is tried
    server.stdin.close()
    assert int(await server.stdout.readline()) == 5
    await server.wait()


_CLOSER = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
heard = 0
def serve():
    global heard
    while True:
        connection, _ = listener.accept()
        while not connection.recv(65536).endswith(b"{}"):
            pass
        heard += 1
        connection.sendall(b"HTTP/1.1 200 X\\r\\nContent-Length: 2\\r\\n\\r\\n[]")
        threading.Timer(0.02, connection.close).start()
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
print(heard, flush=True)
"""


async def test_what_breaks_is_not_sent_again(world: Any, wire: Wire) -> None:
    async def cut(heard: Any, writer: asyncio.StreamWriter) -> None:
        if len(world.server.heard) > 1:
            writer.close()
        else:
            writer.write(world.reply())

    world.server.answer = cut
    await wire.exchange(get(world.server.url))
    with pytest.raises(BrokenError, match=r"^the connection broke off"):
        await wire.exchange(get(world.server.url))
    assert len(world.server.heard) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n[1]",
        CHUNKED + b"5\r\n[1",
        CHUNKED + b"zz\r\n[1]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: two\r\n\r\n[]",
        b"HTTP/1.1 200 X\r\nX-Endless: " + b"x" * 2_000_000,
        b"HTTP/1.1 20",
        b"",
    ],
)
async def test_what_is_no_whole_answer_is_broken(world: Any, wire: Wire, raw: bytes) -> None:
    async def answer(heard: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    world.server.answer = answer
    for _ in range(2):
        with pytest.raises(BrokenError) as caught:
            await wire.exchange(get(world.server.url))
        assert str(caught.value) == "the connection broke off, or it does not speak HTTP"


async def test_what_follows_an_answer_unasked_is_no_answer_to_the_next(
    world: Any, wire: Wire
) -> None:
    world.server.answer = world.in_turn(
        world.reply(200, b'"first"') + world.reply(200, b'"forged"'), world.reply(200, b'"second"')
    )
    assert (await wire.exchange(get(world.server.url))).content == b'"first"'
    assert (await wire.exchange(get(world.server.url))).content == b'"second"'


async def test_what_is_too_large_ends_its_connection(world: Any, wire: Wire) -> None:
    ended = asyncio.Event()

    async def endless(heard: Any, writer: asyncio.StreamWriter) -> None:
        if heard.target == "/small":
            writer.write(world.reply())
            return
        status = 500 if heard.target == "/error" else 200
        writer.write(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        try:
            while not writer.is_closing():
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()
        finally:
            ended.set()

    world.server.answer = endless
    with pytest.raises(TooLargeError):
        await wire.exchange(get(f"{world.server.url}/large"))
    await asyncio.wait_for(ended.wait(), 2)
    ended.clear()
    error = await wire.exchange(get(f"{world.server.url}/error"))
    assert (error.status, error.content) == (500, b"x" * 65_536)
    await asyncio.wait_for(ended.wait(), 2)
    assert (await wire.exchange(get(f"{world.server.url}/small"))).content == b"{}"


async def test_who_gives_up_lets_go_of_the_connection(world: Any, opened: Opener) -> None:
    gone = asyncio.Event()

    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        if heard.target == "/slow":
            while not writer.is_closing():
                writer.write(b"HTTP/1.1 100 Wait\r\n\r\n")
                await asyncio.sleep(0.005)
            gone.set()
        else:
            writer.write(world.reply(200, b'"other"'))

    world.server.answer = slowly
    wire = opened(max_connections=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await wire.exchange(get(f"{world.server.url}/slow"))
    await asyncio.wait_for(gone.wait(), 2)
    assert (await wire.exchange(get(world.server.url))).content == b'"other"'


async def test_no_more_connections_than_allowed(world: Any, opened: Opener) -> None:
    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(world.reply())

    world.server.answer = slowly
    wire = opened(max_connections=2)
    await asyncio.gather(*(wire.exchange(get(world.server.url)) for _ in range(10)))
    assert (len(world.server.heard), world.server.connections) == (10, 2)


async def test_closing_ends_kept_connections(world: Any, opened: Opener) -> None:
    wire, unused = opened(), opened()
    await wire.exchange(get(world.server.url))
    (serving,) = world.server.serving
    await wire.aclose()
    await unused.aclose()
    await asyncio.wait_for(asyncio.shield(serving), 2)


@pytest.mark.parametrize(
    "url",
    ["ftp://erp.example/x", "erp.example/x", "http:///x", "http://[::1/x", "http://h:99999/x", ""],
)
async def test_an_address_that_is_none_says_so(wire: Wire, url: str) -> None:
    with pytest.raises(UnsendableError, match=r"^the address is not a valid http or https URL$"):
        await wire.exchange(get(url))


@pytest.mark.parametrize(
    "headers", [{"X-A": "1\r\nX-B: 2"}, {"X-A": "nul\0"}, {"X A": "1"}, {"X-A:": "1"}, {"": "1"}]
)
async def test_a_header_that_cannot_be_sent_says_so(
    world: Any, wire: Wire, headers: dict[str, str]
) -> None:
    with pytest.raises(UnsendableError, match=r"^the request holds a header that cannot be sent$"):
        await wire.exchange(Outgoing("GET", world.server.url, headers, None, 100))
    assert world.server.heard == []
    await wire.exchange(get(world.server.url))


async def test_a_host_that_is_not_known_is_no_connection(wire: Wire) -> None:
    with pytest.raises(BrokenError, match=r"^no connection$"):
        await wire.exchange(get("http://nowhere.invalid/x"))


async def test_a_proxy_is_asked_by_the_whole_address(world: Any, opened: Opener) -> None:
    proxy = world.server.url.replace("http://", "http://ann:se%3Acret@")
    for _ in range(2):
        await opened(proxy=proxy).exchange(get("http://erp.example:8080/items?ids=%2C"))
    first, _ = world.server.heard
    assert first.target == "http://erp.example:8080/items?ids=%2C"
    assert first.headers["host"] == "erp.example:8080"
    pair = first.headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(pair) == b"ann:se:cret"
    assert "authorization" not in first.headers


async def test_a_proxy_that_is_not_there_is_no_connection(opened: Opener) -> None:
    with pytest.raises(BrokenError, match=r"^no connection$"):
        await opened(proxy="http://127.0.0.1:1").exchange(get("http://erp.example/"))
