"""Faults on demand: rules that make the next answers slow, wrong, broken or missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from sandbox.kit.product import Product

TRANSPORT_KEY = "sandbox.transport"
_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Log On</title></head>"
    '<body><form method="post"><input name="user"></form></body></html>'
)
_MEGABYTE = 1_000_000


class Retype(Struct, forbid_unknown_fields=True):
    """Give a field another JSON type, at any depth."""

    field: str
    type: Literal["object", "number", "string"] = msgspec.field(name="as")


class Rule(Struct, forbid_unknown_fields=True):
    """One fault; `match` is a part of the path, `count` how many requests it still strikes.

    With `method` only requests of that one are struck. With `done` the product does what it was
    told before: of `drop` and `status` only the answer is lost then. Latency is added to whatever
    follows. Of the others one is meant per rule:
    `status` with `retry_after` and `body`; `rubbish`; `truncate` (the body ends early, or the
    connection does); `huge_mb`; `retype`; `drop` (no answer at all); `expire_tokens` (at once).
    """

    match: str = ""
    method: str = ""
    done: bool = False
    count: int | None = None
    latency_ms: float = 0
    status: int | None = None
    retry_after: str | None = None
    body: str | None = None
    rubbish: Literal["html", "text"] | None = None
    truncate: Literal["body", "connection"] | None = None
    huge_mb: float | None = None
    retype: Retype | None = None
    drop: bool = False
    expire_tokens: bool = False


class FaultBook:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def strike(self, method: str, path: str) -> list[Rule]:
        """The rules for this request, each counted once."""
        struck = [
            rule
            for rule in self.rules
            if rule.match in path and rule.method in {"", method} and rule.count != 0
        ]
        for rule in struck:
            if rule.count is not None:
                rule.count -= 1
        return struck


async def answer_with_faults(product: Product, request: Request, rules: list[Rule]) -> Response:
    """Let the product answer, with faults before and after."""
    for rule in rules:
        if rule.latency_ms:
            await asyncio.sleep(rule.latency_ms / 1000)
    for rule in rules:
        response = await _struck(product, request, rule)
        if response is not None:
            return response
    response = await product.handle(request)
    for rule in rules:
        if rule.retype is not None:
            response = _retyped(response, rule.retype)
        if rule.truncate is not None:
            response = _Truncated(response, hang_up=rule.truncate == "connection")
    return response


async def _struck(product: Product, request: Request, rule: Rule) -> Response | None:
    response = _instead(product, request, rule)
    if response is not None and rule.done:
        await product.handle(request)
    return response


def _instead(product: Product, request: Request, rule: Rule) -> Response | None:
    """What is sent in place of the product's own answer."""
    if rule.drop:
        return _Dropped()
    if rule.status is not None:
        return _refused(product, request, rule.status, rule)
    if rule.huge_mb is not None:
        return StreamingResponse(_endless(rule.huge_mb), media_type="application/json")
    if rule.rubbish == "html":
        return HTMLResponse(_LOGIN_PAGE)
    if rule.rubbish == "text":
        return Response("%% not json at all {[", media_type="application/json")
    return None


def _refused(product: Product, request: Request, status: int, rule: Rule) -> Response:
    if rule.body is None:
        response = product.error(status, f"Fault {status}", request)
    else:
        response = Response(rule.body, status)
    if rule.retry_after is not None:
        response.headers["retry-after"] = rule.retry_after
    return response


async def _endless(megabytes: float) -> AsyncIterator[bytes]:
    """Valid JSON of so many megabytes, in the wrappers of all products at once."""
    row = b'{"filler":"' + b"x" * 9_980 + b'"}'
    yield b'{"d":{"results":[' + row
    sent = 0
    while sent < megabytes * _MEGABYTE:
        yield (b"," + row) * 10
        sent += 10 * (len(row) + 1)
    yield b"]}}"


def _retyped(response: Response, retype: Retype) -> Response:
    try:
        tree = msgspec.json.decode(bytes(response.body))
    except msgspec.DecodeError:
        return response
    _walk(tree, retype)
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    return Response(msgspec.json.encode(tree), response.status_code, headers)


def _walk(node: Any, retype: Retype) -> None:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        _walk(child, retype)
    if isinstance(node, dict) and retype.field in node:
        node[retype.field] = _as_type(node[retype.field], retype.type)


def _as_type(value: Any, kind: str) -> Any:
    if kind == "object":
        return {"value": value}
    if kind == "string":
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return 12345


class _Truncated(Response):
    """The first half of an answer; then the body just ends, or the connection does."""

    def __init__(self, whole: Response, *, hang_up: bool) -> None:
        super().__init__(bytes(whole.body), whole.status_code)
        kept = [pair for pair in whole.raw_headers if hang_up or pair[0] != b"content-length"]
        self.raw_headers = kept
        self._hang_up = hang_up

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        if self._hang_up:
            scope[TRANSPORT_KEY].close()
        else:
            await send({"type": "http.response.body", "body": b""})


class _Dropped(Response):
    """No answer: the connection is gone."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT_KEY].abort()
        await receive()  # until the server has noticed
