"""What may be told, for programs: the AsyncAPI document, and the JSON Schemas of the events.

They hold no data of anybody and are the same for every installation, hence need no token.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.asyncapi import asyncapi
from canonical.event_schemas import data_schema, event_schema
from canonical.events import EVENT_TYPES

_PATH: Final = "/schemas/events"
_JSON: Final = "application/json"
_SCHEMA: Final = "application/schema+json"
_KEPT: Final = "public, max-age=300"
_UNKNOWN: Final = {
    "error": f"there is no event type of this name; GET {_PATH} lists those that there are"
}


class _Document(Struct, frozen=True):
    """A document as it is sent."""

    body: bytes
    media_type: str
    tag: str


def catalogue_routes() -> list[BaseRoute]:
    """The routes of the documents, which are written once, here."""
    whole = _document(asyncapi())
    index = _document({"types": [_entry(name) for name in sorted(EVENT_TYPES)]})
    events = {n: _document(event_schema(t), _SCHEMA) for n, t in EVENT_TYPES.items()}
    data = {n: _document(data_schema(t), _SCHEMA) for n, t in EVENT_TYPES.items()}

    async def document(request: Request) -> Response:
        return _reply(request, whole)

    async def types(request: Request) -> Response:
        return _reply(request, index)

    async def of_event(request: Request) -> Response:
        return _reply(request, events.get(request.path_params["type"]))

    async def of_data(request: Request) -> Response:
        return _reply(request, data.get(request.path_params["type"]))

    return [
        Route("/asyncapi.json", document),
        Route(_PATH, types),
        Route(_PATH + "/{type}", of_event),
        Route(_PATH + "/{type}/data", of_data),
    ]


def _entry(name: str) -> dict[str, Any]:
    kind = EVENT_TYPES[name]
    return {
        "type": name,
        "stream": kind.stream.value,
        "owner": kind.owner,
        "retentionDays": kind.retention_days,
        "replay": kind.replay.value,
        "schema": f"{_PATH}/{name}",
        "dataSchema": f"{_PATH}/{name}/data",
    }


def _document(content: Mapping[str, Any], media_type: str = _JSON) -> _Document:
    body = msgspec.json.encode(content)
    return _Document(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _reply(request: Request, document: _Document | None) -> Response:
    if document is None:
        body = msgspec.json.encode(_UNKNOWN)
        return Response(body, 404, {"Cache-Control": "no-store"}, media_type=_JSON)
    headers = {"ETag": document.tag, "Cache-Control": _KEPT, "X-Content-Type-Options": "nosniff"}
    known = request.headers.get("if-none-match", "")
    if any(t.strip().removeprefix("W/") in {document.tag, "*"} for t in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(document.body, headers=headers, media_type=document.media_type)
