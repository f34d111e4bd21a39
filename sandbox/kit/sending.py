"""Sends a file to a receiver of bulk data: signed, streamed, and again if it is not taken."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import time

import httpx
from msgspec import Struct

from sandbox.kit.signing import Scheme, signed_headers, traceparent

_PIECE = 65_536
_ATTEMPTS = 8
_TIMEOUT_S = 600.0


class BulkTarget(Struct, frozen=True):
    """Where files go, and how they are signed."""

    url: str
    secret: str
    scheme: Scheme = "standard"
    backoff_s: float = 0.2


async def send_file(path: Path, content_type: str, target: BulkTarget) -> tuple[str, int | None]:
    """POST a file as it is; its memory does not grow with the file.

    Returns:
        The delivery's id, which follows from the content, so that the same file has the same one;
        and the status of the last answer, None if there was none.

    Raises:
        ValueError: the secret is not what the scheme wants.
    """
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(path):
        digest.update(piece)
        size += len(piece)
    name = f"msg_{digest.hexdigest()[:24]}"
    headers = {
        "content-type": content_type,
        "content-length": str(size),
        "traceparent": traceparent(name),
    }
    status: int | None = None
    async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
        for tried in range(_ATTEMPTS):
            if tried:
                await asyncio.sleep(target.backoff_s * 2 ** (tried - 1))
            signed = signed_headers(target.scheme, target.secret, name, int(time()), _pieces(path))
            status = await _post(client, path, target.url, {**headers, **signed})
            if status is not None and status != 429 and status < 500:
                break
    return name, status


async def _post(
    client: httpx.AsyncClient, path: Path, url: str, headers: dict[str, str]
) -> int | None:
    try:
        answer = await client.post(url, content=_stream(path), headers=headers)
    except httpx.HTTPError:
        return None
    return answer.status_code


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


async def _stream(path: Path) -> AsyncIterator[bytes]:
    for piece in _pieces(path):
        yield piece
