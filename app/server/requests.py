"""What a GraphQL-over-HTTP request says (sections Request, GET and POST of the specification).

A request may name its document instead of sending it, in the form that Apollo's clients use,
`"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "..."}}`, or in that of the
specification's appendix on persisted documents, `"documentId": "sha256:..."` or another id.
A body may hold several requests in an array, where that is switched on.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.datastructures import QueryParams

from app.server.edge import Edge
from app.server.exchange import BodyTooLongError, Inbound
from app.server.negotiation import PLAIN_JSON, HTTPRefusal, parameters_of
from runtime.cache.persisted import DIGEST, digest_of

T = TypeVar("T")

READ: Final = frozenset({"GET", "HEAD"})
_JSON: Final = PLAIN_JSON.encode()
_CLOSE: Final = {"Connection": "close"}
_KEPT: Final = 1_000
_KEPT_BYTES: Final = 4_096
_NAME: Final = re.compile(r"[!-~]{1,256}")
_BY_DIGEST: Final = "sha256:"
_NO_DIGEST: Final = "`sha256Hash` must be 64 hexadecimal digits in lower case"


class GraphQLRequest(Struct, frozen=True):
    """One request.

    Attributes:
        query: The document's text; empty where it is only named.
        variables: Values of its variables.
        operation_name: Which operation to run, where it has several.
        read_only: Whether only queries may be run (GET).
        named: The name of the document, if the client says one: a digest or an id.
        learnable: Whether the name is the digest of the text, for other clients to use (Apollo's
            automatic persisted queries).
        question: A digest of document, name and variables, the same however it was written; None
            where there is none.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    read_only: bool
    named: str | None = None
    learnable: bool = False
    question: bytes | None = None

    def of_text(self, query: str) -> "GraphQLRequest":
        """The request for a document that was named."""
        asked = _question(query, self.operation_name, self.variables)
        return msgspec.structs.replace(self, query=query, question=asked)


Batch = tuple[GraphQLRequest | HTTPRefusal, ...]
"""Several requests of one body, in their order; a refusal stands for one that is none."""


class Requests:
    """Reads requests. What it has understood it keeps for a while, by the bytes.

    Args:
        max_bytes: Longest body, or query part of an address.
        edge: What else is taken.
    """

    def __init__(self, max_bytes: int, edge: Edge) -> None:
        self._max_bytes = max_bytes
        self._edge = edge
        self._by_get: OrderedDict[bytes, GraphQLRequest] = OrderedDict()
        self._by_post: OrderedDict[bytes, GraphQLRequest | Batch] = OrderedDict()

    async def read(self, inbound: Inbound) -> GraphQLRequest | Batch:
        """The GraphQL request in an HTTP request, or several.

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
            body = await inbound.body(self._max_bytes, self._edge.body_s)
        except TimeoutError as exc:
            message = f"the request did not arrive within {self._edge.body_s:g} s"
            raise HTTPRefusal(408, message, _CLOSE) from exc
        except BodyTooLongError as exc:
            message = f"the request is {_too_large(self._max_bytes)}"
            raise HTTPRefusal(413, message, _CLOSE) from exc
        return _understood(body, self._by_post, self._from_body)

    def _from_body(self, body: bytes) -> GraphQLRequest | Batch:
        document = _json(body, "the request body")
        if not isinstance(document, list):
            return _of_element(document)
        most = self._edge.max_batch
        if not most:
            message = "several requests at once are not taken; send one object a request"
            raise HTTPRefusal(400, message, code="BATCHING_NOT_ENABLED")
        if not document:
            raise HTTPRefusal(400, "the request body holds no request")
        if len(document) > most:
            message = f"{len(document)} requests at once are too many; at most {most} are taken"
            raise HTTPRefusal(400, message, code="BATCH_LIMIT_EXCEEDED")
        return tuple(_tried(element) for element in document)


def _understood(text: bytes, known: OrderedDict[bytes, T], understand: Callable[[bytes], T]) -> T:
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
    plain = ("query", "operationName", "documentId")
    made: dict[str, Any] = {name: parameters.get(name) or None for name in plain}
    for part in ("variables", "extensions"):
        if value := parameters.get(part):
            made[part] = _json(value.encode("utf-8", "surrogatepass"), f"`{part}`")
    return request_of(made, read_only=True)


def _of_element(document: Any) -> GraphQLRequest:
    if not isinstance(document, dict):
        raise HTTPRefusal(400, 'the request body must be an object like {"query": "..."}')
    return request_of(document, read_only=False)


def _tried(document: Any) -> GraphQLRequest | HTTPRefusal:
    try:
        return _of_element(document)
    except HTTPRefusal as exc:
        return exc


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
    digest = _persisted((document.get("extensions") or {}).get("persistedQuery"))
    named = digest or _document_id(document.get("documentId"))
    query = document.get("query")
    if named is not None and query in (None, ""):
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise HTTPRefusal(400, "`query` must be the text of a GraphQL document")
    if query and digest:
        _check_digest(digest, query)
    variables = document.get("variables") or {}
    learnable = bool(query and digest)
    made = GraphQLRequest(query, variables, name or None, read_only, named, learnable)
    return made.of_text(query) if query else made


def _check_digest(digest: str, query: str) -> None:
    if not DIGEST.fullmatch(digest):
        raise HTTPRefusal(400, _NO_DIGEST)
    if digest_of(query) != digest:
        raise HTTPRefusal(400, "`sha256Hash` is not the SHA-256 of `query`")


def _persisted(said: Any) -> str | None:
    """The digest in Apollo's form; for documents from a file some tools make another one."""
    if said is None:
        return None
    if not isinstance(said, dict) or said.get("version") != 1:
        raise HTTPRefusal(400, "`persistedQuery` must be an object of version 1")
    digest = said.get("sha256Hash")
    if not isinstance(digest, str) or not _NAME.fullmatch(digest):
        raise HTTPRefusal(400, _NO_DIGEST)
    return digest


def _document_id(said: Any) -> str | None:
    """The name in the specification's form; that of a SHA-256 is the digest alone."""
    if said is None:
        return None
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise HTTPRefusal(400, "`documentId` must be 1 to 256 characters that can be seen")
    if not said.startswith(_BY_DIGEST):
        return said
    digest = said.removeprefix(_BY_DIGEST)
    if not DIGEST.fullmatch(digest):
        raise HTTPRefusal(400, "after `sha256:` come 64 hexadecimal digits in lower case")
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
