"""What a manifest says about notifications: `processes.notifications`."""

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from app.manifest.part import Part
from app.notifying.mail import ADDRESS, Mail, MailSettings, Security
from app.notifying.webhooks import Webhook, WebhookSettings
from canonical.exceptions import ExceptionSeverity
from connectors.kit.secrets import SecretRef, Text, Vault
from runtime.security.signatures import STANDARD, key_of
from workflows.notifications.ports import NoticeKind
from workflows.notifications.routing import Route, Routing
from workflows.notifications.sending import Channel, Pace

_PORTS: Final[Mapping[Security, int]] = {
    Security.STARTTLS: 587,
    Security.TLS: 465,
    Security.NONE: 25,
}
_NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"
_CA_FILE: Final = (
    "PEM file of the authorities that vouch for it, from the manifest's folder; those of the "
    "machine where left out."
)
Address = Annotated[str, Field(pattern=f"^{ADDRESS.pattern}$", max_length=254)]
_WHO: Final = r"^(owner|role|supplier):[^\s].{0,198}$"
Concerned = Annotated[str, Field(pattern=r"^(owner|role|supplier|email):[^\s].{0,252}$")]


def _is_web(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("give an address that begins with https://")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("give the address without user, password and fragment: it is signed")
    return url


def _trust(ca_file: str | None, vault: Vault) -> ssl.SSLContext:
    """Whom TLS trusts.

    Raises:
        ValueError: if the file is not there, or holds no certificates.
    """
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=vault.base_dir / ca_file)
    except OSError as exc:
        raise ValueError(f"the file {ca_file} cannot be read as certificates (PEM)") from exc


class WebhookChannel(Part):
    """Posts notices to an address, signed as Standard Webhooks has it."""

    kind: Annotated[Literal["webhook"], Field(description="Posts to an address.")]
    url: Annotated[str, AfterValidator(_is_web), Field(description="The address, with https://.")]
    secrets: Annotated[
        tuple[SecretRef, ...],
        Field(
            min_length=1,
            max_length=4,
            description="Secrets in use, whsec_<base64>, by reference; it is signed with each.",
        ),
    ]
    private: Annotated[
        bool,
        Field(
            description="Whether its host may be this machine, or in a private network. Only then "
            "may the address begin with http://."
        ),
    ] = False
    timeout_s: Annotated[float, Field(gt=0, le=60, description="Seconds to answer.")] = 15.0
    ca_file: Annotated[str | None, Field(min_length=1, description=_CA_FILE)] = None

    @model_validator(mode="after")
    def _kept_from_others(self) -> Self:
        if not self.private and not self.url.startswith("https://"):
            raise ValueError("the address must begin with https://, or say `private: true`")
        return self

    def channel(self, vault: Vault, now: Callable[[], datetime]) -> Channel:
        """The channel.

        Raises:
            ValueError: if a secret is not there, or is none of the scheme.
        """
        keys = [key_of(vault.read(s).get_secret_value(), STANDARD) for s in self.secrets]
        settings = WebhookSettings(
            url=self.url,
            keys=keys,
            private=self.private,
            timeout_s=self.timeout_s,
            trust=_trust(self.ca_file, vault),
        )
        return Webhook(settings, now=now)


