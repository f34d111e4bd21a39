"""Webhooks to a real server: signed, to the address that is meant, and no further."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.notifying.webhooks import Webhook, WebhookSettings, is_public
from canonical.exceptions import ExceptionSeverity
from runtime.security.signatures import STANDARD, Check, SignatureError
from tests.fixtures.certificates import certificate
from tests.fixtures.server import served
from workflows.notifications.ports import Notice, NoticeKind
from workflows.notifications.routing import Message
from workflows.notifications.sending import NotSentError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = b"o" * 24, b"n" * 24
TRUST = ssl.create_default_context()
MESSAGE = Message(
    message_id="m-1",
    channel="chat",
    address=None,
    notice=Notice(
        kind=NoticeKind.EXCEPTION_OPENED,
        key="k",
        subject="Späte Bestätigung",
        text="call them",
        about="exception:1",
        to=("owner:ann",),
        correlation_id="c-1",
        severity=ExceptionSeverity.HIGH,
        facts={"category": "LATE_ACKNOWLEDGEMENT"},
    ),
)


class Receiver(Struct):
    """What came, and what is answered."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    url: str = ""

    async def take(self, request: Request) -> Response:
        self.came.append((dict(request.headers), await request.body()))
        if self.gate is not None:
            await self.gate.wait()
        return Response(status_code=self.status, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    async with served(Starlette(routes=[Route("/hook", made.take, methods=["POST"])])) as server:
        made.url = f"{server.url}/hook"
        yield made
        if made.gate is not None:
            made.gate.set()


def webhook(url: str, **more: Any) -> Webhook:
    given = {"private": True, "keys": [OLD, NEW], "trust": TRUST, "timeout_s": 5.0, **more}
    return Webhook(WebhookSettings(url=url, **given), now=lambda: NOW)


async def test_it_is_posted_and_signed_so_that_receivers_believe_it(receiver: Receiver) -> None:
    await webhook(receiver.url).send(MESSAGE)
    ((headers, body),) = receiver.came
    assert json.loads(body) == {
        "type": "exception.opened",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "subject": "Späte Bestätigung",
            "text": "call them",
            "about": "exception:1",
            "correlationId": "c-1",
            "concerns": ["owner:ann"],
            "severity": "HIGH",
            "facts": {"category": "LATE_ACKNOWLEDGEMENT"},
        },
    }
    assert headers["webhook-id"] == "m-1"
    assert headers["host"] in receiver.url
    for key in (OLD, NEW):
        check = Check(STANDARD, [key], headers, now=NOW)
        check.update(body)
        assert check.finish().delivery_id == "m-1"
    forged = Check(STANDARD, [b"x" * 24], headers, now=NOW)
    forged.update(body)
    with pytest.raises(SignatureError):
        forged.finish()


@pytest.mark.parametrize(
    "status, headers, final, after_s",
    [
        (500, {}, False, None),
        (404, {}, False, None),
        (429, {"retry-after": "17"}, False, 17.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, False, None),
        (302, {"location": "http://127.0.0.1:1/elsewhere"}, False, None),
        (410, {}, True, None),
    ],
)
async def test_another_answer_than_yes_is_a_no(
    receiver: Receiver, status: int, headers: dict[str, str], final: bool, after_s: float | None
) -> None:
    receiver.status, receiver.headers = status, headers
    with pytest.raises(NotSentError, match=f"it answers {status}") as caught:
        await webhook(receiver.url).send(MESSAGE)
    assert (caught.value.final, caught.value.after_s) == (final, after_s)
    assert len(receiver.came) == 1


async def test_who_does_not_answer_is_not_waited_for(receiver: Receiver) -> None:
    receiver.gate = asyncio.Event()
    with pytest.raises(NotSentError, match="cannot be reached"):
        await webhook(receiver.url, timeout_s=0.05).send(MESSAGE)
    with pytest.raises(NotSentError, match="cannot be reached"):
        await webhook("http://127.0.0.1:1/hook").send(MESSAGE)
    with pytest.raises(NotSentError, match="cannot be reached"):
        await webhook("http://nobody.invalid/hook").send(MESSAGE)


async def test_a_private_host_is_told_nothing_unless_it_is_meant(receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(NotSentError, match="say `private: true` if that is meant"):
            await webhook(url, private=False).send(MESSAGE)
    assert receiver.came == []


@pytest.mark.parametrize(
    "address, public",
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  # refused
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_tls_is_held_against_the_host_that_is_named(tmp_path: Path) -> None:
    server, heard = certificate(tmp_path, "chat"), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    trust = ssl.create_default_context(cafile=tmp_path / "chat.pem")
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        await webhook(f"https://localhost:{port}/hook", trust=trust).send(MESSAGE)
        assert f"host: localhost:{port}".encode() in heard[0].lower()
        for url, trusted in (
            (f"https://127.0.0.1:{port}/hook", trust),  # the certificate is for localhost
            (f"https://localhost:{port}/hook", TRUST),
        ):
            with pytest.raises(NotSentError, match="cannot be reached"):
                await webhook(url, trust=trusted).send(MESSAGE)
    assert len(heard) == 1
