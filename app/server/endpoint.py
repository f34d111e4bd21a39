"""The GraphQL route: an HTTP request in, an HTTP answer out."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.server.negotiation import (
    PLAIN_JSON,
    RESPONSE_JSON,
    HTTPRefusal,
    media_type,
    read_request,
)
from app.server.operator import Answer, Operator, Terms, encode, refusal
from app.server.ports import Serving
from canonical.errors import SupplygraphError, UnauthenticatedError
from runtime.security.principal import Principal
from runtime.telemetry import metrics
from runtime.telemetry.correlation import accepted, correlated
from runtime.telemetry.tracing import operation_span

CORRELATION: Final = "X-Correlation-ID"
STALENESS: Final = "X-Supplygraph-Max-Staleness"
EXTENSIONS: Final = "X-Supplygraph-Extensions"
_MAX_STALENESS_S: Final = 8 * 86_400

_ALWAYS: Final = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}


class Endpoint:
    """Answers GraphQL over HTTP for one installation."""

    def __init__(self, operator: Operator, serving: Serving) -> None:
        self._operator = operator
        self._serving = serving

    async def __call__(self, request: Request) -> Response:
        """Answer a request; whoever hangs up is not worked for any longer."""
        correlation_id = accepted(request.headers.get(CORRELATION))
        with (
            correlated(correlation_id),
            operation_span("graphql", request.headers.get("traceparent")),
        ):
            response = await self._guarded(request, correlation_id)
        response.headers[CORRELATION] = correlation_id
        metrics.request_answered(metrics.Route.GRAPHQL, response.status_code)
        return response

    async def _guarded(self, request: Request, correlation_id: str) -> Response:
        form = PLAIN_JSON
        try:
            form = media_type(request.headers.get("accept"))
            asked = await read_request(request, self._serving.operation_limits.max_bytes)
            principal = await self._principal(request)
            terms = Terms(
                principal,
                correlation_id,
                _max_staleness(request.headers.get(STALENESS)),
                "cost" in request.headers.get(EXTENSIONS, "").lower(),
            )
            answer = await _unless_gone(request, self._operator.answer(asked, terms))
        except HTTPRefusal as exc:
            body = {"errors": [_message(exc.message, "BAD_REQUEST", correlation_id)]}
            return _response(encode(body), exc.status, form, exc.headers)
        except UnauthenticatedError as exc:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return _response(refusal(exc, correlation_id), 401, form, challenge)
        except SupplygraphError as exc:
            return _response(refusal(exc, correlation_id), 503, form, {"Retry-After": "5"})
        if answer is None:
            return Response(status_code=499)
        headers = {"WWW-Authenticate": "Bearer"} if answer.status == HTTPStatus.UNAUTHORIZED else {}
        return _response(encode(answer.body), _status(answer, form), form, headers)

    async def _principal(self, request: Request) -> Principal | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError(
                "the header must be `Authorization: Bearer <token>`; other schemes are not taken"
            )
        return await self._serving.tokens.verify(token.strip())


async def _unless_gone(request: Request, work: Any) -> Answer | None:
    """The result of some work; None if the client hung up first, and then the work is ended."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            return None
        result: Answer = working.result()
        return result
    finally:
        gone.cancel()
        working.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(answer: Answer, form: str) -> int:
    if answer.status is not None:
        return answer.status
    return 200 if answer.ran or form == PLAIN_JSON else 400


def _response(body: bytes, status: int, form: str, headers: Mapping[str, str]) -> Response:
    kind = f"{form}; charset=utf-8" if form == RESPONSE_JSON else form
    return Response(body, status, {**_ALWAYS, **headers, "Content-Type": kind})


def _max_staleness(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_STALENESS_S:
        raise HTTPRefusal(
            400, f"{STALENESS} must be a number of seconds from 0 to {_MAX_STALENESS_S}"
        )
    return seconds


def _message(message: str, code: str, correlation_id: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, "correlationId": correlation_id}}
