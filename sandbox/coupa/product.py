"""The pretend Coupa: requests in, Core REST API answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from sandbox.changes import Change
from sandbox.coupa.access import Bucket, OAuthError, Tokens
from sandbox.coupa.answers import Projection, project, read_fields, shallow, write, write_errors
from sandbox.coupa.callouts import Callouts
from sandbox.coupa.changing import Changing
from sandbox.coupa.filters import FilterError, Resource, comparable
from sandbox.coupa.ordering import Ordering
from sandbox.coupa.rows import Row, Rows
from sandbox.coupa.told import RefusedError, read_body
from sandbox.kit.product import Limits, Touched
from sandbox.world import World
from sandbox.world.wishes import WishedOrders

MAX_ROWS = 50
_TOKEN_PATH = "/oauth2/token"
_ROOT = "/api/"
_METHODS = frozenset({("GET", 1), ("GET", 2), ("POST", 1), ("PUT", 2), ("PUT", 3)})
_XML_NAMES = {
    "purchase_orders": "order-headers",
    "purchase_order_lines": "order-lines",
    "receiving_transactions": "inventory-transactions",
}


class Coupa:
    """Procurement over a world, for one OAuth client."""

    name = "coupa"

    def __init__(self, world: World, limits: Limits, client_id: str, secret: str) -> None:
        self.limits = limits
        self._rows = Rows(world)
        self._resources = {name: Resource(rows) for name, rows in self._rows.by_resource().items()}
        self._changing = Changing(world, self._rows, self._resources)
        self.callouts = Callouts(world)
        self._tokens = Tokens(client_id, secret)
        self._bucket = Bucket(limits)
        self._ordering = Ordering(world, self._rows, self._changing, self._resources, self.apply)
        self._wishes = WishedOrders(world, "procurement")
        self._refusals = 0

    def expire_tokens(self) -> None:
        """Make all tokens invalid."""
        self._tokens.expire()

    def add_order(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Add an order like the newest one; see WishedOrders for what can be wished."""
        orders, lines = (
            self._resources[name] for name in ("purchase_orders", "purchase_order_lines")
        )
        order = self._wishes.grant(wish)
        row = self._rows.order(orders.rows[-1]["id"] + 1, order, [])
        orders.add(row)
        for line in row["order-lines"]:
            lines.add(line)
        self._changing.adopt(row["id"], order)
        return {"number": order.number, "id": row["id"]}

    def apply(self, change: Change) -> list[Touched]:
        """Let a change be seen, and tell of it who wants to be told; see Changing."""
        touched = self._changing.apply(change)
        if change.order is not None and touched:
            self.callouts.tell(change, self._changing.order_row(change.order.number))
        return touched

    def holds_changes(self) -> str:
        """It takes none while too many callouts wait."""
        return self.callouts.holds_changes()

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls of callouts, and of suppliers."""
        return {**self.callouts.commands(), **self._ordering.suppliers.commands()}

    async def run(self) -> None:
        """Send callouts."""
        await self.callouts.outbox.run()

    def refuse(self, request: Request, in_flight: int) -> Response | None:
        """429 when the bucket overflows, every other time with Retry-After."""
        if request.url.path == _TOKEN_PATH:
            return None
        if in_flight > self.limits.max_concurrent:
            return self.error(503, "Service Unavailable", request)
        if not self._bucket.overflows():
            return None
        self._refusals += 1
        response = self.error(429, "Rate limit exceeded. Please retry later.", request)
        if self._refusals % 2:
            response.headers["retry-after"] = "1"
        return response

    def error(self, status: int, text: str, request: Request) -> Response:
        """An error of any status in Coupa's shape."""
        return write_errors({"base": [text]}, status, as_json=_wants_json(request))

    async def handle(self, request: Request) -> Response:
        """Answer a request for a token, a resource or a row of one."""
        if request.url.path == _TOKEN_PATH:
            return self._token(request, await request.body())
        refusal = self._refusal(request)
        if refusal is not None:
            return self.error(*refusal, request)
        as_json = _wants_json(request)
        try:
            if request.method == "GET":
                return self._read(request, _parts(request))
            return self._told(request, _parts(request), await request.body())
        except FilterError as error:
            return write_errors(error.body, 400, as_json=as_json)
        except RefusedError as error:
            return write_errors(error.errors, error.status, as_json=as_json)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        """Why a request is not answered: status and text."""
        parts = _parts(request)
        status = self._tokens.status_for(request, parts[0] if parts else "")
        if status == 401:
            return 401, "The access token is missing, expired or invalid"
        if status == 403:
            return 403, "The access token does not have the scope needed"
        most = 3 if request.method == "PUT" else 2
        if not parts or len(parts) > most or parts[0] not in self._resources:
            return 404, "The requested resource could not be found"
        if (request.method, len(parts)) not in _METHODS or (
            request.method == "PUT" and parts[0] != "purchase_orders"
        ):
            return 405, f"Method {request.method} is not allowed here"
        return None

    def _told(self, request: Request, parts: list[str], body: bytes) -> Response:
        told, status = read_body(body), 200
        name = parts[0]
        if request.method == "POST":
            row, status = self._ordering.create(name, told), 201
        else:
            number = int(parts[1]) if parts[1].isdigit() else -1
            row = (
                self._ordering.act(number, parts[2], told)
                if len(parts) == 3
                else self._ordering.change(number, told)
            )
        options = {k.replace("_", "-"): v for k, v in parse_qsl(request.url.query)}
        root = _XML_NAMES.get(name, name.replace("_", "-")).removesuffix("s")
        if options.get("return-object") == "none":
            return Response(status_code=status)
        return write(_shown([row], options)[0], status, as_json=_wants_json(request), root=root)

    def _token(self, request: Request, body: bytes) -> Response:
        if request.method != "POST":
            return self.error(404, "Not Found", request)
        try:
            return write(self._tokens.issue(request, body), 200, as_json=True, root="")
        except OAuthError as error:
            return write(error.body, error.status, as_json=True, root="")

    def _read(self, request: Request, parts: list[str]) -> Response:
        name, resource = parts[0], self._resources[parts[0]]
        parameters = parse_qsl(request.url.query, keep_blank_values=True)
        options = {key.replace("_", "-"): value for key, value in parameters}
        as_json = _wants_json(request)
        list_name = _XML_NAMES.get(name, name.replace("_", "-"))
        if len(parts) == 2:
            row = resource.by_id.get(int(parts[1])) if parts[1].isdigit() else None
            if row is None:
                return self.error(404, "The requested resource could not be found", request)
            shown = _shown([row], options)[0]
            return write(shown, 200, as_json=as_json, root=list_name.removesuffix("s"))
        rows = _sorted(resource, resource.filter(parameters), options)
        offset = _number(options, "offset", 0)
        limit = min(MAX_ROWS, _number(options, "limit", MAX_ROWS))
        page = rows[offset : offset + limit]
        return write(_shown(page, options), 200, as_json=as_json, root=list_name)


