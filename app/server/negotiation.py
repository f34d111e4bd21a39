"""What a GraphQL-over-HTTP request says, and in which form its answer is wanted.

Follows the GraphQL over HTTP specification (draft of 2025): section 5 for requests, section 6 for
responses.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.datastructures import QueryParams
from starlette.requests import Request

RESPONSE_JSON: Final = "application/graphql-response+json"
PLAIN_JSON: Final = "application/json"


class HTTPRefusal(Exception):  # an answer, not a fault
    """The request cannot be answered at all.

    Attributes:
        status: HTTP status.
        headers: Further headers.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


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


def media_type(accept: str | None) -> str:
    """The media type to answer with; the specification's own where the client does not mind.

    Raises:
        HTTPRefusal: 406, if the client takes neither.
    """
    if accept is None or not accept.strip():
        return RESPONSE_JSON
    best, best_quality = None, 0.0
    for part in accept.split(","):
        name, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        for offered in _offers(name.strip().lower()):
            if quality > best_quality:
                best, best_quality = offered, quality
    if best is None:
        raise HTTPRefusal(406, f"answers are {RESPONSE_JSON} or {PLAIN_JSON}: accept one of them")
    return best


async def read_request(request: Request, max_bytes: int) -> GraphQLRequest:
    """The GraphQL request in an HTTP request.

    Raises:
        HTTPRefusal: if there is none that could be understood.
    """
    if request.method == "GET":
        return _from_query(request.query_params)
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != PLAIN_JSON:
        raise HTTPRefusal(415, "send the request as JSON, with `Content-Type: application/json`")
    charset = parameters.partition("charset=")[2].strip(' "').lower()
    if charset not in {"", "utf-8", "utf8"}:
        raise HTTPRefusal(415, "send the request in UTF-8")
    return _from_body(await _body(request, max_bytes))


def _from_query(parameters: QueryParams) -> GraphQLRequest:
    made: dict[str, Any] = {"query": parameters.get("query")}
    if "operationName" in parameters:
        made["operationName"] = parameters["operationName"] or None
    if parameters.get("variables"):
        made["variables"] = _json(parameters["variables"].encode(), "`variables`")
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
    return GraphQLRequest(query, document.get("variables") or {}, name, read_only)


def _json(text: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise HTTPRefusal(400, f"{what} is not valid JSON") from exc


async def _body(request: Request, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise HTTPRefusal(413, f"the request is larger than {max_bytes // 1024} KB")
        chunks.append(chunk)
    return b"".join(chunks)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _offers(name: str) -> tuple[str, ...]:
    if name in {RESPONSE_JSON, PLAIN_JSON}:
        return (name,)
    return (RESPONSE_JSON,) if name in {"*/*", "application/*"} else ()
