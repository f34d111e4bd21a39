"""Reads an issuer's published keys over HTTP, within bounds."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from canonical.errors import Reason, UnavailableError
from runtime.security.keys import SYSTEM, FetchJWKS

_TIMEOUT_S: Final = 5.0
_MAX_BYTES: Final = 1_000_000


def jwks_reader(url: str) -> FetchJWKS:
    """What reads the document at an address, each time on a connection of its own."""

    async def fetch() -> Mapping[str, Any]:
        try:
            return await _fetched(url)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            message = f"its published keys cannot be read ({type(exc).__name__})"
            raise UnavailableError(SYSTEM, Reason.CONNECTION, message) from exc
        except msgspec.DecodeError as exc:
            message = "what it publishes as its keys is not a JSON document of the right size"
            raise UnavailableError(SYSTEM, Reason.BAD_ANSWER, message) from exc

    return fetch


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
