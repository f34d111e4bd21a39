"""The kinds of authorisation that the manifest knows, and the authenticators that they become.

    none | basic | api_key | bearer | oauth2_client_credentials | session

`session` (a login that the protocol itself defines) is built by the protocol on `auth.TokenCache`.
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote_plus, urlencode, urljoin

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    Reason,
)
from canonical.ports import Ask
from connectors.kit.auth import Authenticator, Token, TokenCache
from connectors.kit.http import HTTPCaller, Request
from connectors.kit.secrets import SecretMissingError, SecretRef, Text, Vault

_HEADER_NAME: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_UNSENDABLE: Final = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\xff]")


class _Auth(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NoAuth(_Auth):
    """Nobody asks who we are."""

    kind: Literal["none"] = "none"


class BasicAuth(_Auth):
    """User name and password with every request."""

    kind: Literal["basic"]
    username: Annotated[Text, Field(description="User name.")]
    password: Annotated[SecretRef, Field(description="Password, by reference.")]


class APIKeyAuth(_Auth):
    """A key in a header."""

    kind: Literal["api_key"]
    key: Annotated[SecretRef, Field(description="The key, by reference.")]
    header: Annotated[
        str, Field(pattern=_HEADER_NAME, description="Header that carries the key.")
    ] = "X-API-Key"
    prefix: Annotated[str, Field(description="Text before the key, e.g. `Token `.")] = ""


class BearerAuth(_Auth):
    """A fixed token as `Authorization: Bearer`."""

    kind: Literal["bearer"]
    token: Annotated[SecretRef, Field(description="The token, by reference.")]


class ClientCredentialsAuth(_Auth):
    """OAuth 2 client credentials (RFC 6749, 4.4): tokens are obtained, kept and renewed."""

    kind: Literal["oauth2_client_credentials"]
    token_url: Annotated[
        str,
        Field(
            min_length=1,
            description="Where tokens are given out. Relative to the backend's url: "
            "`/oauth2/token` starts at its host, `oauth2/token` below its path.",
        ),
    ]
    client_id: Annotated[Text, Field(description="The client's name.")]
    client_secret: Annotated[SecretRef, Field(description="The client's secret, by reference.")]
    client_auth: Annotated[
        Literal["basic", "body"],
        Field(description="Whether name and secret go into the Authorization header or the body."),
    ] = "basic"
    scope: Annotated[
        str | tuple[str, ...], Field(description="Scopes, a list or separated by spaces.")
    ] = ()
    audience: Annotated[str | None, Field(description="Audience, where the system wants one.")] = (
        None
    )
    params: Annotated[
        Mapping[str, str], Field(description="Further parameters of the token request.")
    ] = {}


class SessionAuth(_Auth):
    """A login that the protocol defines (JSON-RPC); the session is kept and renewed."""

    kind: Literal["session"]
    username: Annotated[Text, Field(description="Login name.")]
    password: Annotated[SecretRef, Field(description="Password or API key, by reference.")]


Auth = Annotated[
    NoAuth | BasicAuth | APIKeyAuth | BearerAuth | ClientCredentialsAuth | SessionAuth,
    Field(discriminator="kind"),
]


class StaticHeaders:
    """An `Authenticator` with fixed credentials, read again after they were refused."""

    def __init__(self, system: str, make: Callable[[], Mapping[str, str]]) -> None:
        self._system = system
        self._make = make
        self._headers: Mapping[str, str] | None = None

    async def headers(self, ask: Ask) -> Mapping[str, str]:  # noqa: ARG002 the port's signature
        """The headers."""
        if self._headers is None:
            self._headers = sendable(self._system, self._make)
        return self._headers

    def invalidate(self, headers: Mapping[str, str]) -> None:
        """Read the credentials again next time: a file may have been replaced."""
        if self._headers == headers:
            self._headers = None

    async def aclose(self) -> None:
        """Nothing is ever under way."""


def sendable(system: str, make: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Make headers from secrets.

    Raises:
        MisconfiguredError: a secret is missing or cannot stand in a header.
    """
    try:
        made = make()
    except SecretMissingError as exc:
        raise MisconfiguredError(system, str(exc), reason=Reason.CREDENTIALS) from exc
    for name, value in made.items():
        if _UNSENDABLE.search(value):
            msg = f"the secret for the header {name} holds a line break or other unsendable text"
            raise MisconfiguredError(system, msg, reason=Reason.CREDENTIALS)
    return made


