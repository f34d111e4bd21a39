"""The pretend S/4HANA: requests in, OData answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sandbox.changes import Change
from sandbox.kit.product import Limits, Touched
from sandbox.s4.batch import Call, tunneled
from sandbox.s4.changing import Changing
from sandbox.s4.errors import ODataError
from sandbox.s4.metadata import (
    metadata_document,
    service_document_json,
    service_document_xml,
)
from sandbox.s4.new_orders import NewOrders
from sandbox.s4.order_writes import OrderWrites
from sandbox.s4.paths import ROOT, Resource, resolve, split_path
from sandbox.s4.query import choose_rows, make_shape, next_query, read_options, take_page
from sandbox.s4.receipt_writes import ReceiptWrites
from sandbox.s4.render import Renderer
from sandbox.s4.rows import rows_by_service
from sandbox.s4.services import SERVICES
from sandbox.s4.sessions import Sessions
from sandbox.s4.store import Store
from sandbox.s4.writes import Writes
from sandbox.world import World

_LONGEST_URL = 8192
_SERVICE_HEADERS = {"dataserviceversion": "2.0", "sap-processing-info": "sandbox"}


class S4:
    """Eight OData V2 services over a world.

    Args:
        world: The distributor.
        limits: Page size, and how many requests are answered at the same time.
        user: Who may read and write.
        password: The user's.
        link_host: Host that links name instead of the one that was asked, as behind a proxy.

    Attributes:
        limits: What it bears.
        stores: Its rows, by service.
        orders: Makes and changes orders.
    """

    name = "s4"

    def __init__(
        self, world: World, limits: Limits, user: str, password: str, link_host: str = ""
    ) -> None:
        self.limits = limits
        rows = rows_by_service(world)
        self.stores = {name: Store(service, rows[name]) for name, service in SERVICES.items()}
        self._metadata = {name: metadata_document(s) for name, s in SERVICES.items()}
        self._user = user
        self._sessions = Sessions(user, password)
        self.orders = OrderWrites(world, self.stores)
        self._writes = Writes(self.orders, ReceiptWrites(world, self.stores))
        self._new_orders = NewOrders(world, self.stores)
        self._changing = Changing(world, self.stores)
        self._link_host = link_host
        self._refusals = 0

    def expire_tokens(self) -> None:
        """Forget CSRF tokens and sessions."""
        self._sessions.expire()

    def add_order(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Add an order; see NewOrders."""
        return self._new_orders.add(wish)

    def apply(self, change: Change) -> list[Touched]:
        """Let a change be seen; see Changing."""
        self.orders.seen(change.at)
        return self._changing.apply(change)

    def holds_changes(self) -> str:
        """It takes all changes."""
        return ""

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """Those of writes; see Writes."""
        return self._writes.commands()

    async def run(self) -> None:
        """It does nothing by itself."""
        await asyncio.Event().wait()

    def refuse(self, request: Request, in_flight: int) -> Response | None:
        """503 when too many requests are being answered, every other time with Retry-After."""
        if in_flight <= self.limits.max_concurrent:
            return None
        self._refusals += 1
        response = self.error(503, "Service temporarily unavailable: too many requests", request)
        if self._refusals % 2:
            response.headers["retry-after"] = "1"
        return response

    def error(self, status: int, text: str, request: Request) -> Response:
        """An error of any status in OData's shape."""
        code = f"/IWFND/CM_MGW/{status}"
        return _error_response(ODataError(status, text, code), request)

    async def handle(self, request: Request) -> Response:
        """Answer a request for a service."""
        try:
            response = self._answer(request, await request.body())
        except ODataError as error:
            return _error_response(error, request)
        response.headers.update(_SERVICE_HEADERS)
        self._sessions.hand_out_token(request, response)
        return response

    def _answer(self, request: Request, body: bytes) -> Response:
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        if len(raw_path) + len(request.url.query) > _LONGEST_URL:
            raise ODataError(414, "Request URI too long", "/IWFND/CM_COS/414")
        self._sessions.check(request)
        name, segments = split_path(raw_path)
        store = self.stores.get(name)
        if store is None:
            raise ODataError(403, f"No service found for namespace , name {name}", "/IWFND/MED/170")
        root = f"http://{self._link_host or request.headers['host']}{ROOT}{name}"
        if request.method != "GET":
            call = tunneled(Call(request.method, segments, request.headers, body))
            return self._writes.answer(store, root, call, self._user)
        if segments == ["$metadata"]:
            return Response(self._metadata[name], media_type="application/xml")
        if not segments:
            return _service_document(store, root, request)
        return self._read(store, root, segments, request)

    def _read(self, store: Store, root: str, segments: list[str], request: Request) -> Response:
        options = read_options(request.url.query)
        as_json = _wants_json(request, options)
        resource = resolve(store, segments)
        table = resource.table
        if resource.count:
            rows = choose_rows(store, table, resource.rows, options)
            return Response(str(len(rows)), media_type="text/plain")
        shape = make_shape(store, table, options)
        renderer = Renderer(store, root)
        if resource.single:
            row = (resource.rows or [])[0]
            if resource.prop:
                return _json({"d": {resource.prop: row[resource.prop]}})
            if as_json:
                return _json({"d": renderer.entity(shape, row)})
            return _xml(renderer.entry(shape, row), "application/atom+xml;type=entry")
        return self._collection(request, resource, (store, renderer), options, as_json=as_json)

    def _collection(
        self,
        request: Request,
        resource: Resource,
        through: tuple[Store, Renderer],
        options: Mapping[str, str],
        *,
        as_json: bool,
    ) -> Response:
        store, renderer = through
        shape = make_shape(store, resource.table, options)
        rows = choose_rows(store, resource.table, resource.rows, options)
        page = take_page(rows, options, self.limits.page_size)
        link = None
        if page.next_token is not None:
            host = self._link_host or request.headers["host"]
            query = next_query(request.url.query, page.next_token)
            link = f"http://{host}{request.scope['raw_path'].decode()}?{query}"
        if not as_json:
            return _xml(renderer.feed(shape, page.rows, link), "application/atom+xml;type=feed")
        answer: dict[str, Any] = {}
        if options.get("$inlinecount") == "allpages":
            answer["__count"] = str(page.total)
        answer["results"] = [renderer.entity(shape, row) for row in page.rows]
        if link is not None:
            answer["__next"] = link
        return _json({"d": answer})


def _wants_json(request: Request, options: Mapping[str, str]) -> bool:
    """JSON only on demand: Atom is what a client gets that does not ask."""
    form = options.get("$format")
    if form is not None:
        return form == "json"
    return "application/json" in request.headers.get("accept", "")


def _service_document(store: Store, root: str, request: Request) -> Response:
    if _wants_json(request, read_options(request.url.query)):
        return _json(service_document_json(store.service))
    return _xml(service_document_xml(store.service, f"{root}/"), "application/atomsvc+xml")


def _error_response(error: ODataError, request: Request) -> Response:
    by_option = "%24format=json" in request.url.query or "$format=json" in request.url.query
    if by_option or "application/json" in request.headers.get("accept", ""):
        return Response(
            msgspec.json.encode(error.to_json()),
            error.status,
            error.headers,
            media_type="application/json",
        )
    return Response(error.to_xml(), error.status, error.headers, media_type="application/xml")


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _xml(content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type)
