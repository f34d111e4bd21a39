"""Rows told to OData services, V2 and V4: one request each, with ETag, token, and all that is said.

Rows are made with those nested in them (deep insert). Changes of nested rows go together with
those of the row above, in one changeset that is done whole or not at all.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from msgspec import structs

from canonical.errors import (
    BadAnswerError,
    ConflictError,
    InDoubtError,
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.kit.rows import Dataset, Row
from connectors.kit.transport_errors import log_refusal, said
from connectors.odata.bodies import CONTENT_TYPE, encoded_body, key_literal, predicate, rows_at
from connectors.odata.changesets import Part, answers, changeset, content_type
from connectors.odata.csrf import Session
from connectors.odata.envelope import open_envelope
from connectors.odata.errors import explain, locked, remark, warning
from connectors.odata.keys import strip_zeros
from connectors.odata.queries import ACCEPT, address, fixed
from connectors.odata.settings import Settings
from connectors.odata.shape import Shape, split_name

_log = structlog.get_logger(__name__)

_READ: Final = (400, 404, 405, 409, 412, 422, 423, 428)
"""Refusals whose words are for the caller."""
_SUCCESSES: Final = range(200, 300)
_NOT_FOUND, _NOT_ALLOWED, _LOCKED = 404, 405, 423
_CONFLICTS: Final = frozenset({409, 412, 428})
_SERVER_ERRORS: Final = 500


class ODataWriter:
    """Tells one system (`connectors.kit.writing.RowWriter`).

    Args:
        settings: How it speaks OData.
        caller: The transport.
    """

    def __init__(self, settings: Settings, caller: HTTPCaller) -> None:
        self._settings = settings
        self._caller = caller
        self._sessions: dict[str, Session] = {}

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        """The row's ETag, where the dataset's options say under which name it is."""
        name = self._shape(dataset).options.etag
        return None if name is None else row.get(name)

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        """Make a row, with the rows nested in it; the row as the system has it now."""
        shape = self._shape(dataset)
        request = self._request(dataset, shape, "POST", self._body(row, shape))
        response = await self._send(request, dataset, ask)
        made = self._made(response, shape)
        missing = [name for name in dataset.key if not made.get(name)]
        hidden = warning(response)
        if hidden is not None and missing:
            raise RejectedError(self._caller.system, hidden)
        if missing:
            message = f"{shape.set_name}: the answer does not tell {', '.join(missing)}"
            raise InDoubtError(self._caller.system, message)
        if hidden is not None:
            self._remark(hidden, shape, ask)
        return made

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        """Change fields of a row, and of rows nested in it.

        Raises:
            MisconfiguredError: if rows are nested in it of which the options do not tell the set.
        """
        shape = self._shape(dataset)
        try:
            parts = list(self._parts(shape, key, row, version))
        except ValueError as exc:
            raise self._invalid(shape, exc) from exc
        if len(parts) == 1:
            await self._change_one(dataset, shape, parts[0], ask)
        elif parts:
            await self._change_together(dataset, shape, parts, ask)

    async def call(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        action: str,
        ask: Ask,
        *,
        row: Row | None = None,
        version: str | None = None,
    ) -> None:
        """Do what a service offers for a row: a function import (V2), a bound action (V4)."""
        shape = self._shape(dataset)
        if self._settings.version == "v2":
            request = self._function(dataset, shape, key, action, row or {})
        else:
            request = self._request(dataset, shape, "POST", self._body(row or {}, shape))
            path = f"{request.path}{self._predicate(shape, key)}/{action}"
            request = structs.replace(request, path=path)
        request = structs.replace(request, headers={**request.headers, **_if_match(version, shape)})
        response = await self._send(request, dataset, ask)
        self._refuse_hidden(response)

    async def _change_one(self, dataset: Dataset, shape: Shape, part: Part, ask: Ask) -> None:
        request = self._request(dataset, shape, part.method, part.body)
        headers = {**request.headers, **part.headers}
        if part.method == "MERGE":
            headers["X-HTTP-Method"] = "MERGE"
        request = structs.replace(
            request,
            path=f"{self._service(dataset)}/{part.path}",
            method="POST" if part.method == "MERGE" else part.method,
            headers=headers,
        )
        self._refuse_hidden(await self._send(request, dataset, ask))

    async def _change_together(
        self, dataset: Dataset, shape: Shape, parts: list[Part], ask: Ask
    ) -> None:
        request = self._request(dataset, shape, "POST", changeset(parts))
        request = structs.replace(
            request,
            path=f"{self._service(dataset)}/$batch",
            headers={"Content-Type": content_type(), "Accept": "multipart/mixed"},
            told=len(parts),
        )
        response = await self._send(request, dataset, ask)
        try:
            found = answers(response)
        except ValueError as exc:
            raise self._doubt(shape, f"the answer cannot be read: {exc}") from exc
        for each in found:
            if each.status not in _SUCCESSES:
                raise self._refused(each, ask)
            self._refuse_hidden(each)
        if len(found) != len(parts):
            raise self._doubt(shape, f"{len(found)} answers to {len(parts)} changes")

    def _parts(
        self, shape: Shape, key: Mapping[str, Any], row: Row, version: str | None
    ) -> Iterator[Part]:
        """The changes of a row and of those nested in it, each with its own address."""
        columns = [(name, key[name]) for name in shape.dataset.key]
        yield from self._row_parts(shape, shape.set_name, columns, row, "", version)

    def _row_parts(
        self,
        shape: Shape,
        set_name: str,
        key: list[tuple[str, Any]],
        row: Row,
        prefix: str,
        version: str | None,
    ) -> Iterator[Part]:
        lists = {
            name: rows
            for name, value in row.items()
            if (rows := rows_at(f"{prefix}{name}", value, shape)) is not None
        }
        names = {name for name, _ in key}
        fields = {n: v for n, v in row.items() if n not in lists and n not in names}
        if fields:
            yield Part(
                self._settings.updates.upper(),
                f"{set_name}{predicate(key, shape, prefix)}",
                {"Content-Type": CONTENT_TYPE[self._settings.version], **_if_match(version, shape)},
                encoded_body(fields, shape, prefix),
            )
        for name, rows in lists.items():
            nested = shape.options.nested.get(f"{prefix}{name}")
            if nested is None:
                message = f"{set_name}: `options.nested` does not tell where {name} are"
                raise MisconfiguredError(self._caller.system, message)
            above = {**row, **dict(key)}
            for each in rows:
                inner = [(own, each.get(own, above.get(up))) for own, up in nested.key.items()]
                path = f"{prefix}{name}."
                yield from self._row_parts(shape, nested.set, inner, each, path, version)

    def _function(
        self, dataset: Dataset, shape: Shape, key: Mapping[str, Any], action: str, row: Row
    ) -> Request:
        try:
            given = [(n, key_literal(n, value, shape)) for n, value in {**key, **row}.items()]
        except ValueError as exc:
            raise self._invalid(shape, exc) from exc
        request = self._request(dataset, shape, "POST", None)
        path = f"{self._service(dataset)}/{action}"
        return structs.replace(request, path=path, query=(*given, *request.query))

    def _request(self, dataset: Dataset, shape: Shape, method: str, body: bytes | None) -> Request:
        version = self._settings.version
        headers = dict(ACCEPT[version])
        if body is not None:
            headers["Content-Type"] = CONTENT_TYPE[version]
        return Request(
            path=address(self._settings, dataset),
            label=shape.set_name,
            method=method,
            query=tuple(fixed(self._settings)),
            headers=headers,
            body=body,
            repeatable=False,
            accept=_READ,
        )

    async def _send(self, request: Request, dataset: Dataset, ask: Ask) -> Response:
        """Send a write; its 2xx answer.

        Raises:
            SupplygraphError: see `RowWriter`.
        """
        if self._settings.csrf:
            response = await self._session(dataset).send(request, ask)
        else:
            response = await self._caller.send(request, ask, explain=explain)
        if response.status not in _SUCCESSES:
            raise self._refused(response, ask)
        told = remark(response)
        if told is not None:
            self._remark(told, self._shape(dataset), ask)
        return response

    def _refused(self, response: Response, ask: Ask) -> SupplygraphError:
        """The error that a refusal means."""
        hidden = [urlsplit(self._caller.base_url).hostname or ""]
        log_refusal(response, ask.correlation_id, hidden)
        system, label, status = response.system, response.label, response.status
        words = said(response, explain, hidden) or f"no reason is given ({status})"
        if status >= _SERVER_ERRORS:
            return InDoubtError(system, f"{label} failed there ({status})")
        if status in _CONFLICTS:
            return ConflictError(f"{system}: {label} has changed since it was read: {words}")
        if status == _NOT_FOUND:
            return NotFoundError(f"{system}: {label}: {words}")
        if status == _NOT_ALLOWED:
            message = f"{label} cannot be written in this way ({words}): see `settings.updates`"
            return MisconfiguredError(system, message)
        if status == _LOCKED or locked(response):
            message = f"{label} is being worked on there by somebody else: {words}"
            return UnavailableError(system, Reason.SERVER_ERROR, message)
        return RejectedError(system, words)

    def _made(self, response: Response, shape: Shape) -> Row:
        try:
            rows = open_envelope(response.json(), self._settings.version, shape.options.etag).rows
        except (ValueError, BadAnswerError) as exc:
            raise self._doubt(shape, "the answer cannot be read") from exc
        if len(rows) != 1:
            raise self._doubt(shape, f"the answer holds {len(rows)} rows")
        for path in shape.options.pad:
            strip_zeros(rows, path)
        return dict(rows[0])

    def _refuse_hidden(self, response: Response) -> None:
        hidden = warning(response)
        if hidden is not None:
            raise RejectedError(self._caller.system, hidden)

    def _remark(self, told: str, shape: Shape, ask: Ask) -> None:
        _log.warning(
            "write_remarked",
            system=self._caller.system,
            label=shape.set_name,
            correlation_id=ask.correlation_id,
            vendor_text=told,
        )

    def _doubt(self, shape: Shape, why: str) -> InDoubtError:
        return InDoubtError(self._caller.system, f"{shape.set_name} was told, but {why}")

    def _invalid(self, shape: Shape, exc: ValueError) -> InvalidInputError:
        return InvalidInputError(f"{self._caller.system}: {shape.set_name}: {exc}")

    def _body(self, row: Row, shape: Shape) -> bytes:
        try:
            return encoded_body(row, shape)
        except ValueError as exc:
            raise self._invalid(shape, exc) from exc

    def _predicate(self, shape: Shape, key: Mapping[str, Any]) -> str:
        try:
            return predicate([(name, key[name]) for name in shape.dataset.key], shape)
        except ValueError as exc:
            raise self._invalid(shape, exc) from exc

    def _service(self, dataset: Dataset) -> str:
        service = split_name(dataset.name)[0]
        return "/".join(part for part in (self._settings.root, service) if part)

    def _session(self, dataset: Dataset) -> Session:
        service = self._service(dataset)
        if service not in self._sessions:
            self._sessions[service] = Session(self._caller, service, fixed(self._settings))
        return self._sessions[service]

    def _shape(self, dataset: Dataset) -> Shape:
        return Shape(self._caller.system, self._settings, dataset, None)


def _if_match(version: str | None, shape: Shape) -> dict[str, str]:
    """The condition of a change: the row is as in a version, or at least there.

    Sets with ETags want one of the two. In V4 a change of what is not there would make it. A set
    whose ETags nobody reads has no versions: what is given is that of another one.
    """
    if shape.options.etag is not None:
        return {"If-Match": version or "*"}
    return {"If-Match": "*"} if shape.settings.version == "v4" else {}
