"""The one way to a system over HTTP: every call goes through all its call policies, in this order.

    maintenance -> credentials -> circuit -> a slot and a token (limits) -> one try on the wire
    -> read and judged -> told to circuit, limits, meter and log -> perhaps again in time

Nothing of it waits beyond the deadline of the question.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog
from msgspec import Struct, structs

from canonical.errors import (
    BadAnswerError,
    Reason,
    UnavailableError,
)
from canonical.ports import Ask
from connectors.kit.auth import Authenticator
from connectors.kit.breaker import Breaker, Permit
from connectors.kit.deadlines import Deadlines
from connectors.kit.http import Explain, Request, Response
from connectors.kit.limits import Limiter
from connectors.kit.observing import Observer
from connectors.kit.policy import CallPolicy
from connectors.kit.retry import backoff_s, is_retried, retry_after_s
from connectors.kit.transport_errors import (
    Failure,
    broken,
    log_broken,
    log_refusal,
    of,
    said,
    secrets_in,
    translate,
)
from connectors.kit.transport_urls import Addresses
from connectors.kit.transport_wire import WIRE_ERRORS, Outgoing, Wire
from connectors.kit.windows import maintenance_ends_at
from runtime.telemetry.tracing import call_span

_log = structlog.get_logger(__name__)
_level: Final = logging.getLogger(__name__)
"""Tells whether a line would be written before it is made."""

_UNAUTHORISED: Final = 401
_SUCCESSES: Final = range(200, 300)
_NOT_MODIFIED: Final = 304
_SERVER_ERRORS: Final = 500
_TIMED_OUT: Final = 408
_SEE_ELSEWHERE: Final = frozenset({302, 303})
_NOTHING_DONE: Final = frozenset(range(300, 500)) - {_TIMED_OUT, *_SEE_ELSEWHERE}
"""Statuses that say that nothing was done. Who took too long, or broke down, may have done it; and
who sends elsewhere may mean a login, or what was made."""
_LONGEST_PAUSE_S: Final = 300.0
_REFUSED_FOR_S: Final = 30.0


_OURS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "Supplygraph",
}
"""Headers of every request that has none of its own, beside those that tell whose it is."""
_OUR_NAMES: Final = {name.lower(): name for name in (*_OURS, "X-Correlation-ID", "traceparent")}


class _Call(Struct, frozen=True):
    """What one try is made of."""

    request: Request
    ask: Ask
    explain: Explain | None
    credentials: Mapping[str, str]


class Transport:
    """The `HTTPCaller` of one backend.

    Args:
        addresses: Where it is.
        policy: How it may be asked.
        wire: The HTTP library.
        limiter: The queue before it.
        breaker: Leaves it alone while it fails.
        clock: Seconds, never going back.
        now: Time of day, with a zone.
        random: Numbers from 0 up to 1.

    Attributes:
        authenticator: Who we are to it; set once it is built, as signing in needs the transport.
    """

    def __init__(  # noqa: PLR0913 wiring, by name
        self,
        addresses: Addresses,
        policy: CallPolicy,
        *,
        wire: Wire,
        limiter: Limiter,
        breaker: Breaker,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self.authenticator: Authenticator | None = None
        self._addresses = addresses
        self._policy = policy
        self._wire = wire
        self._limiter = limiter
        self._breaker = breaker
        self._clock = clock
        self._now = now
        self._random = random
        self._max_bytes = int(policy.max_response_mb * 1_000_000)
        self._span = f"ask {addresses.system}"
        self._observer = Observer(addresses.system)
        self._deadlines = Deadlines()
        self._refused: int | None = None
        self._refused_at = 0.0

    @property
    def system(self) -> str:
        """The backend's name."""
        return self._addresses.system

    @property
    def base_url(self) -> str:
        """The backend's address, without a trailing slash."""
        return self._addresses.base_url

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        """Send a request under the backend's call policies; its 2xx (304, accepted) answer.

        Raises:
            UnavailableError: the system cannot be asked now.
            BadAnswerError: the answer is too large or cannot be read.
            MisconfiguredError: credentials are refused, or what was named does not exist there.
            ConflictError: the thing has changed (409, 412 and the like).
            InvalidInputError: the system says that the question is wrong (400 and the like).
            RejectedError: the same of a write.
            InDoubtError: a write may have been done. Any other error: it was not.
        """
        tries, renewed = 0, False
        while True:
            self._refuse_in_maintenance(request, ask)
            credentials = await self._credentials(request, ask)
            failure = await self._try(_Call(request, ask, explain, credentials))
            if isinstance(failure, Response):
                return failure
            if failure.status == _UNAUTHORISED and request.authorise:
                if renewed:
                    self._refused, self._refused_at = _marked(credentials), self._clock()
                elif await self._renewed(credentials, request, ask):
                    renewed = True
                    continue
            tries += 1
            delay_s = self._delay_s(request, ask, tries, failure)
            if failure.throttled:
                await self._pause(tries, failure, delay_s)
            if delay_s is None:
                raise of(request, failure, self.system)
            await asyncio.sleep(delay_s)

    def health(self) -> Mapping[str, object]:
        """How the way to the system is just now, without asking it."""
        ends = maintenance_ends_at(self._policy.maintenance, self._now())
        left_s = self._breaker.retry_after_s()
        return {
            "circuit": self._breaker.state.value,
            **({"retry_after_s": round(left_s, 3)} if left_s is not None else {}),
            **({"maintenance_until": ends.isoformat()} if ends is not None else {}),
            **self._limiter.health(),
        }

    async def aclose(self) -> None:
        """Close all connections."""
        if self.authenticator is not None:
            await self.authenticator.aclose()
        await self._limiter.aclose()
        self._deadlines.close()
        await self._wire.aclose()

    def _refuse_in_maintenance(self, request: Request, ask: Ask) -> None:
        if not self._policy.maintenance:
            return
        now = self._now()
        ends = maintenance_ends_at(self._policy.maintenance, now)
        if ends is None:
            return
        _log.info(
            "not_asked_in_maintenance",
            system=self.system,
            label=request.label,
            until=ends.isoformat(),
            correlation_id=ask.correlation_id,
        )
        message = f"is in its maintenance window until {ends:%Y-%m-%d %H:%M} UTC"
        left_s = (ends - now).total_seconds()
        raise UnavailableError(self.system, Reason.MAINTENANCE, message, retry_after_s=left_s)

    async def _credentials(self, request: Request, ask: Ask) -> Mapping[str, str]:
        if self.authenticator is None or not request.authorise:
            return {}
        self._refuse_if_open()
        return await self.authenticator.headers(ask)

    async def _renewed(self, refused: Mapping[str, str], request: Request, ask: Ask) -> bool:
        """Get other credentials after a 401, unless these were refused when they were new."""
        known = _marked(refused) == self._refused
        if self.authenticator is None or (
            known and self._clock() < self._refused_at + _REFUSED_FOR_S
        ):
            return False
        self.authenticator.invalidate(refused)
        return await self._credentials(request, ask) != refused

    def _refuse_if_open(self) -> None:
        left_s = self._breaker.retry_after_s()
        if left_s is not None:
            message = "failed repeatedly and is left alone for a while"
            raise UnavailableError(self.system, Reason.CIRCUIT_OPEN, message, retry_after_s=left_s)

    def _delay_s(self, request: Request, ask: Ask, tries: int, failure: Failure) -> float | None:
        """Seconds until the next try, or None if there is none."""
        safe = request.repeatable or (request.is_write and failure.undone)
        if not (failure.again and safe) or tries > self._policy.retries:
            return None
        if self._breaker.retry_after_s() is not None:
            return None
        delay_s = (failure.wait_s or 0.0) + backoff_s(tries, self._policy, self._random)
        left_s = ask.deadline - asyncio.get_running_loop().time()
        return delay_s if delay_s < left_s else None

    async def _pause(self, tries: int, failure: Failure, delay_s: float | None) -> None:
        """A system that throttles one caller throttles all: none goes before the time is up."""
        pause_s = failure.wait_s
        if pause_s is None:
            pause_s = delay_s or backoff_s(tries, self._policy, self._random)
        await self._limiter.pause(min(pause_s, _LONGEST_PAUSE_S))

    async def _try(self, call: _Call) -> Response | Failure:
        out = self._outgoing(call)
        self._refuse_if_open()
        self._refuse_if_late(call)
        async with self._limiter.slot(call.ask):
            self._refuse_if_late(call)  # it may have waited
            permit = self._breaker.enter()
            if permit is None:
                self._refuse_if_open()
                raise AssertionError  # entering fails only while the circuit is open
            return await self._measured(call, out, permit)

    def _refuse_if_late(self, call: _Call) -> None:
        if call.ask.deadline <= asyncio.get_running_loop().time():
            message = f"{call.request.label}: the time was up before it could be asked"
            raise UnavailableError(self.system, Reason.TIMEOUT, message)

    def _outgoing(self, call: _Call) -> Outgoing:
        request, ask = call.request, call.ask
        headers = {**_OURS, "X-Correlation-ID": ask.correlation_id}
        if ask.traceparent is not None:
            headers["traceparent"] = ask.traceparent
        for name, value in request.headers.items():
            headers.pop(_OUR_NAMES.get(name.lower(), ""), None)
            headers[name] = value
        headers.update(call.credentials)
        url = self._addresses.of(request)
        return Outgoing(request.method, url, headers, request.body, self._max_bytes)

    async def _measured(self, call: _Call, out: Outgoing, permit: Permit) -> Response | Failure:
        """One try on the wire, counted once whatever becomes of it."""
        started = self._clock()
        outcome: Response | Failure | None = None
        try:
            with call_span(self._span, {"supplygraph.label": call.request.label}):
                outcome = await self._exchanged(call, out)
            return outcome
        finally:
            seconds = self._clock() - started
            _tell(permit, outcome)
            failed = not isinstance(outcome, Response)
            if not _says_undone(outcome):
                self._limiter.charge(call.request.cost)
            system, meter = self._addresses.system, call.ask.meter
            meter.called(system, milliseconds=seconds * 1_000, rows=0, failed=failed)
            error = outcome.error if isinstance(outcome, Failure) else None
            self._observer.ended(error, seconds, self._breaker.state)
            if _level.isEnabledFor(logging.DEBUG):
                self._log_call(call, outcome, seconds)

    def _log_call(self, call: _Call, outcome: Response | Failure | None, seconds: float) -> None:
        _log.debug(
            "called",
            system=self.system,
            label=call.request.label,
            method=call.request.method,
            status=getattr(outcome, "status", None),
            bytes=len(outcome.content) if isinstance(outcome, Response) else None,
            milliseconds=round(seconds * 1_000, 1),
            correlation_id=call.ask.correlation_id,
        )

    async def _exchanged(self, call: _Call, out: Outgoing) -> Response | Failure:
        label = call.request.label
        now = asyncio.get_running_loop().time()
        given_s = min(self._policy.timeout_s, call.ask.deadline - now)
        try:
            with self._deadlines.at(now + given_s):
                came = await self._wire.exchange(out)
        except (TimeoutError, *WIRE_ERRORS) as exc:
            failure = broken(exc, self.system, label, self._policy, given_s)
            failure.error.__cause__ = exc
            log_broken(exc, self.system, label, call.ask.correlation_id)
            return failure if out.progress.begun else structs.replace(failure, undone=True)
        response = Response(
            self.system, came.status, came.headers, came.content, label, self._limiter.charge
        )
        if came.status in call.request.accept or came.status == _NOT_MODIFIED:
            return response
        if came.status in _SUCCESSES:
            if not _is_page_instead_of_data(response, out):
                return response
            message = f"{label} answered with a web page, perhaps of a login, not with data"
            return Failure(BadAnswerError(self.system, message), status=came.status, counts=True)
        return self._refusal(call, response)

    def _refusal(self, call: _Call, response: Response) -> Failure:
        words: str | None = None
        if call.request.authorise:  # what is said of a sign-in may repeat its secrets
            secrets = secrets_in(call.credentials)
            log_refusal(response, call.ask.correlation_id, secrets)
            if response.status < _SERVER_ERRORS:  # who breaks down speaks of its insides
                words = said(response, call.explain, [self._addresses.host, *secrets])
        wait_s = retry_after_s(response.headers, self._now())
        error = translate(response, words, authorise=call.request.authorise, wait_s=wait_s)
        again = is_retried(response.status, self._policy)
        failure = Failure(error, again, response.status, wait_s)
        counts = response.status >= _SERVER_ERRORS and not failure.throttled
        undone = failure.throttled or response.status in _NOTHING_DONE
        return structs.replace(failure, counts=counts, undone=undone, words=words)


def _marked(credentials: Mapping[str, str]) -> int:
    """A mark to know credentials by without keeping them."""
    return hash(frozenset(credentials.items()))


def _tell(permit: Permit, outcome: Response | Failure | None) -> None:
    """Tell the circuit. Throttling and our own faults prove that the system is there."""
    if outcome is None or (isinstance(outcome, Failure) and _says_nothing(outcome)):
        permit.abandoned()
    elif isinstance(outcome, Failure) and outcome.counts:
        permit.failed()
    else:
        permit.succeeded()


def _says_undone(outcome: Response | Failure | None) -> bool:
    """Whether nothing was done for sure: then what was to be told has cost no more than a call."""
    if isinstance(outcome, Response):
        return outcome.status in _NOTHING_DONE
    return outcome is not None and outcome.undone


def _says_nothing(failure: Failure) -> bool:
    return failure.status is None and not failure.counts


def _is_page_instead_of_data(response: Response, out: Outgoing) -> bool:
    if "html" not in response.headers.get("content-type", "").lower() or not response.content:
        return False
    return "json" in next(v for n, v in out.headers.items() if n.lower() == "accept")
