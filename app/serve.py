"""Serving a manifest: the socket, the embedded Valkey if none is named, one or several workers.

this process: manifest checked -> socket bound -> Valkey -> uvicorn -> workers (app.asgi)
"""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import uvicorn
from msgspec import Struct
from uvicorn.supervisors import Multiprocess

from app import asgi
from app.installation import open_installation
from app.manifest.loading import DEVELOPMENT, REDIS_URL, Declaration, load_manifest
from app.server.connection import HTTPConnection
from app.server.sockets.protocol import SocketProtocol
from canonical.errors import InvalidInputError
from runtime.embedded.valkey import EmbeddedValkey

_BACKLOG: Final = 2_048
_GRACE_S: Final = 20
_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"


class Service(Struct, frozen=True, kw_only=True):
    """What is served, and how.

    Attributes:
        manifest: The manifest's file.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        workers: Number of processes.
        graphiql: Whether GraphiQL is served too.
        log_format: `json` or `console`.
        development: Whether tokens for development are taken.
    """

    manifest: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    graphiql: bool = True
    log_format: str = "json"
    development: bool = False


def serve(service: Service, ready: Callable[[str], None]) -> None:
    """Serve until told to stop; what has begun is finished first.

    Args:
        service: What and how.
        ready: Told the address once it is bound.

    Raises:
        ManifestError: if the manifest cannot be used.
        InvalidInputError: if the address cannot be listened on, a backend cannot be opened, or the
            manifest is for development and the service is not.
        EmbeddedServerError: if no Redis is named and none can be started.
    """
    if service.development:
        os.environ[DEVELOPMENT] = "1"  # for the workers too
    declared = load_manifest(service.manifest, os.environ)
    declared.check_servable()
    with (
        suppress(KeyboardInterrupt),
        ended_by_signals(),
        listen(service.host, service.port) as bound,
        ExitStack() as stack,
    ):
        settings = {
            asgi.MANIFEST: str(service.manifest.resolve()),
            asgi.GRAPHIQL: "1" if service.graphiql else "0",
            asgi.LOG_FORMAT: service.log_format,
        }
        if declared.redis_url is None:
            valkey = EmbeddedValkey()
            stack.callback(valkey.stop)
            settings[REDIS_URL] = valkey.start().url
        if service.workers > 1 and _METRICS not in os.environ:
            settings[_METRICS] = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ.update(settings)
        asyncio.run(_try_out(declared))
        ready(address_of(bound))
        config = config_of("app.asgi:application", factory=True, workers=service.workers)
        if service.workers > 1:
            Multiprocess(config, sockets=[bound]).run()
        else:
            uvicorn.Server(config).run(sockets=[bound])


async def _try_out(declared: Declaration) -> None:
    """Open and close everything once, so that what is wrong is said before workers start."""
    async with open_installation(declared):
        pass


def config_of(application: Any, **more: Any) -> uvicorn.Config:
    """How uvicorn runs here: fast parts, our logs, time to finish what has begun."""
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=HTTPConnection,
        ws=SocketProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the client's address
        timeout_graceful_shutdown=_GRACE_S,
        **more,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        InvalidInputError: if the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        raise InvalidInputError(
            f"{host}:{port} cannot be listened on ({why}): choose another with --port or --host"
        ) from exc
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    return bound


def address_of(bound: socket.socket) -> str:
    """The address for a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a request to end, or a terminal that closes, unwind everything as Ctrl-C does."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, end) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
