"""Reads an issuer's published keys over HTTP, within bounds, where the issuer says they are.

jwks_url                                       the document itself
else <issuer>/.well-known/openid-configuration  (OpenID Connect Discovery 1.0) -> jwks_uri
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from canonical.errors import Reason, UnavailableError
from runtime.security.config import Issuer, is_safe
from runtime.security.keys import SYSTEM, FetchJWKS

_TIMEOUT_S: Final = 5.0
_MOST_S: Final = 10.0
_MAX_BYTES: Final = 1_000_000
_CONFIGURATION: Final = "/.well-known/openid-configuration"


def keys_of(issuer: Issuer) -> FetchJWKS:
    """What reads the keys of an issuer that publishes them, each time on connections of its own."""

    async def fetch() -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(_MOST_S):
                return await _fetched(issuer.jwks_url or await _discovered(issuer.issuer))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            message = f"its published keys cannot be read ({type(exc).__name__})"
            raise UnavailableError(SYSTEM, Reason.CONNECTION, message) from exc
        except msgspec.DecodeError as exc:
            message = "what it publishes as its keys is not a JSON document of the right size"
            raise UnavailableError(SYSTEM, Reason.BAD_ANSWER, message) from exc

    return fetch


async def _discovered(issuer: str) -> str:
    """Where an issuer's own configuration says that its keys are."""
    found = await _fetched(issuer.rstrip("/") + _CONFIGURATION)
    if found.get("issuer") != issuer:
        message = "its OpenID configuration is of another issuer: write `issuer` as it does there"
        raise UnavailableError(SYSTEM, Reason.BAD_ANSWER, message)
    url = found.get("jwks_uri")
    if not isinstance(url, str) or not is_safe(url):
        message = "its OpenID configuration names no jwks_uri with https://: give jwks_url"
        raise UnavailableError(SYSTEM, Reason.BAD_ANSWER, message)
    return url


async def _fetched(url: str) -> Mapping[str, Any]:
    content = bytearray()
    headers = {"Accept": "application/json"}
    async with (
        httpx.AsyncClient(timeout=_TIMEOUT_S) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _MAX_BYTES:
                raise msgspec.DecodeError
    return msgspec.json.decode(content, type=dict[str, Any])
