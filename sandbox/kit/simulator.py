"""The ASGI application around a product: log, overload, faults, and control at /__sandbox__/.

    GET  log     requests since reset      PUT faults  a list of fault rules
    GET  stats   counts by path            PUT limits  rate, concurrency, page size ...
    POST reset   forget log and faults     POST orders add a purchase order

The clock (`kit.clock`) and some products have further ones. Nothing under /__sandbox__/ is
logged, limited or faulted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.kit.clock import Clock
from sandbox.kit.faults import FaultBook, Rule, answer_with_faults
from sandbox.kit.product import Limits, Product

_Changes = dict[str, float]

CONTROL_PATH = "/__sandbox__/"
_LOG_LENGTH = 20_000
_BODY_LENGTH = 10_000
_LOGGED_HEADERS = ("accept", "traceparent", "user-agent", "x-correlation-id", "x-csrf-token")


class Simulator:
    """A product with everything that tests need to watch and to trouble it."""

    def __init__(self, product: Product, clock: Clock) -> None:
        self.product = product
        self._further = {**clock.commands(), **product.commands()}
        self.faults = FaultBook()
        self._defaults = msgspec.structs.asdict(product.limits)
        self._log: deque[dict[str, Any]] = deque(maxlen=_LOG_LENGTH)
        self._in_flight = 0
        self._most_in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.url.path.startswith(CONTROL_PATH):
            response = await self._control(request)
        else:
            response = await self._serve(request)
        await response(scope, receive, send)

    async def _serve(self, request: Request) -> Response:
        start = perf_counter()
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            body = await request.body()
            refusal = self.product.refuse(request, self._in_flight)
            if refusal is not None:
                response = refusal
            else:
                await asyncio.sleep(self.product.limits.service_ms / 1000)
                rules = self.faults.strike(request.method, request.url.path)
                response = await answer_with_faults(self.product, request, rules)
        finally:
            self._in_flight -= 1
        self._log.append(_entry(request, response, body, perf_counter() - start))
        return response

    async def _control(self, request: Request) -> Response:
        call = f"{request.method} {request.url.path.removeprefix(CONTROL_PATH).strip('/')}"
        try:
            return self._command(call, await request.body())
        except (ValueError, msgspec.DecodeError) as error:
            return _json({"error": str(error)}, 400)

    def _command(self, call: str, body: bytes) -> Response:
        commands: dict[str, Callable[[], Any]] = {
            "GET log": lambda: list(self._log),
            "GET stats": self._stats,
            "POST reset": self._reset,
            "PUT faults": lambda: self._set_faults(msgspec.json.decode(body, type=list[Rule])),
            "PUT limits": lambda: self._set_limits(msgspec.json.decode(body, type=_Changes)),
            "POST orders": lambda: self.product.add_order(msgspec.json.decode(body or b"{}")),
        }
        if call in self._further:
            return _json(self._further[call](body))
        if call not in commands:
            return _json({"error": f"no such control: {call}"}, 404)
        return _json(commands[call]())

    def _set_faults(self, rules: list[Rule]) -> dict[str, int]:
        if any(rule.expire_tokens for rule in rules):
            self.product.expire_tokens()
        self.faults.rules = [rule for rule in rules if not rule.expire_tokens]
        return {"rules": len(self.faults.rules)}

    def _reset(self) -> dict[str, Any]:
        self._log.clear()
        self.faults.rules = []
        self._most_in_flight = self._in_flight
        return {"reset": True, "limits": self._set_limits({})}

    def _set_limits(self, changes: dict[str, float]) -> dict[str, Any]:
        """Set the limits to those that the process started with, but for these changes."""
        limits = msgspec.convert({**self._defaults, **changes}, Limits, strict=False)
        for name in limits.__struct_fields__:
            setattr(self.product.limits, name, getattr(limits, name))
        return msgspec.structs.asdict(limits)

    def _stats(self) -> dict[str, Any]:
        return {
            "total": len(self._log),
            "by_path": dict(Counter(entry["path"] for entry in self._log)),
            "by_status": dict(Counter(str(entry["status"]) for entry in self._log)),
            "most_in_flight": self._most_in_flight,
        }


def _entry(request: Request, response: Response, body: bytes, seconds: float) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "method": request.method,
        "path": request.url.path,
        "query": _query(request.url.query),
        "url_bytes": len(str(request.url)),
        "headers": {n: request.headers[n] for n in _LOGGED_HEADERS if n in request.headers},
        "status": response.status_code,
        "ms": round(seconds * 1000, 3),
    }
    if body:
        entry["body"] = body[:_BODY_LENGTH].decode(errors="replace")
    return entry


def _query(text: str) -> dict[str, str | list[str]]:
    """Decoded parameters; one that is given several times becomes a list."""
    query: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        earlier = query.get(name)
        if earlier is None:
            query[name] = value
        else:
            query[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
    return query


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
