"""The seam to the HTTP library: one whole exchange on kept connections. Only here is httpx known.

No redirects, no cookies, no settings from the environment, no time limit of its own (the transport
cancels).
"""

import functools
import ssl
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Protocol

import httpx
from msgspec import Struct

from connectors.kit.transport_body import Body, TooLargeError, UndecodableError

_ERROR_BYTES: Final = 65_536
_FIRST_ERROR: Final = 300


class Outgoing(Struct, frozen=True):
    """What goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int


class Incoming(Struct, frozen=True):
    """What came back: header names in lower case, the body decompressed.

    The body of an error may be cut short.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class BrokenError(Exception):
    """The exchange failed below HTTP; the message says how in a few words, without addresses."""


class UnsendableError(Exception):
    """The request cannot be sent as it is configured; the message says why, without addresses."""


WIRE_ERRORS: Final = (BrokenError, UnsendableError, TooLargeError, UndecodableError)
"""All that an exchange may raise."""


class Wire(Protocol):
    """An HTTP library."""

    async def exchange(self, out: Outgoing) -> Incoming:
        """Send a request and read the whole answer.

        Raises:
            BrokenError, UnsendableError: see there.
            TooLargeError, UndecodableError: as `transport_body.Body`.
        """

    async def aclose(self) -> None:
        """Close all connections."""


class HTTPXWire:
    """httpx.

    Args:
        max_connections: Most connections at a time.
        ca_file: Certificates to trust instead of the usual ones.
        proxy: URL of an HTTP proxy.
    """

    def __init__(
        self, *, max_connections: int, ca_file: str | None = None, proxy: str | None = None
    ) -> None:
        self._client = httpx.AsyncClient(
            verify=_trust(ca_file),
            proxy=proxy,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # noqa: S113 the transport cancels at its deadline
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=30.0,
            ),
        )

    async def exchange(self, out: Outgoing) -> Incoming:
        """Send a request and read the whole answer."""
        try:
            async with self._client.stream(
                out.method, out.url, headers=dict(out.headers), content=out.body
            ) as response:
                content = await _read(response, out.max_bytes)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as exc:
            raise UnsendableError(_why_unsendable(exc)) from exc
        except (httpx.HTTPError, httpx.StreamError) as exc:
            raise _broken(exc) from exc
        return Incoming(response.status_code, dict(response.headers), content)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    is_error = response.status_code >= _FIRST_ERROR
    body = Body(
        response.headers.get("content-encoding", ""), _ERROR_BYTES if is_error else max_bytes
    )
    try:
        async for piece in response.aiter_raw():
            body.feed(piece)
        return body.finish()
    except TooLargeError:
        if is_error:
            return body.kept()
        raise


@functools.cache
def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Certificates to trust: loading them takes tens of milliseconds, so once for all backends."""
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=ca_file)


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _broken(exc: Exception) -> Exception:
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in _causes(exc)):
        return UnsendableError("its certificate is not trusted (see `ca_file`)")
    if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
        return BrokenError("no connection")
    if isinstance(exc, httpx.ProxyError):
        return BrokenError("the proxy refused the connection")
    if isinstance(exc, httpx.RemoteProtocolError):
        return BrokenError("the connection broke off, or it does not speak HTTP")
    return BrokenError("the connection broke off")


def _why_unsendable(exc: Exception) -> str:
    if isinstance(exc, httpx.LocalProtocolError):
        return "the request holds a header that cannot be sent"
    return "the address is not a valid http or https URL"