class MailChannel(Part):
    """Sends notices as letters, by a mail server."""

    kind: Annotated[Literal["email"], Field(description="Sends letters.")]
    host: Annotated[str, Field(min_length=1, max_length=253, description="The mail server.")]
    port: Annotated[
        int | None,
        Field(ge=1, le=65_535, description="Its port; 587 for starttls, 465 for tls, 25 for none."),
    ] = None
    security: Annotated[
        Security,
        Field(description="How the way to it is kept from others; none only within a house."),
    ] = Security.STARTTLS
    sender: Annotated[Address, Field(description="Address that letters come from.")]
    user: Annotated[Text | None, Field(description="Whom it knows us as.")] = None
    password: Annotated[SecretRef | None, Field(description="Our password, by reference.")] = None
    timeout_s: Annotated[float, Field(gt=0, le=60, description="Seconds to answer.")] = 15.0
    ca_file: Annotated[str | None, Field(min_length=1, description=_CA_FILE)] = None

    @model_validator(mode="after")
    def _signs_in_behind_walls(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("give user and password, or neither")
        if self.user is not None and self.security is Security.NONE:
            raise ValueError("a password is not sent unencrypted: say starttls or tls")
        return self

    def channel(self, vault: Vault, now: Callable[[], datetime]) -> Channel:
        """The channel.

        Raises:
            ValueError: if a secret is not there, or cannot be used.
        """
        user = None if self.user is None else vault.text(self.user)
        password = None if self.password is None else vault.read(self.password).get_secret_value()
        if not f"{user}{password}".isascii():
            raise ValueError("user and password must be of ASCII letters, for mail servers differ")
        settings = MailSettings(
            host=self.host,
            port=self.port or _PORTS[self.security],
            security=self.security,
            sender=self.sender,
            user=user,
            password=password,
            timeout_s=self.timeout_s,
            trust=_trust(self.ca_file, vault),
        )
        return Mail(settings, now=now)


ChannelConfig = Annotated[WebhookChannel | MailChannel, Field(discriminator="kind")]


class RouteConfig(Part):
    """Which notices go by a channel. A notice goes by every route that it fits."""

    channel: Annotated[str, Field(min_length=1, description="Name of the channel.")]
    kinds: Annotated[
        frozenset[NoticeKind], Field(description="Of these kinds; all if left out.")
    ] = frozenset()
    from_severity: Annotated[
        ExceptionSeverity, Field(description="Of those with a severity, from this one on.")
    ] = ExceptionSeverity.LOW
    owners: Annotated[
        frozenset[str],
        Field(max_length=1_000, description="Those for one of these owners; all if left out."),
    ] = frozenset()
    to: Annotated[
        tuple[Concerned, ...],
        Field(
            max_length=100,
            description="Whom to tell besides those whom a notice concerns: `owner:ann`, "
            "`role:buyer`, `supplier:S-1`, or `email:ann@example.com`.",
        ),
    ] = ()


class NotificationsConfig(Part):
    """Who is told of what, and how."""

    channels: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], ChannelConfig],
        Field(max_length=50, description="Ways to tell people, by name."),
    ] = {}
    routes: Annotated[
        tuple[RouteConfig, ...], Field(max_length=200, description="What goes by which channel.")
    ] = ()
    addresses: Annotated[
        dict[
            Annotated[str, Field(pattern=_WHO)],
            Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)],
        ],
        Field(
            max_length=10_000,
            description="E-mail addresses of `owner:ann`, `role:buyer` and `supplier:S-1`.",
        ),
    ] = {}
    otherwise: Annotated[
        tuple[Address, ...],
        Field(max_length=50, description="Who gets letters for whom no address is known."),
    ] = ()
    tries: Annotated[
        int, Field(ge=1, le=100, description="How often a message is tried before it is given up.")
    ] = 12
    first_pause_s: Annotated[
        float,
        Field(gt=0, le=3_600, description="Seconds until the second try; then twice as long."),
    ] = 30.0
    longest_pause_s: Annotated[
        float, Field(gt=0, le=86_400, description="Most seconds between two tries.")
    ] = 3_600.0
    kept_days: Annotated[
        int,
        Field(ge=1, le=3_650, description="Days in which the same is not told a second time."),
    ] = 30

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for route in self.routes:
            if route.channel not in self.channels:
                known = ", ".join(sorted(self.channels)) or "none"
                raise ValueError(
                    f"a route leads to {route.channel!r}, and there is no such channel; there are: "
                    f"{known}"
                )
        return self

    def routing(self) -> Routing:
        """Where notices go."""
        return Routing(
            routes=[
                Route(
                    channel=r.channel,
                    kinds=r.kinds,
                    least=r.from_severity,
                    owners=r.owners,
                    to=r.to,
                )
                for r in self.routes
            ],
            letters=frozenset(n for n, c in self.channels.items() if c.kind == "email"),
            addresses=self.addresses,
            otherwise=self.otherwise,
        )

    def ways(self, vault: Vault, now: Callable[[], datetime]) -> Mapping[str, Channel]:
        """The channels, by name.

        Raises:
            ValueError: if a secret is not there, or is none of its scheme; it names the channel.
        """
        found: dict[str, Channel] = {}
        for name, config in self.channels.items():
            try:
                found[name] = config.channel(vault, now)
            except ValueError as exc:
                raise ValueError(f"{name}: {exc}") from exc
        return found

    def pace(self) -> Pace:
        """When and how often messages are tried."""
        return Pace(
            first_s=self.first_pause_s,
            longest_s=self.longest_pause_s,
            tries=self.tries,
            kept_days=self.kept_days,
        )
