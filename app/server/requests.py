"""What a GraphQL-over-HTTP request says (sections Request, GET and POST of the specification).

A request may name its document by a digest instead (automatic persisted queries, as Apollo's
clients send them): `"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "..."}}`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.datastructures import QueryParams

from app.server.exchange import BodyTooLongError, Inbound
from app.server.negotiation import PLAIN_JSON, HTTPRefusal, parameters_of
from runtime.cache.persisted import DIGEST, digest_of

READ: Final = frozenset({"GET", "HEAD"})
_JSON: Final = PLAIN_JSON.encode()
_BODY_S: Final = 10.0
_CLOSE: Final = {"Connection": "close"}
_KEPT: Final = 1_000
_KEPT_BYTES: Final = 4_096


class GraphQLRequest(Struct, frozen=True):
    """One request.

    Attributes:
        query: The document's text; empty where it is named by its digest alone.
        variables: Values of its variables.
        operation_name: Which operation to run, where it has several.
        read_only: Whether only queries may be run (GET).
        persisted: The digest that names the document, if the client says so.
        question: A digest of document, name and variables, the same however it was written; None
            where there is none.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    read_only: bool
    persisted: str | None = None
    question: bytes | None = None

    def of_text(self, query: str) -> "GraphQLRequest":
        """The request for a document that was named."""
        asked = _question(query, self.operation_name, self.variables)
        return msgspec.structs.replace(self, query=query, question=asked)


class Requests:
    """Reads requests. What it has understood it keeps for a while, by the bytes.

    Args:
        max_bytes: Longest body, or query part of an address.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._by_get: OrderedDict[bytes, GraphQLRequest] = OrderedDict()
        self._by_post: OrderedDict[bytes, GraphQLRequest] = OrderedDict()

    async def read(self, inbound: Inbound) -> GraphQLRequest:
        """The GraphQL request in an HTTP request.

        Raises:
            HTTPRefusal: if there is none that could be understood.
            ClientGoneError: if the client hung up meanwhile.
        """
        if inbound.method in READ:
            if len(inbound.query) > self._max_bytes:
                message = f"the address is {_too_large(self._max_bytes)}; send it by POST"
                raise HTTPRefusal(414, message)
            return _understood(inbound.query, self._by_get, _from_query)
        if inbound.headers.get(b"content-type") != _JSON:
            _check_content_type(inbound.header(b"content-type") or "")
        try:
            body = await inbound.body(self._max_bytes, _BODY_S)
        except TimeoutError as exc:
            message = f"the request did not arrive within {_BODY_S:g} s"
            raise HTTPRefusal(408, message, _CLOSE) from exc
        except BodyTooLongError as exc:
            message = f"the request is {_too_large(self._max_bytes)}"
            raise HTTPRefusal(413, message, _CLOSE) from exc
        return _understood(body, self._by_post, _from_body)


def _understood(
    text: bytes,
    known: OrderedDict[bytes, GraphQLRequest],
    understand: Callable[[bytes], GraphQLRequest],
) -> GraphQLRequest:
    found = known.get(text)
    if found is not None:
        known.move_to_end(text)
        return found
    made = understand(text)
    if len(text) <= _KEPT_BYTES:
        known[text] = made
        if len(known) > _KEPT:
            known.popitem(last=False)
    return made


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() != PLAIN_JSON:
        raise HTTPRefusal(415, "send the request as JSON, with `Content-Type: application/json`")
    if parameters_of(parameters).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise HTTPRefusal(415, "send the request in UTF-8")


def _from_query(text: bytes) -> GraphQLRequest:
    parameters = QueryParams(text)
    made: dict[str, Any] = {name: parameters.get(name) for name in ("query", "operationName")}
    for part in ("variables", "extensions"):
        if value := parameters.get(part):
            made[part] = _json(value.encode("utf-8", "surrogatepass"), f"`{part}`")
    return request_of(made, read_only=True)


def _from_body(body: bytes) -> GraphQLRequest:
    document = _json(body, "the request body")
    if isinstance(document, list):
        raise HTTPRefusal(400, "several requests at once are not taken; send one object a request")
    if not isinstance(document, dict):
        raise HTTPRefusal(400, 'the request body must be an object like {"query": "..."}')
    return request_of(document, read_only=False)


def request_of(document: Mapping[str, Any], *, read_only: bool) -> GraphQLRequest:
    """The request that a JSON object makes.

    Raises:
        HTTPRefusal: if it makes none.
    """
    for part in ("variables", "extensions"):
        if document.get(part) is not None and not isinstance(document[part], dict):
            raise HTTPRefusal(400, f"`{part}` must be an object or left out")
    name = document.get("operationName")
    if name is not None and not isinstance(name, str):
        raise HTTPRefusal(400, "`operationName` must be a string or left out")
    persisted = _persisted((document.get("extensions") or {}).get("persistedQuery"))
    query = document.get("query")
    if persisted is not None and query in (None, ""):
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise HTTPRefusal(400, "`query` must be the text of a GraphQL document")
    elif persisted is not None and digest_of(query) != persisted:
        raise HTTPRefusal(400, "`sha256Hash` is not the SHA-256 of `query`")
    variables = document.get("variables") or {}
    made = GraphQLRequest(query, variables, name or None, read_only, persisted)
    return made.of_text(query) if query else made


def _persisted(named: Any) -> str | None:
    if named is None:
        return None
    if not isinstance(named, dict) or named.get("version") != 1:
        raise HTTPRefusal(400, "`persistedQuery` must be an object of version 1")
    digest = named.get("sha256Hash")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise HTTPRefusal(400, "`sha256Hash` must be 64 hexadecimal digits in lower case")
    return digest


def _question(query: str, name: str | None, variables: Mapping[str, Any]) -> bytes | None:
    try:
        parts = (query, name, variables)
        text = msgspec.json.encode(parts, order="deterministic")
    except (ValueError, OverflowError, RecursionError):
        return None
    return hashlib.blake2b(text, digest_size=20).digest()


def _json(text: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HTTPRefusal(400, f"{what} is not valid JSON in UTF-8") from exc
    except RecursionError as exc:
        raise HTTPRefusal(400, f"{what} is nested too deeply") from exc


def _too_large(max_bytes: int) -> str:
    return f"larger than {max_bytes // 1024} KB"
