"""What a GraphQL-over-HTTP request says (sections Request, GET and POST of the specification)."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.datastructures import QueryParams
from starlette.requests import Request

from app.server.negotiation import PLAIN_JSON, HTTPRefusal, parameters_of

_READ: Final = frozenset({"GET", "HEAD"})
_BODY_S: Final = 10.0
_CLOSE: Final = {"Connection": "close"}
_DISCARDED: Final = 4 * 1024 * 1024
# Somewhat too much is read to its end, for a client that is still sending hears no answer; whoever
# sends far too much, or too slowly, is not listened to any longer.


class GraphQLRequest(Struct, frozen=True):
    """One request.

    Attributes:
        query: The document's text.
        variables: Values of its variables.
        operation_name: Which operation to run, where it has several.
        read_only: Whether only queries may be run (GET).
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    read_only: bool


async def read_request(request: Request, max_bytes: int) -> GraphQLRequest:
    """The GraphQL request in an HTTP request.

    Args:
        request: The HTTP request.
        max_bytes: Longest body, or query part of the address.

    Raises:
        HTTPRefusal: if there is none that could be understood.
        ClientDisconnect: if the client hung up meanwhile.
    """
    if request.method in _READ:
        if len(request.scope["query_string"]) > max_bytes:
            raise HTTPRefusal(414, f"the address is {_too_large(max_bytes)}; send it by POST")
        return _from_query(request.query_params)
    _check_content_type(request.headers.get("content-type", ""))
    try:
        async with asyncio.timeout(_BODY_S):
            return _from_body(await _body(request, max_bytes))
    except TimeoutError as exc:
        message = f"the request did not arrive within {_BODY_S:g} s"
        raise HTTPRefusal(408, message, _CLOSE) from exc


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() != PLAIN_JSON:
        raise HTTPRefusal(415, "send the request as JSON, with `Content-Type: application/json`")
    if parameters_of(parameters).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise HTTPRefusal(415, "send the request in UTF-8")


def _from_query(parameters: QueryParams) -> GraphQLRequest:
    made: dict[str, Any] = {name: parameters.get(name) for name in ("query", "operationName")}
    for part in ("variables", "extensions"):
        if text := parameters.get(part):
            made[part] = _json(text.encode("utf-8", "surrogatepass"), f"`{part}`")
    return _checked(made, read_only=True)


def _from_body(body: bytes) -> GraphQLRequest:
    document = _json(body, "the request body")
    if isinstance(document, list):
        raise HTTPRefusal(400, "several requests at once are not taken; send one object a request")
    if not isinstance(document, dict):
        raise HTTPRefusal(400, 'the request body must be an object like {"query": "..."}')
    return _checked(document, read_only=False)


def _checked(document: Mapping[str, Any], *, read_only: bool) -> GraphQLRequest:
    query = document.get("query")
    if not isinstance(query, str) or not query.strip():
        raise HTTPRefusal(400, "`query` must be the text of a GraphQL document")
    name = document.get("operationName")
    if name is not None and not isinstance(name, str):
        raise HTTPRefusal(400, "`operationName` must be a string or left out")
    for part in ("variables", "extensions"):
        if document.get(part) is not None and not isinstance(document[part], dict):
            raise HTTPRefusal(400, f"`{part}` must be an object or left out")
    return GraphQLRequest(query, document.get("variables") or {}, name or None, read_only)


def _json(text: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HTTPRefusal(400, f"{what} is not valid JSON in UTF-8") from exc
    except RecursionError as exc:
        raise HTTPRefusal(400, f"{what} is nested too deeply") from exc


async def _body(request: Request, max_bytes: int) -> bytes:
    size = 0
    chunks: list[bytes] = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes + _DISCARDED:
            break
        if size <= max_bytes:
            chunks.append(chunk)
    if size <= max_bytes:
        return b"".join(chunks)
    raise HTTPRefusal(413, f"the request is {_too_large(max_bytes)}", _CLOSE)


def _too_large(max_bytes: int) -> str:
    return f"larger than {max_bytes // 1024} KB"
