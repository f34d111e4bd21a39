"""`POST /ingest/{system}`: what a system sends by itself when something changes.

    202  taken in, and committed       200  taken in before
    400  no JSON, or too deep          401  not believed           404  nothing is taken from there
    413  too long                      415  of another kind        422  cannot be understood
    429  too many                      503  cannot be kept now

429 and 503 are worth repeating. What was believed and cannot be understood lies among the dead
letters, byte for byte, also where its sender is told 400 or 422; 202 with `dead_letter` says so
where the sender could not mend it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import structlog
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
from app.ingest.bodies import Body, Reader, Understood
from canonical.dead_letters import DeadLetter
from canonical.errors import InvalidInputError, NotFoundError
from runtime.security.signatures import SignatureError
from workflows.ingestion.intake import Intake, Taken, Verdict
from workflows.ingestion.repeats import bury_once, digest_of

_PATH = "/ingest/{system}"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Hook(Struct, frozen=True, kw_only=True):
    """What is taken from one system.

    Attributes:
        signing: How it signs.
        reader: Understands its bodies.
        max_bytes: Longest body.
        per_minute: Deliveries that are taken a minute.
    """

    signing: Signing
    reader: Reader
    max_bytes: int
    per_minute: int


class _Bucket:
    """Lets so many through a minute; all of them may come at once."""

    def __init__(self, per_minute: int) -> None:
        self._most = self._left = float(per_minute)
        self._at = monotonic()

    def take(self) -> bool:
        """Tell whether one more may come."""
        now = monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class HookDesk:
    """What takes deliveries in.

    Args:
        hooks: By system.
        intake: Where they go.
        now: The time.
    """

    def __init__(
        self,
        hooks: Mapping[str, Hook],
        intake: Intake,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hooks = hooks
        self._intake = intake
        self._now = now
        self._buckets = {system: _Bucket(hook.per_minute) for system, hook in hooks.items()}

    async def take(self, system: str, request: Request) -> JSONResponse:
        """Take a delivery in.

        Raises:
            SupplygraphError: if it is not taken; `believing.refused` has the answer.
        """
        hook = self._hooks.get(system)
        if hook is None:
            raise NotFoundError("nothing is taken in here")
        check = check_of(hook.signing, system, request, self._now())
        content = await _read(request, hook.max_bytes)
        check.update(content)
        try:
            signed = check.finish()
        except SignatureError as exc:
            raise unbelieved(system, exc) from exc
        if not self._buckets[system].take():
            raise TooManyError("more deliveries come than are taken: send it again later")
        body = Body(
            content,
            request.headers.get("content-type", ""),
            {name.lower(): value for name, value in request.headers.items()},
            signed.delivery_id,
        )
        try:
            understood = await hook.reader.read(body)
        except InvalidInputError as exc:
            await self._keep(system, hook.reader.unread(body, exc))
            raise
        taken = await self._intake.take(understood.deliveries, letters=understood.letters)
        return _told(system, understood, taken)

    async def _keep(self, system: str, letter: DeadLetter) -> None:
        """Bury what its sender is told of too; once, however often it is sent."""
        name = f"unread:{digest_of(letter.body):x}"
        await self._intake.take((), also=lambda writing: bury_once(writing, {name: letter}))
        _log.info("delivery not understood", system=system, why=letter.message)


def hook_routes(desk: Callable[[], HookDesk | None]) -> list[Route]:
    """The route of deliveries.

    Args:
        desk: What takes them in, while there is something that does.
    """

    async def take(request: Request) -> JSONResponse:
        found = desk()
        if found is None:
            raise NotFoundError("nothing is taken in here")
        return await found.take(request.path_params["system"], request)

    return [Route(_PATH, answering(take), methods=["POST"])]


async def _read(request: Request, most: int) -> bytes:
    """The body, unless it is too long: then no more of it is read than tells so."""
    told = request.headers.get("content-length", "")
    too_large = TooLargeError(f"the body is longer than {most:,} bytes")
    if told.isdecimal() and int(told) > most:
        raise too_large
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise too_large
        pieces.append(piece)
    return b"".join(pieces)


def _told(system: str, understood: Understood, taken: list[Taken]) -> JSONResponse:
    refusals = [*understood.refusals, *(str(t.problem) for t in taken if t.problem is not None)]
    events = [event.event_id for one in taken for event in one.events]
    known = [one for one in taken if one.verdict is Verdict.KNOWN]
    if refusals:  # all others are counted, and in the log of events
        _log.info("delivery refused in part", system=system, refused=len(refusals), why=refusals[0])
    content: dict[str, Any] = {"status": "accepted", "events": events}
    if refusals:
        content["refused"] = refusals
    if taken and len(known) == len(taken) and not refusals:
        return JSONResponse({"status": "known", "events": []}, 200)
    if refusals and not any(one.verdict is not Verdict.REFUSED for one in taken):
        if understood.mendable:
            message = "; ".join(refusals)
            return refused(InvalidInputError(message))
        content["status"] = "dead_letter"
    return JSONResponse(content, 202)
