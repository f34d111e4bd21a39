"""Notifications by webhook, signed as Standard Webhooks has it.

    POST url, {"type": "exception.opened", "timestamp": ..., "data": {...}}
    webhook-id         names the message for good: who gets it twice can tell
    webhook-timestamp  when it is sent, in seconds
    webhook-signature  v1,<HMAC-SHA256 of "id.timestamp.body">, one for each secret in use

The host is looked up here, and the address that was found is the one that is spoken to. A redirect
is not followed: it counts as an answer that is none.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct
from typing_extensions import override

from workflows.notifications.routing import Message
from workflows.notifications.sending import Channel, NotSentError

_GONE: Final = 410
_MOST_DIGITS: Final = 6  # of Retry-After: eleven days
_encode: Final = msgspec.json.Encoder().encode


class WebhookSettings(Struct, frozen=True, kw_only=True):
    """Where a webhook goes.

    Attributes:
        url: The address: https, or http where it may be private.
        keys: Keys that it is signed with, each of them.
        private: Whether it may be on this machine or in a private network.
        timeout_s: Seconds within which it must be answered.
        trust: Whom TLS trusts; made once, for that takes a while.
    """

    url: str
    keys: Sequence[bytes]
    private: bool = False
    timeout_s: float = 15.0
    trust: ssl.SSLContext


class Webhook(Channel):
    """A channel that posts messages to one address.

    Args:
        settings: Where.
        now: The time.
    """

    def __init__(self, settings: WebhookSettings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._url = httpx.URL(settings.url)

    @override
    async def send(self, message: Message) -> None:
        body = body_of(message, self._now())
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                status, headers = await self._posted(message.message_id, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:  # TimeoutError is an OSError
            raise NotSentError(f"it cannot be reached ({type(exc).__name__})") from exc
        if not httpx.codes.is_success(status):
            raise NotSentError(
                f"it answers {status}", final=status == _GONE, after_s=_after_s(headers)
            )

    async def _posted(self, name: str, body: bytes) -> tuple[int, httpx.Headers]:
        address = await self._address()
        stamp = str(int(self._now().timestamp()))
        headers = {
            "host": self._url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "supplygraph",
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": signed(self._settings.keys, name, stamp, body),
        }
        url = self._url.copy_with(host=address)
        # TLS is still spoken with the host that is named, and its certificate is held against that.
        named = {"sni_hostname": self._url.host}
        async with (
            httpx.AsyncClient(
                trust_env=False, timeout=self._settings.timeout_s, verify=self._settings.trust
            ) as client,
            client.stream("POST", url, content=body, headers=headers, extensions=named) as response,
        ):
            return response.status_code, response.headers  # what it says besides is not read

    async def _address(self) -> str:
        """The address of the host.

        Raises:
            NotSentError: if it is one that may not be spoken to.
        """
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not self._settings.private and not is_public(address):
            raise NotSentError(
                "its host is on this machine or in a private network: say `private: true` if that "
                "is meant"
            )
        return address


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def body_of(message: Message, now: datetime) -> bytes:
    """What is posted of a message."""
    notice = message.notice
    data: dict[str, Any] = {
        "subject": notice.subject,
        "text": notice.text,
        "about": notice.about,
        "correlationId": notice.correlation_id,
        "concerns": notice.to,
        "severity": notice.severity,
        "facts": notice.facts,
    }
    return _encode({"type": notice.kind, "timestamp": now, "data": data})


def signed(keys: Sequence[bytes], name: str, stamp: str, body: bytes) -> str:
    """The signatures of a message, with blanks between them."""
    text = b".".join((name.encode(), stamp.encode(), body))
    digests = (hmac.new(key, text, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _after_s(headers: httpx.Headers) -> float | None:
    text = headers.get("retry-after", "")
    counted = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return float(text) if counted else None