def _parts(request: Request) -> list[str]:
    """Resource and id; nothing if the path is not below the root."""
    path = request.url.path
    return path.removeprefix(_ROOT).strip("/").split("/") if path.startswith(_ROOT) else []


def _wants_json(request: Request) -> bool:
    """JSON only on demand: XML is what a client gets that does not ask."""
    return "application/json" in request.headers.get("accept", "")


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdigit():
        raise FilterError(name, f"is not a number: {text}")
    return int(text)


def _sorted(resource: Resource, rows: list[Row], options: Mapping[str, str]) -> list[Row]:
    name = options.get("order-by", "id").replace("_", "-")
    direction = options.get("dir", "asc")
    if not resource.knows((name,)) or isinstance(resource.rows[0][name], (dict, list)):
        raise FilterError("order_by", f"is not a field to sort by: {name}")
    if direction not in {"asc", "desc"}:
        raise FilterError("dir", f"is neither asc nor desc: {direction}")
    if (name, direction) == ("id", "asc"):
        return rows
    keyed = [(comparable(name, row[name]), row) for row in rows]
    filled = [pair for pair in keyed if pair[0] is not None]
    filled.sort(key=lambda pair: pair[0], reverse=direction == "desc")
    return [row for _, row in filled] + [row for value, row in keyed if value is None]


def _shown(rows: list[Row], options: Mapping[str, str]) -> list[Row]:
    """Rows cut down by `fields`, else by `return_object`."""
    if "fields" in options:
        wanted: Projection = read_fields(options["fields"])
        return [project(row, wanted) for row in rows]
    form = options.get("return-object", "")
    if form == "limited":
        return [{"id": row["id"]} for row in rows]
    return [shallow(row) for row in rows] if form == "shallow" else rows
