"""A simulator as a process of its own: arguments, one ready line, and an end with its parent."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

import msgspec
import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.changes import make_changes
from sandbox.kit.clock import Clock
from sandbox.kit.faults import TRANSPORT_KEY
from sandbox.kit.product import Limits, Product
from sandbox.kit.simulator import Simulator
from sandbox.world import DEFAULT_SEED, DEFAULT_TODAY, World

_PARENT_CHECK_S = 0.5


class _Protocol(HttpToolsProtocol):
    """Hands the connection on, so that a fault can break it."""

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT_KEY] = self.transport  # type: ignore[literal-required]  # our own key


class _Server(uvicorn.Server):
    """Says when it is ready, and where."""

    def __init__(self, config: uvicorn.Config, name: str) -> None:
        super().__init__(config)
        self._name = name

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            line = msgspec.json.encode({"ready": True, "url": url, "name": self._name})
            print(line.decode(), flush=True)


def parser(name: str, limits: Limits, user: str, password: str) -> argparse.ArgumentParser:
    """Arguments that every simulator takes; credentials also come from the environment."""
    arguments = argparse.ArgumentParser(prog=f"python -m sandbox.{name}")
    add = arguments.add_argument
    add("--port", type=int, default=0, help="0 lets the system choose a free one")
    add("--seed", type=int, default=DEFAULT_SEED)
    add("--size", type=float, default=1.0, help="1.0 is 2,000 items and 20,000 order lines")
    add("--today", type=date.fromisoformat, default=DEFAULT_TODAY)
    add("--speed", type=float, default=0.0, help="changes a minute; 0: the clock stands still")
    add("--begins-at", type=datetime.fromisoformat, help="when the first change happens, with zone")
    add("--user", default=os.environ.get("SANDBOX_USER", user))
    add("--password", default=os.environ.get("SANDBOX_PASSWORD", password))
    for field, value in msgspec.structs.asdict(limits).items():
        add(f"--{field.replace('_', '-')}", type=type(value), default=value)
    return arguments


def limits_of(options: argparse.Namespace) -> Limits:
    """The limits among the arguments."""
    return Limits(**{field: getattr(options, field) for field in Limits.__struct_fields__})


def run(options: argparse.Namespace, make: Callable[[World], Product]) -> None:
    """Build the world and the product, and serve them on the loopback interface until told to end.

    Prints one JSON line, `{"ready": true, "url": ..., "name": ...}`, when requests are answered.
    Ends on SIGTERM and SIGINT, and when the process that started it is gone.
    """
    parent = os.getppid()
    world = World(options.seed, options.size, options.today)
    product = make(world)
    changes = make_changes(world, options.begins_at, options.speed or 60.0)
    clock = Clock(product, changes, options.speed)
    gc.collect()
    gc.freeze()  # the world stays; scanning it again and again would only cost time
    listener = socket.create_server(("127.0.0.1", options.port), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    config = uvicorn.Config(
        Simulator(product, clock),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_Server(config, product.name), listener, parent, (clock, product)))


async def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    parent: int,
    lively: tuple[Clock | Product, ...],
) -> None:
    serving = asyncio.create_task(server.serve([listener]))
    living = [asyncio.create_task(part.run()) for part in lively]
    while not serving.done():
        if os.getppid() != parent or any(task.done() for task in living):
            server.should_exit = True
        await asyncio.wait([serving, *living], timeout=_PARENT_CHECK_S)
    for task in living:
        task.cancel()
    await serving
    for outcome in await asyncio.gather(*living, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
