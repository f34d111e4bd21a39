"""OAuth 2 client credentials, scopes, and the leaky bucket in front of everything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from secrets import token_urlsafe
from time import monotonic
from urllib.parse import parse_qsl, unquote

from msgspec import Struct
from starlette.requests import Request

from sandbox.kit.product import Limits

TOKEN_LIFE_S = 86_400
_SCOPES_BY_RESOURCE = {
    "items": "core.item.read",
    "supplier_items": "core.item.read",
    "suppliers": "core.supplier.read",
    "addresses": "core.common.read",
    "purchase_orders": "core.purchase_order.read",
    "purchase_order_lines": "core.purchase_order.read",
    "order_confirmations": "core.purchase_order.read",
    "receiving_transactions": "core.inventory.receiving.read",
}
_WRITE_SCOPES_BY_RESOURCE = {
    "purchase_orders": "core.purchase_order.write",
    "order_confirmations": "core.purchase_order.write",
    "receiving_transactions": "core.inventory.receiving.write",
}
_SCOPES = frozenset({*_SCOPES_BY_RESOURCE.values(), *_WRITE_SCOPES_BY_RESOURCE.values()})


class OAuthError(Exception):
    """A refused token request, with OAuth's error code."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": code, "error_description": description}


class _Token(Struct, frozen=True):
    scopes: frozenset[str]
    expires_at: float


class Tokens:
    """Hands out bearer tokens to the one client, and knows which are good for what."""

    def __init__(self, client_id: str, secret: str, clock: Callable[[], float] = monotonic) -> None:
        self._client = (client_id, secret)
        self._clock = clock
        self._tokens: dict[str, _Token] = {}

    def expire(self) -> None:
        """Make all tokens invalid."""
        self._tokens.clear()

    def issue(self, request: Request, body: bytes) -> dict[str, str | int]:
        """Answer a token request.

        Raises:
            OAuthError: wrong client, other grant, or scopes that are missing or unknown.
        """
        form = dict(parse_qsl(body.decode(errors="replace")))
        if _client(request, form) != self._client:
            description = "Client authentication failed due to unknown client or wrong secret."
            raise OAuthError(401, "invalid_client", description)
        if form.get("grant_type") != "client_credentials":
            raise OAuthError(400, "unsupported_grant_type", "Use client_credentials.")
        scopes = frozenset(form.get("scope", "").split())
        if not scopes or not scopes <= _SCOPES:
            raise OAuthError(400, "invalid_scope", "The requested scope is invalid or unknown.")
        token = token_urlsafe(32)
        self._tokens[token] = _Token(scopes, self._clock() + TOKEN_LIFE_S)
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE_S,
            "scope": " ".join(sorted(scopes)),
        }

    def status_for(self, request: Request, resource: str) -> int:
        """200 if the request's token is good for the resource, else 401 or 403."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(text) if scheme.lower() == "bearer" else None
        if token is None or token.expires_at <= self._clock():
            return 401
        wanted = _SCOPES_BY_RESOURCE if request.method == "GET" else _WRITE_SCOPES_BY_RESOURCE
        return 200 if wanted.get(resource, "") in {"", *token.scopes} else 403


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Id and secret from the form, or from a basic header."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        client_id, _, secret = text.partition(":")
        return unquote(client_id), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


class Bucket:
    """A leaky bucket: what flows in beyond the rate may pile up to the burst."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._level = 0.0
        self._at = clock()

    def overflows(self) -> bool:
        """Take in one request; True if there is no room for it. Without a limit none piles up."""
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._limits.rate_per_s)
        self._at = now
        if not self._limits.rate_per_s:
            self._level = 0.0
            return False
        if self._level + 1 > self._limits.burst:
            return True
        self._level += 1
        return False
