"""The wire by aiohttp. Only here is it known."""

import functools
import io
import re
import select
import ssl
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import certifi
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientHttpProxyError,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    NonHttpUrlClientError,
    ServerDisconnectedError,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from typing_extensions import override
from yarl import URL

from connectors.kit.transport_body import Body, TooLargeError
from connectors.kit.transport_wire import (
    BrokenError,
    Incoming,
    Outgoing,
    Progress,
    UnsendableError,
)

_ERROR_BYTES: Final = 65_536
_FIRST_ERROR: Final = 300
_HEADER_BYTES: Final = 65_536
_HEADERS: Final = 256
_KEPT_S: Final = 30.0
_PIECEMEAL_BYTES: Final = 2**20
"""A larger body goes out piece by piece, so that the loop is not held up."""
_NO_LIMIT: Final = ClientTimeout(total=None)
_NOT_GUESSED: Final = ("Content-Type",)

_progress: Final[ContextVar[Progress]] = ContextVar("progress")
"""Whose exchange is under way in a task."""

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ODD: Final = re.compile(r"[^!-~]|[\"#<>`{}]")
_KEPT_AS_IT_IS: Final = "".join(c for c in map(chr, range(0x21, 0x7F)) if not _ODD.match(c)) + "%"


class AiohttpWire:
    """aiohttp: pooled connections, made when first needed in the loop that is running then.

    Args:
        max_connections: Most connections at a time.
        ca_file: Certificates to trust instead of the usual ones.
        proxy: URL of an HTTP proxy.

    Raises:
        OSError: the file of certificates cannot be read (`ssl.SSLError`: nor understood).
    """

    def __init__(
        self, *, max_connections: int, ca_file: str | None = None, proxy: str | None = None
    ) -> None:
        self._trusted = _trust(ca_file)
        self._max_connections = max_connections
        self._proxy = None if proxy is None else URL(proxy)
        self._opened: ClientSession | None = None

    async def exchange(self, out: Outgoing) -> Incoming:
        """Send a request and read the whole answer."""
        url = _url(out.url)
        if not all(map(_is_header_name, out.headers)):
            raise UnsendableError(_BAD_HEADER)
        _progress.set(out.progress)
        try:
            response = await self._session().request(
                out.method,
                url,
                headers=out.headers,
                data=_body(out.body),
                allow_redirects=False,
                skip_auto_headers=None if out.method == "GET" else _NOT_GUESSED,
            )
            content = await _read(response, out.max_bytes)
        except (ClientError, ValueError, OSError) as exc:
            raise _translated(exc) from exc
        return Incoming(response.status, _named(response.headers), content)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> ClientSession:
        if self._opened is None:
            self._opened = ClientSession(
                connector=_Connector(
                    limit=self._max_connections,
                    keepalive_timeout=_KEPT_S,
                    ssl=self._trusted,
                    resolver=ThreadedResolver(),
                ),
                proxy=self._proxy,
                cookie_jar=DummyCookieJar(),
                timeout=_NO_LIMIT,
                auto_decompress=False,
                trust_env=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
                middlewares=(_sent_once,),
            )
        return self._opened


class _Connector(TCPConnector):
    """Gives no kept connection that the server has closed meanwhile.

    The loop may not have been told yet, where it was busy; what is sent then is lost, and nobody
    knows whether it was heard.
    """

    @override
    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        for _ in range(self.limit):  # as many may have been kept
            if not _is_ended(connection):
                break
            connection.close()
            connection = await super().connect(req, traces, timeout)
        _progress.get().begun = True
        return connection


class _SentOnceError(ClientError):
    """The connection broke after the request, or part of it, was sent."""


async def _sent_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Aiohttp sends what is idempotent again by itself; here the transport does, and counts it."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as exc:
        raise _SentOnceError from exc


def _is_ended(connection: Connection) -> bool:
    """Whether there is something to read where nothing has been asked: the end, or nonsense."""
    transport = connection.transport
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None:
        return False
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


async def _read(response: ClientResponse, max_bytes: int) -> bytes:
    is_error = response.status >= _FIRST_ERROR
    try:
        encoding = response.headers.get("Content-Encoding", "")
        body = Body(encoding, _ERROR_BYTES if is_error else max_bytes)
        try:
            while piece := await response.content.readany():
                body.feed(piece)
            return body.finish()
        except TooLargeError:
            if not is_error:
                raise
        response.close()
        return body.kept()
    except BaseException:  # what is left unread must not be taken for the next answer
        response.close()
        raise


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by name in lower case. Where a name repeats, its values are joined by commas."""
    named: dict[str, str] = {}
    for name, text in headers.items():
        key = name.lower()
        value = text if text.isascii() else text.encode(errors="surrogateescape").decode("latin-1")
        named[key] = f"{named[key]}, {value}" if key in named else value
    return named


def _body(body: bytes | None) -> bytes | io.BytesIO | None:
    return body if body is None or len(body) <= _PIECEMEAL_BYTES else io.BytesIO(body)


def _url(text: str) -> URL:
    """An address, byte for byte; what no address may hold is percent-encoded.

    Raises:
        UnsendableError: it is none.
    """
    try:
        url = URL(_tidy(text) if _ODD.search(text) else text, encoded=True)
        if url.scheme in {"http", "https"} and url.raw_host:
            return url
    except ValueError as exc:
        raise UnsendableError(_BAD_ADDRESS) from exc
    raise UnsendableError(_BAD_ADDRESS)


def _tidy(text: str) -> str:
    parts = urlsplit(text)
    origin = URL.build(scheme=parts.scheme, host=parts.hostname or "", port=parts.port)
    path, query = (quote(each, safe=_KEPT_AS_IT_IS) for each in (parts.path, parts.query))
    return urlunsplit((parts.scheme, origin.raw_authority, path, query, ""))


@functools.lru_cache
def _is_header_name(name: str) -> bool:
    return _HEADER_NAME.fullmatch(name) is not None


@functools.cache
def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Certificates to trust: loading them takes tens of milliseconds, so once for all backends."""
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


_BAD_ADDRESS: Final = "the address is not a valid http or https URL"
_BAD_HEADER: Final = "the request holds a header that cannot be sent"


def _translated(exc: Exception) -> Exception:
    """What an exception of the library means, in words without addresses."""
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in _causes(exc)):
        return UnsendableError("its certificate is not trusted (see `ca_file`)")
    if isinstance(exc, InvalidURL | NonHttpUrlClientError):
        return UnsendableError(_BAD_ADDRESS)
    if isinstance(exc, ValueError):
        return UnsendableError(_BAD_HEADER)
    words = (text for kind, text in _BREAKS.items() if isinstance(exc, kind))
    return BrokenError(next(words, "the connection broke off"))


_NO_HTTP: Final = "the connection broke off, or it does not speak HTTP"
_BREAKS: Final = {
    ClientConnectorError: "no connection",
    ClientHttpProxyError: "the proxy refused the connection",
    ClientResponseError: _NO_HTTP,
    ClientPayloadError: _NO_HTTP,
    _SentOnceError: _NO_HTTP,
}
"""In this order: the first that fits holds."""


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
