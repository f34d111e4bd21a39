"""`POST /ingest/{system}/bulk`: a file of rows, signed, as the body.

    headers believed? -> body to a temporary file, its hash and signature made on the way
      -> signature fits? -> taken in -> 202 with what came of it

The sender waits. One that did not wait long enough sends the same file again: it goes on where it
stopped, and is told the same if it was done. 503 means that it is worth repeating.

`GET /ingest/{system}/bulk/{run}`, signed over nothing, tells how far a run has come. A run that was
not given a name has the first 24 hexadecimal digits of the SHA-256 of its file.
"""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.ingest.believing import (
    Signing,
    TooLargeError,
    TooManyError,
    answering,
    check_of,
    refused,
    unbelieved,
)
from app.ingest.files import RowFiles, RunOptions
from canonical.errors import NotFoundError
from runtime.security.signatures import Check, SignatureError
from workflows.ingestion.bulk import Bulk, Progress, RunBusyError

_PATH: Final = "/ingest/{system}/bulk"
_RUN_PATH: Final = "/ingest/{system}/bulk/{run}"
_PIECE: Final = 1_000_000
_AT_ONCE: Final = 4
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_YES: Final = ("1", "true", "yes")
_BUSY: Final = TooManyError("too many files are being taken in: send it again later")


class BulkDesk(Struct, frozen=True, kw_only=True):
    """What takes files in.

    Attributes:
        bulk: Where they go.
        files: Those that the manifest declares.
        signing: How each system signs.
        now: The time.
    """

    bulk: Bulk
    files: RowFiles
    signing: Mapping[str, Signing]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def bulk_routes(desk: Callable[[], BulkDesk | None]) -> list[Route]:
    """The routes of files.

    Args:
        desk: What takes them in, while there is something that does.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def take(request: Request) -> JSONResponse:
        found = desk()
        if found is None or gate.locked():
            raise _BUSY
        async with gate:
            try:
                return await _taken(found, request)
            except RunBusyError as exc:
                return refused(exc, 503)

    async def tell(request: Request) -> JSONResponse:
        found = desk()
        if found is None:
            raise _BUSY
        return await _state(found, request)

    return [
        Route(_PATH, answering(take), methods=["POST"]),
        Route(_RUN_PATH, answering(tell), methods=["GET"]),
    ]


async def _taken(desk: BulkDesk, request: Request) -> JSONResponse:
    system = request.path_params["system"]
    entity = request.query_params.get("entity", "forecast")
    check = _check(desk, system, request)
    most = desk.files.max_bytes(system, entity)
    with tempfile.TemporaryDirectory(prefix="bulk-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "body"
        digest = await _spooled(request, file, check, most)
        options = RunOptions(
            run=request.query_params.get("run") or None,
            baseline=request.query_params.get("baseline", "").lower() in _YES,
            traceparent=_traceparent(request),
        )
        run = desk.files.run_of(system, entity, file, digest, options)
        progress = await desk.bulk.ingest(run)
    return JSONResponse(shown(progress), 202)


async def _state(desk: BulkDesk, request: Request) -> JSONResponse:
    """How far a run has come: `running`, `stopped` before its end, or `done`."""
    system, run = request.path_params["system"], request.path_params["run"]
    _believed(system, _check(desk, system, request))
    name = desk.files.run_name(system, request.query_params.get("entity", "forecast"), run)
    busy, progress = await desk.bulk.is_busy(name), await desk.bulk.progress(name)
    if progress is None:
        if not busy:
            raise NotFoundError(f"there is no run {run!r} of {system}")
        progress = Progress(run=run, digest="")
    state = "done" if progress.is_done else "running" if busy else "stopped"
    return JSONResponse({"state": state, "bytes": progress.offset, **shown(progress)})


def _traceparent(request: Request) -> str | None:
    given = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None


def _check(desk: BulkDesk, system: str, request: Request) -> Check:
    signing = desk.signing.get(system)
    if signing is None or not desk.files.has(system):
        raise NotFoundError(f"no files of {system!r} are taken here")
    return check_of(signing, system, request, desk.now())


async def _spooled(request: Request, file: Path, check: Check, most: int) -> str:
    """Write the body to a file.

    Returns:
        Tells what it holds.
    """
    digest, size = hashlib.sha256(), 0
    pieces: list[bytes] = []
    held = 0
    with file.open("wb") as out:

        def write(content: bytes) -> None:
            check.update(content)
            digest.update(content)
            out.write(content)

        async for piece in request.stream():
            size, held = size + len(piece), held + len(piece)
            if size > most:
                raise TooLargeError(f"the body is longer than {most:,} bytes: send it in parts")
            pieces.append(piece)
            if held >= _PIECE:
                await asyncio.to_thread(write, b"".join(pieces))
                pieces, held = [], 0
        await asyncio.to_thread(write, b"".join(pieces))
    _believed(request.path_params["system"], check)
    return digest.hexdigest()


def _believed(system: str, check: Check) -> None:
    try:
        check.finish()
    except SignatureError as exc:
        raise unbelieved(system, exc) from exc


def shown(progress: Progress) -> dict[str, Any]:
    """What came of a file, for programs."""
    counts = progress.counts
    return {
        "run": progress.run,
        "rows": counts.rows,
        "new": counts.new,
        "revised": counts.revised,
        "unchanged": counts.unchanged,
        "late": counts.late,
        "bad": counts.bad,
        "seconds": progress.seconds,
    }
