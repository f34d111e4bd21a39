"""The GraphQL route: an HTTP request in, an HTTP answer out.

    200  the operation was run; what could not be answered stands under `errors`
    400  the request, the document or its variables are wrong, or ask for too much
    401  no token, or none that is valid       405  anything but POST, or a query by GET
    406  neither media type is accepted        408  the body did not arrive in time
    413  414  too large                        415  not JSON in UTF-8
    500  a fault of ours                       503  stopping, or tokens cannot be checked now
    504  the operation took too long

It is the same for both media types: an answer without `data` never comes with 200. The draft of
August 2026 recommends 422 for some of what is 400 here, and 294 for a partial answer; clients,
proxies and the audit suite of graphql-http do not know these yet.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.errors import told_fault, told_refusal, told_request
from app.server.drain import Drain
from app.server.negotiation import PLAIN_JSON, HTTPRefusal, media_type
from app.server.operator import Answer, Operator, encode
from app.server.ports import Serving
from app.server.requests import read_request
from app.server.terms import read_terms
from canonical.errors import (
    RefusedError,
    SupplygraphError,
    UnauthenticatedError,
    UnavailableError,
)
from runtime.telemetry.correlation import HEADER, accepted, correlated
from runtime.telemetry.tracing import operation_span

_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_CLIENT_GONE: Final = 499
_RETRY_S: Final = 5.0
_ALWAYS: Final = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}


class Endpoint:
    """Answers GraphQL over HTTP for one installation."""

    def __init__(self, operator: Operator, serving: Serving, drain: Drain) -> None:
        self._operator = operator
        self._serving = serving
        self._drain = drain

    async def __call__(self, request: Request) -> Response:
        """Answer a request. Never raises."""
        correlation_id = accepted(request.headers.get(HEADER))
        with (
            correlated(correlation_id),
            operation_span("graphql", request.headers.get("traceparent")),
        ):
            response = await self._guarded(request, correlation_id)
        response.headers[HEADER] = correlation_id
        return response

    async def _guarded(self, request: Request, correlation_id: str) -> Response:
        form = PLAIN_JSON
        try:
            form = media_type(request.headers.get("accept"))
            if self._drain.stopping:
                raise stopping()
            with self._drain.operation():
                answer = await self._answered(request, correlation_id)
            return _response(answer.body, answer.status, form)
        except HTTPRefusal as exc:
            body = {"errors": [told_request(exc.message, exc.code, correlation_id)]}
            return _response(body, exc.status, form, exc.headers)
        except SupplygraphError as exc:
            status, headers = _refusal(exc, named="authorization" in request.headers)
            return _response({"errors": [told_refusal(exc, correlation_id)]}, status, form, headers)
        except ClientDisconnect:
            return Response(status_code=_CLIENT_GONE)
        except Exception as exc:  # noqa: BLE001  # the last border before the client
            return _response({"errors": [told_fault(exc, correlation_id)]}, 500, form)

    async def _answered(self, request: Request, correlation_id: str) -> Answer:
        if request.method not in _METHODS:
            allowed = {"Allow": ", ".join(sorted(_METHODS))}
            raise HTTPRefusal(405, "questions are asked by POST, queries also by GET", allowed)
        asked = await read_request(request, self._serving.operation_limits.max_bytes)
        terms = await read_terms(request.headers, self._serving.tokens, correlation_id)
        return await self._unless_given_up(request, self._operator.answer(asked, terms))

    async def _unless_given_up(self, request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Work for as long as the client is there and the process may go on."""
        working = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_gone(request))
        over = asyncio.ensure_future(self._drain.given_up())
        tasks: set[asyncio.Future[Any]] = {working, gone, over}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise ClientDisconnect if gone.done() else stopping()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def stopping() -> HTTPRefusal:
    """Why nothing is begun any more, or not yet."""
    headers = {"Retry-After": "1", "Connection": "close"}
    message = "this process is starting or stopping; try again shortly"
    return HTTPRefusal(503, message, headers, "UNAVAILABLE")


def answer_later(correlation_id: str) -> Response:
    """The answer while there is nothing that could answer."""
    refusal = stopping()
    body = {"errors": [told_request(refusal.message, refusal.code, correlation_id)]}
    return _response(body, refusal.status, PLAIN_JSON, refusal.headers)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(error: SupplygraphError, *, named: bool) -> tuple[int, Mapping[str, str]]:
    if isinstance(error, UnauthenticatedError):
        return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"' if named else "Bearer"}
    if isinstance(error, UnavailableError):
        return 503, {"Retry-After": f"{max(1, round(error.retry_after_s or _RETRY_S))}"}
    return (403 if isinstance(error, RefusedError) else 400), {}


def _response(
    body: Mapping[str, Any], status: int, form: str, headers: Mapping[str, str] | None = None
) -> Response:
    kind = {"Content-Type": f"{form}; charset=utf-8"}
    return Response(encode(body), status, {**_ALWAYS, **(headers or {}), **kind})