def basic(username: str, password: SecretStr) -> Mapping[str, str]:
    """The header of HTTP Basic (RFC 7617, UTF-8)."""
    pair = f"{username}:{password.get_secret_value()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def make_authenticator(
    auth: BasicAuth | APIKeyAuth | BearerAuth | ClientCredentialsAuth,
    *,
    caller: HTTPCaller,
    vault: Vault,
    clock: Callable[[], float],
) -> Authenticator:
    """The authenticator that a declared kind becomes; secrets are read when first needed."""
    if isinstance(auth, ClientCredentialsAuth):
        grant = _ClientCredentials(auth, caller, vault)
        return TokenCache(caller.system, grant.obtain, clock=clock)

    def make() -> Mapping[str, str]:
        match auth:
            case BasicAuth():
                return basic(vault.text(auth.username), vault.read(auth.password))
            case APIKeyAuth():
                return {auth.header: f"{auth.prefix}{vault.read(auth.key).get_secret_value()}"}
            case BearerAuth():
                return {"Authorization": f"Bearer {vault.read(auth.token).get_secret_value()}"}

    return StaticHeaders(caller.system, make)


class _ClientCredentials:
    """Obtains tokens for one client."""

    def __init__(self, auth: ClientCredentialsAuth, caller: HTTPCaller, vault: Vault) -> None:
        self._auth = auth
        self._caller = caller
        self._vault = vault

    async def obtain(self, ask: Ask) -> Token:
        """Ask for a token.

        Raises:
            MisconfiguredError: the client is not known or its secret is wrong.
            BadAnswerError: the answer holds no token.
        """
        try:
            response = await self._caller.send(self._request(), ask)
        except InvalidInputError as exc:
            msg = "the token request was refused: check client_id, client_secret and scope"
            raise MisconfiguredError(self._caller.system, msg, reason=Reason.CREDENTIALS) from exc
        return self._read(response.json())

    def _request(self) -> Request:
        auth, system = self._auth, self._caller.system
        form = {"grant_type": "client_credentials", **auth.params}
        scope = auth.scope if isinstance(auth.scope, str) else " ".join(auth.scope)
        form |= {"scope": scope} if scope else {}
        form |= {"audience": auth.audience} if auth.audience else {}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }

        def proof() -> Mapping[str, str]:
            name = self._vault.text(auth.client_id)
            secret = self._vault.read(auth.client_secret)
            if auth.client_auth == "basic":  # form-encoded first: RFC 6749, 2.3.1
                return basic(quote_plus(name), SecretStr(quote_plus(secret.get_secret_value())))
            return {"client_id": name, "client_secret": secret.get_secret_value()}

        proven = sendable(system, proof)
        if auth.client_auth == "basic":
            headers |= proven
        else:
            form |= proven
        return Request(
            path=urljoin(f"{self._caller.base_url}/", auth.token_url),
            method="POST",
            headers=headers,
            body=urlencode(form).encode(),
            authorise=False,
            label="token",
        )

    def _read(self, answer: Any) -> Token:
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token or _UNSENDABLE.search(token):
            msg = "the token request was answered without an access_token"
            raise BadAnswerError(self._caller.system, msg)
        try:
            life_s = None if answer.get("expires_in") is None else float(answer["expires_in"])
        except (TypeError, ValueError):
            life_s = None
        return Token({"Authorization": f"Bearer {token}"}, life_s)
