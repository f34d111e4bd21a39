"""An Odoo that answers as the real one does, over a small company in memory.

    POST /jsonrpc                    common.authenticate, object.execute_kw; errors inside HTTP 200
    POST /json/2/<model>/<method>    named arguments, bearer key; errors by status

It knows search_read, search_count and fields_get, create, write and the buttons of purchase orders
(`changing.py`), and refuses what Odoo refuses: unknown models, methods and fields, private methods,
models that the user has no right to.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.systems.odoo.changing import CHANGES, Changing, OdooError
from tests.systems.odoo.domains import Evaluator, InvalidDomain, Record
from tests.systems.odoo.world import as_version

DATABASE = "company"
LOGIN = "planner"
PASSWORD = "an-api-key-for-rpc"
UID = 7


class BrokenDown(Exception):
    """The server answers 500, and nothing more."""


@dataclass
class Odoo:
    """One server.

    Attributes:
        version: Its main version.
        refused: Models that the user may not read.
        calls: What was called: model, method, arguments.
        password: What is accepted now.
        uid: The user's number now.
        unwritable: Models that the user may not change.
        breaks: What becomes of the next calls that change something: the server breaks down
            `before` or `after` it has done them.
    """

    version: int = 18
    refused: set[str] = field(default_factory=set)
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    password: str = PASSWORD
    logins: int = 0
    uid: int = UID
    unwritable: set[str] = field(default_factory=set)
    breaks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fields, self.records = as_version(self.version)
        self._evaluator = Evaluator(self.fields, self._follow)
        self._changing = Changing(self.fields, self.records)

    @property
    def application(self) -> Starlette:
        """The server's ASGI application."""
        routes = [
            Route("/jsonrpc", self._jsonrpc, methods=["POST"]),
            Route("/json/2/{model}/{method}", self._json2, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={BrokenDown: _broken_down})

    def called(self) -> list[tuple[str, str]]:
        """Models and methods called so far; forgets them."""
        found = [(model, method) for model, method, _ in self.calls]
        self.calls.clear()
        return found

    async def _jsonrpc(self, request: Request) -> Response:
        body = json.loads(await request.body())
        assert body["jsonrpc"] == "2.0"
        assert body["method"] == "call"
        envelope = {"jsonrpc": "2.0", "id": body["id"]}
        try:
            return JSONResponse({**envelope, "result": self._service(body["params"])})
        except OdooError as exc:
            data = {
                "name": exc.name,
                "message": exc.message,
                "arguments": [exc.message],
                "context": {},
                "debug": "Traceback (most recent call last): ...",
            }
            error = {"code": 200, "message": "Odoo Server Error", "data": data}
            return JSONResponse({**envelope, "error": error})

    def _service(self, params: Mapping[str, Any]) -> Any:
        database, *rest = params["args"]
        if database != DATABASE:
            message = f'connection to server failed: FATAL: database "{database}" does not exist'
            raise OdooError("psycopg2.OperationalError", message, 500)
        match params["service"], params["method"]:
            case "common", "authenticate":
                self.logins += 1
                login, password, _ = rest
                return self.uid if (login, password) == (LOGIN, self.password) else False
            case "object", "execute_kw":
                uid, password, model, method, arguments, named = rest
                if (uid, password) != (self.uid, self.password):
                    raise OdooError("odoo.exceptions.AccessDenied", "Access Denied", 403)
                named = {**named, **_named(model, method, arguments)}
                return self._call(model, method, named)
        raise OdooError("builtins.KeyError", str(params["service"]), 500)

    async def _json2(self, request: Request) -> Response:
        model, method = request.path_params["model"], request.path_params["method"]
        try:
            if request.headers.get("Authorization", "").lower() != f"bearer {self.password}":
                raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
            return JSONResponse(self._call(model, method, json.loads(await request.body())))
        except OdooError as exc:
            body = {
                "name": exc.name,
                "message": exc.message,
                "arguments": [exc.message],
                "context": {},
                "debug": "Traceback (most recent call last): ...",
            }
            return JSONResponse(body, exc.status)

    def _call(self, model: str, method: str, named: dict[str, Any]) -> Any:
        self.calls.append((model, method, named))
        if model not in self.fields:
            raise OdooError(
                "werkzeug.exceptions.NotFound", f"the model {model!r} does not exist", 404
            )
        if model in self.refused and method != "fields_get":
            message = f"You are not allowed to access '{model}' ({model}) records."
            raise OdooError("odoo.exceptions.AccessError", message, 403)
        match method:
            case "fields_get":
                return self._fields_get(model, named["attributes"])
            case "search_read":
                return self._search_read(model, named)
            case "search_count":
                return len(self._search(model, named))
        if method in CHANGES:
            return self._change(model, method, named)
        raise OdooError("werkzeug.exceptions.NotFound", f"no method {model}.{method}", 404)

    def _change(self, model: str, method: str, named: dict[str, Any]) -> Any:
        fate = self.breaks.pop(0) if self.breaks else ""
        if fate == "before":
            raise BrokenDown
        if model in self.unwritable:
            message = f"You are not allowed to modify '{model}' ({model}) records."
            raise OdooError("odoo.exceptions.AccessError", message, 403)
        done = self._changing.call(model, method, named)
        if fate == "after":
            raise BrokenDown
        return done

    def _fields_get(self, model: str, attributes: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, kind in self.fields[model].items():
            told = (
                {"type": kind}
                if isinstance(kind, str)
                else dict(zip(("type", "relation"), kind, strict=True))
            )
            found[name] = {a: told[a] for a in attributes if a in told}
        return found

    def _search_read(self, model: str, named: Mapping[str, Any]) -> list[dict[str, Any]]:
        records = self._search(model, named)
        for clause in reversed(str(named["order"]).split(", ")):
            name, _, direction = clause.partition(" ")
            if "." in name or name not in self.fields[model]:
                raise OdooError("builtins.ValueError", f"Invalid field {name!r} in order", 422)
            records.sort(key=lambda r: _sortable(r.get(name, False)), reverse=direction == "desc")
        start, limit = named["offset"], named["limit"]
        chosen = records[start:] if limit is None else records[start : start + limit]
        return [
            {"id": r["id"], **{n: self._shown(model, n, r) for n in named["fields"]}}
            for r in chosen
        ]

    def _search(self, model: str, named: Mapping[str, Any]) -> list[Record]:
        records: list[Record] = list(self.records[model].values())
        is_tested = any(isinstance(leaf, list) and leaf[0] == "active" for leaf in named["domain"])
        active_test = named["context"].get("active_test", True) and not is_tested
        if "active" in self.fields[model] and active_test:
            records = [r for r in records if r["active"]]
        try:
            return [r for r in records if self._evaluator.matches(model, named["domain"], r)]
        except InvalidDomain as exc:
            raise OdooError("builtins.ValueError", str(exc), 422) from exc

    def _shown(self, model: str, name: str, record: Record) -> Any:
        kind = self.fields[model].get(name)
        if kind is None:
            raise OdooError(
                "builtins.ValueError", f"Invalid field {name!r} on model {model!r}", 422
            )
        value = record.get(name, False)
        if kind == "datetime" and value:
            return value[:19]
        if isinstance(kind, tuple) and kind[0] == "many2one" and value:
            return [value, self.records[kind[1]][value]["display_name"]]
        return [] if isinstance(kind, tuple) and kind[0] != "many2one" and not value else value

    def _follow(self, model: str, record: Record, name: str) -> Sequence[tuple[str, Record]]:
        kind = self.fields[model][name]
        if isinstance(kind, str):
            return []
        held = record.get(name, False)
        ids = held if isinstance(held, list) else [held] if held else []
        return [(kind[1], self.records[kind[1]][i]) for i in ids]


async def _broken_down(request: Request, exc: Exception) -> Response:
    del request, exc
    return Response("Internal Server Error", 500)


def _named(model: str, method: str, arguments: list[Any]) -> dict[str, Any]:
    """What execute_kw gives by place, by the names that JSON-2 has for it."""
    names = {"create": ["vals_list"], "write": ["ids", "vals"]}.get(method, ["ids"])
    if len(arguments) > len(names) or (method == "create" and not arguments):
        raise OdooError("builtins.TypeError", f"{model}.{method}: wrong arguments", 422)
    return dict(zip(names, arguments, strict=False))


def _sortable(value: Any) -> tuple[bool, Any]:
    """PostgreSQL puts null last in ascending order."""
    return (True, 0) if value is False or value is None else (False, value)
