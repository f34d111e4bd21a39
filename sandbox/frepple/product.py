"""The pretend frePPLe: requests in, Django REST framework answers out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.changes import Change
from sandbox.frepple.changing import Changing
from sandbox.frepple.filters import FilterError, filter_rows
from sandbox.frepple.nights import Nights
from sandbox.frepple.rows import make_tables
from sandbox.frepple.tables import Table
from sandbox.frepple.told import RefusedError, Told
from sandbox.kit.product import Limits, Touched
from sandbox.world import World

RESTRICTED_USER = "restricted"
_ROOT = "/api/"


class _Refusal(Exception):
    """An answer that is an error, with DRF's `detail`."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Frepple:
    """The input and forecast tables over a world; the user `restricted` may see none of them."""

    name = "frepple"

    def __init__(self, world: World, limits: Limits, user: str, password: str) -> None:
        self.limits = limits
        self._user = user
        self._password = password
        self._tables = make_tables(world)
        self._changing = Changing(world, self._tables)
        self._told = Told(self._tables)
        self.nights = Nights(self._tables["forecast/forecastplan"], world.today)

    def expire_tokens(self) -> None:
        """Nothing to forget: every request carries the password."""

    def add_order(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Refused: orders come from the buying systems."""
        raise ValueError(f"frePPLe takes no orders from here: {dict(wish)}")

    def apply(self, change: Change) -> list[Touched]:
        """Let a change be seen; see Changing."""
        self.nights.now = max(self.nights.now, change.at)
        return self._changing.apply(change)

    def holds_changes(self) -> str:
        """It takes all changes."""
        return ""

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls of nights."""
        return self.nights.commands()

    async def run(self) -> None:
        """Have nights."""
        await self.nights.run()

    def refuse(self, request: Request, in_flight: int) -> Response | None:
        """503 from the web server in front when its workers are all busy."""
        if in_flight <= self.limits.max_concurrent:
            return None
        return self.error(503, "Service Unavailable", request)

    def error(self, status: int, text: str, request: Request) -> Response:  # noqa: ARG002  -- one shape for all
        """An error of any status with a `detail`."""
        return _json({"detail": text}, status)

    async def handle(self, request: Request) -> Response:
        """Answer a request for a table or a row."""
        try:
            return self._answer(request, await request.body())
        except (FilterError, RefusedError) as error:
            return _json(error.body, 400)
        except _Refusal as refusal:
            response = _json({"detail": str(refusal)}, refusal.status)
            if refusal.status == 401:
                response.headers["www-authenticate"] = 'Basic realm="api"'
            return response

    def _answer(self, request: Request, body: bytes) -> Response:
        raw_path: str = request.scope["raw_path"].decode("latin-1")
        if not raw_path.startswith(_ROOT):
            raise _Refusal(404, "Not found.")
        if not raw_path.endswith("/") and request.method == "GET":
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{raw_path}/{query}", 301)
        self._authenticate(request)
        parts = raw_path.removeprefix(_ROOT).strip("/").split("/")
        table = self._tables.get("/".join(parts[:2]))
        if table is None or len(parts) > 3:
            raise _Refusal(404, "Not found.")
        if request.method != "GET":
            return self._write(request.method, parts, body)
        parameters = parse_qsl(request.url.query, keep_blank_values=True)
        if dict(parameters).get("format", "json") != "json":
            raise _Refusal(404, "Not found.")
        if len(parts) == 3:
            return _json(_row(table, unquote(parts[2])))
        return _json(filter_rows(table, parameters))

    def _write(self, method: str, parts: list[str], body: bytes) -> Response:
        path = "/".join(parts[:2])
        if not self._told.takes(path) or (method, len(parts)) not in {("POST", 2), ("PATCH", 3)}:
            raise _Refusal(405, f'Method "{method}" not allowed.')
        at = self.nights.now = self.nights.now + timedelta(seconds=1)
        if method == "POST":
            return _json(self._told.upsert(path, body, at), 201)
        table = self._tables[path]
        key = _row(table, unquote(parts[2]))[table.primary_key]
        self._told.change(path, key, body, at)
        return _json(_row(table, unquote(parts[2])))

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise _Refusal(401, "Authentication credentials were not provided.")
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _Refusal(
                401, "Invalid basic header. Credentials not correctly base64 encoded."
            ) from None
        user, _, password = text.partition(":")
        if user not in {self._user, RESTRICTED_USER} or password != self._password:
            raise _Refusal(401, "Invalid username/password.")
        if user == RESTRICTED_USER:
            raise _Refusal(403, "You do not have permission to perform this action.")


def _row(table: Table, key: str) -> Mapping[str, Any]:
    number = table.fields[table.primary_key] == "number"
    if number and not key.isdigit():
        raise _Refusal(404, "Not found.")
    rows = table.by(table.primary_key).get(int(key) if number else key)
    if not rows:
        raise _Refusal(404, "Not found.")
    return rows[0]


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
