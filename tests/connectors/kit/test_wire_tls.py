"""Certificates and tunnels: who is trusted, and how a proxy is asked for a way through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field

from connectors.kit.transport_aiohttp import AiohttpWire
from connectors.kit.transport_wire import BrokenError, Incoming, Outgoing, UnsendableError
from tests.connectors.kit.conftest import Loopback, always, reply
from tests.fixtures.certificates import certificate


class Tunnel(Struct):
    """A proxy that passes bytes on, or refuses to."""

    to: int
    status: int = 200
    port: int = 0
    heard: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://ann:secret@127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 %d X\r\n\r\n" % self.status)
        if self.status == 200:
            there_in, there_out = await asyncio.open_connection("127.0.0.1", self.to)
            await asyncio.gather(_pass(reader, there_out), _pass(there_in, writer))
        await _closed(writer)
        self.ended.set()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
    await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Loopback]:
    """A server with a certificate that `erp.pem` vouches for; `other.pem` is another one's."""
    certificate(tmp_path, "other")
    made = Loopback(always(reply(200, b'"secret"')))
    context = certificate(tmp_path, "erp")
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context) as listening:
        made.port = listening.sockets[0].getsockname()[1]
        yield made
        await made.hang_up()


@pytest.fixture
async def tunnel(secure: Loopback) -> AsyncIterator[Tunnel]:
    made = Tunnel(secure.port)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as listening:
        made.port = listening.sockets[0].getsockname()[1]
        yield made
        await made.ended.wait()


async def asked(url: str, times: int = 1, **given: Any) -> Incoming:
    wire = AiohttpWire(max_connections=4, **given)
    try:
        answers = [
            await wire.exchange(Outgoing("GET", url, {"Authorization": "Bearer t"}, None, 1_000))
            for _ in range(times)
        ]
        return answers[-1]
    finally:
        await wire.aclose()


async def test_certificates_of_the_file_are_trusted(secure: Loopback, tmp_path: Path) -> None:
    url = f"https://localhost:{secure.port}/x"
    came = await asked(url, 3, ca_file=str(tmp_path / "erp.pem"))
    assert (came.status, came.content) == (200, b'"secret"')
    assert secure.connections == 1


@pytest.mark.parametrize("ca_file", ["other.pem", None])
async def test_other_certificates_are_not(
    secure: Loopback, tmp_path: Path, ca_file: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "erp.pem"))
    file = None if ca_file is None else str(tmp_path / ca_file)
    with pytest.raises(UnsendableError, match=r"^its certificate is not trusted \(see `ca_file`\)"):
        await asked(f"https://localhost:{secure.port}/x", ca_file=file)
    assert secure.heard == []


async def test_a_certificate_for_another_host_is_not_trusted(
    secure: Loopback, tmp_path: Path
) -> None:
    with pytest.raises(UnsendableError, match="not trusted"):
        await asked(f"https://127.0.0.1:{secure.port}/x", ca_file=str(tmp_path / "erp.pem"))


async def test_a_server_that_speaks_no_tls_is_no_connection() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        with suppress(ConnectionError):
            await reader.read()
        await _closed(writer)
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(BrokenError, match=r"^no connection$"):
            await asked(f"https://localhost:{port}/x")
        await ended.wait()


@pytest.mark.parametrize("text", ["no certificate", None])
def test_a_file_that_holds_none_is_an_error_at_once(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(OSError, match=r"."):
        AiohttpWire(max_connections=1, ca_file=str(tmp_path / "ca.pem"))


async def test_the_way_through_a_proxy_is_a_tunnel(
    secure: Loopback, tunnel: Tunnel, tmp_path: Path
) -> None:
    url = f"https://localhost:{secure.port}/x"
    came = await asked(url, 2, ca_file=str(tmp_path / "erp.pem"), proxy=tunnel.url)
    assert came.content == b'"secret"'
    (told,) = tunnel.heard
    assert told.startswith(f"CONNECT localhost:{secure.port} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic YW5uOnNlY3JldA==" in told
    assert "Bearer" not in told
    assert "proxy-authorization" not in secure.heard[0].headers


async def test_a_proxy_that_refuses_says_so(secure: Loopback, tunnel: Tunnel) -> None:
    tunnel.status = 407
    with pytest.raises(BrokenError, match=r"^the proxy refused the connection$"):
        await asked(f"https://localhost:{secure.port}/x", proxy=tunnel.url)
    assert secure.connections == 0
