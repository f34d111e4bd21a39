"""Requests that change something: one, or several that are done together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from starlette.responses import Response

from sandbox.s4.batch import Call, compose, parse
from sandbox.s4.errors import ODataError, bad_request
from sandbox.s4.order_writes import SERVICE, OrderWrites
from sandbox.s4.paths import Resource, resolve
from sandbox.s4.query import make_shape
from sandbox.s4.receipt_writes import SERVICE as RECEIPTS
from sandbox.s4.receipt_writes import ReceiptWrites
from sandbox.s4.render import Renderer
from sandbox.s4.store import Row, Store

_UPDATES = frozenset({"PATCH", "MERGE"})
_CREATED, _NO_CONTENT, _ACCEPTED = 201, 204, 202


class Message(Struct, forbid_unknown_fields=True):
    """What the next write says in `sap-message`; after an error it has done nothing."""

    severity: Literal["error", "warning"] = "error"
    code: str = "ME/006"
    message: str = "The order could not be saved"


_Make = Callable[[Mapping[str, Any], str], tuple[Row, list[tuple[str, str]]]]
_CREATABLE = {
    (SERVICE, "A_PurchaseOrder"): "to_PurchaseOrderItem/to_ScheduleLine",
    (RECEIPTS, "A_MaterialDocumentHeader"): "to_MaterialDocumentItem",
}
"""Sets in which rows are made, with what is made in them."""


class Writes:
    """Writes to orders and receipts; everything else is read-only."""

    def __init__(self, orders: OrderWrites, receipts: ReceiptWrites) -> None:
        self._orders = orders
        self._makers: dict[str, _Make] = {SERVICE: orders.create, RECEIPTS: receipts.create}
        self._message: Message | None = None

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """PUT locks: orders that somebody works on. PUT sap-message: what the next write says."""
        return {
            "PUT locks": lambda body: self._lock(msgspec.json.decode(body, type=list[str])),
            "PUT sap-message": lambda body: self._tell(msgspec.json.decode(body, type=Message)),
        }

    def answer(self, store: Store, root: str, call: Call, user: str) -> Response:
        """Do what is asked for.

        Raises:
            ODataError: if it cannot be.
        """
        name = store.service.name
        if call.method == "POST" and (name, *call.segments) in _CREATABLE:
            return self._create(store, root, resolve(store, call.segments), call, user)
        if name == SERVICE and call.segments == ["$batch"]:
            return self._batch(store, root, call)
        if name == SERVICE and call.method in _UPDATES:
            resource = resolve(store, call.segments)
            if resource.single and not resource.prop:
                return self._change(store, [(resource, call)])[0]
        raise ODataError(405, f"Method {call.method} not allowed", "/IWFND/CM_COS/405")

    def _create(
        self, store: Store, root: str, resource: Resource, call: Call, user: str
    ) -> Response:
        headers, refused = self._said()
        table = resource.table
        if refused:
            empty = {name: p.default for name, p in table.entity_set.properties.items()}
            body = msgspec.json.encode({"d": empty})
            return Response(body, _CREATED, headers, media_type="application/json")
        service = store.service.name
        row, warnings = self._makers[service](_decoded(call.body), user)
        if warnings:
            headers["sap-message"] = _message("warning", *warnings[0])
        renderer = Renderer(store, root)
        options = {"$expand": _CREATABLE[service, table.entity_set.name]}
        entity = renderer.entity(make_shape(store, table, options), row)
        headers |= {"location": renderer.uri(table, row), **_etag(store.etag(table, row))}
        body = msgspec.json.encode({"d": entity})
        return Response(body, _CREATED, headers, media_type="application/json")

    def _change(self, store: Store, parts: Sequence[tuple[Resource, Call]]) -> list[Response]:
        """Change rows together: all of them are as they were if one of the changes fails."""
        targets = [(r.table, (r.rows or [])[0], call) for r, call in parts]
        for table, row, call in targets:
            _check_etag(store.etag(table, row), call)
        headers, refused = self._said()
        if not refused:
            before = [
                (t, r, dict(r))
                for table, row, _ in targets
                for t, r in self._orders.document(table, row)
            ]
            try:
                for table, row, call in targets:
                    self._orders.change(table, row, _decoded(call.body))
            except ODataError:
                for table, row, values in before:
                    table.change(row, values)
                raise
        return [
            Response(status_code=_NO_CONTENT, headers=headers | _etag(store.etag(table, row)))
            for table, row, _ in targets
        ]

    def _batch(self, store: Store, root: str, call: Call) -> Response:
        """One changeset."""
        parts = parse(call, root)
        if not all(part.method in _UPDATES for part in parts):
            raise bad_request("A changeset holds nothing but changes here")
        try:
            resources = [(resolve(store, part.segments), part) for part in parts]
            answers = self._change(store, resources)
        except ODataError as error:
            body = msgspec.json.encode(error.to_json())
            failed = Response(body, error.status, error.headers, media_type="application/json")
            return compose([failed], together=False)
        return compose(answers, together=True)

    def _said(self) -> tuple[dict[str, str], bool]:
        """Headers of the next answer, and whether they say that nothing was done."""
        told, self._message = self._message, None
        if told is None:
            return {}, False
        header = _message(told.severity, told.code, told.message)
        return {"sap-message": header}, told.severity == "error"

    def _lock(self, numbers: list[str]) -> dict[str, int]:
        self._orders.locked = set(numbers)
        return {"locked": len(numbers)}

    def _tell(self, message: Message) -> dict[str, bool]:
        self._message = message
        return {"told": True}


def _check_etag(etag: str | None, call: Call) -> None:
    expected = call.headers.get("if-match")
    if etag is None:
        return
    if expected is None:
        raise ODataError(428, "Precondition required: send If-Match", "/IWFND/CM_MGW/428")
    if expected not in {etag, "*"}:
        raise ODataError(412, "Precondition failed: the data has changed", "/IWFND/CM_MGW/412")


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise bad_request("Error while parsing the request body") from error
    if isinstance(decoded, dict) and isinstance(decoded.get("d"), dict):
        decoded = decoded["d"]
    if not isinstance(decoded, dict):
        raise bad_request("Error while parsing the request body")
    return decoded


def _etag(value: str | None) -> dict[str, str]:
    return {} if value is None else {"etag": value}


def _message(severity: str, code: str, text: str) -> str:
    content: Row = {"code": code, "message": text, "severity": severity, "details": []}
    return msgspec.json.encode(content).decode()
