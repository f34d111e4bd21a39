"""Notifications by e-mail: one letter of plain text for each address, told to one mail server.

The standard library's SMTP client blocks, so it works in a thread. Names of headers and addresses
come from the manifest and from notices; a line end in one of them is refused, never sent.
"""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from typing_extensions import override

from workflows.notifications.routing import Message
from workflows.notifications.sending import Channel, NotSentError

_FOR_GOOD: Final = range(500, 600)
ADDRESS: Final = re.compile(r"""[^\s<>,;:"()\\]+@[^\s<>,;:@"()\\]+""")
"""One address, with nothing beside it."""
_NO_ADDRESS: Final = "its address, or another line of its head, is not one"
_SIGN_IN: Final = "the mail server does not take our user and password"


class Security(StrEnum):
    """How letters are kept from others on the way to the mail server."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailSettings(Struct, frozen=True, kw_only=True):
    """The mail server, and who writes.

    Attributes:
        host: Its host.
        port: Its port.
        security: How the way to it is kept.
        sender: Address that letters come from.
        user: Whom it knows us as; None if it asks nobody.
        password: Ours.
        timeout_s: Seconds within which it must answer each thing said.
        trust: Whom TLS trusts.
    """

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = None
    timeout_s: float = 15.0
    trust: ssl.SSLContext


class Mail(Channel):
    """A channel that sends letters.

    Args:
        settings: The mail server, and who writes.
        now: The time.
    """

    def __init__(self, settings: MailSettings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now

    @override
    async def send(self, message: Message) -> None:
        letter = letter_of(message, self._settings.sender, self._now())
        try:
            await asyncio.to_thread(self._told, letter)
        except smtplib.SMTPAuthenticationError as exc:
            raise NotSentError(_SIGN_IN) from exc
        except smtplib.SMTPRecipientsRefused as exc:
            code, said = next(iter(exc.recipients.values()))
            raise _refused(code, said) from exc
        except smtplib.SMTPResponseException as exc:
            raise _refused(exc.smtp_code, exc.smtp_error) from exc
        except (smtplib.SMTPException, OSError) as exc:
            message_ = f"the mail server cannot be reached ({type(exc).__name__})"
            raise NotSentError(message_) from exc

    def _told(self, letter: EmailMessage) -> None:
        settings = self._settings
        with self._connected() as server:
            if settings.security is Security.STARTTLS:
                server.starttls(context=settings.trust)
            if settings.user is not None:
                server.login(settings.user, settings.password or "")
            server.send_message(letter)

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security is Security.TLS:
            return smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_s, context=settings.trust
            )
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)


def letter_of(message: Message, sender: str, now: datetime) -> EmailMessage:
    """The letter of a message: the same `Message-ID` whenever it is sent.

    Raises:
        NotSentError: if it would not be the letter that is meant.
    """
    notice, letter = message.notice, EmailMessage(policy=SMTP)
    if not ADDRESS.fullmatch(message.address or ""):
        raise NotSentError(_NO_ADDRESS, final=True)
    domain = sender.rpartition("@")[2]
    try:
        letter["From"] = sender
        letter["To"] = message.address
        letter["Subject"] = notice.subject
        letter["Date"] = format_datetime(now)
        letter["Message-ID"] = f"<{message.message_id}@{domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Supplygraph-Notice"] = notice.kind.value
        letter["X-Supplygraph-Correlation"] = notice.correlation_id
    except (ValueError, HeaderParseError) as exc:
        raise NotSentError(_NO_ADDRESS, final=True) from exc
    letter.set_content(notice.text + "\n", charset="utf-8")
    return letter


def _refused(code: int, said: bytes | str) -> NotSentError:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    first = text.splitlines()[0][:200] if text else ""
    return NotSentError(f"the mail server says {code} {first}".rstrip(), final=code in _FOR_GOOD)
