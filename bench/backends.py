"""The fake systems: ERP, procurement and planning over HTTP, in a process of their own.

    python -m bench.backends [--orders N] [--ports ADMIN ERP PROCUREMENT PLANNING]

They answer to the same addresses as those of the peers' kit, with the same rows. An answer is made
once for each address and then kept, so that they are never what is measured. Once they listen they
print their ports as JSON.

    ERP          /items?ids= or ?category=&limit=&offset=   /suppliers?ids=   /locations?ids=
                 /inventory?itemIds=
    procurement  /purchase-orders?ids= or ?limit=&offset=
                 /order-book?ids= or ?itemIds=&status=&supplierIds=&limit=&offset=   with days
    planning     /forecasts?itemIds=   /demand?itemIds=
    admin        /stats   /reset   /latency?ms=20
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import uvloop
from typing_extensions import override

from bench.data import N_ORDERS, Row, World, make_world

SYSTEMS: Final = ("admin", "erp", "procurement", "planning")
_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
_CACHEABLE: Final = b"cache-control: public, max-age=60\r\n\r\n"
_MISSING: Final = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_END: Final = b"\r\n\r\n"

Query = Mapping[str, Sequence[str]]
Reader = Callable[[Query], Sequence[Row]]


class Systems:
    """What is answered, and what was asked. One for all ports."""

    def __init__(self, world: World) -> None:
        self.latency_s = 0.0
        self.calls: Counter[str] = Counter()
        self._readers = _readers(world)
        self._kept: dict[tuple[str, bytes], tuple[str, bytes]] = {}

    def answer(self, system: str, target: bytes) -> bytes:
        """The bytes that answer a GET, counted by the path asked for."""
        if system == "admin":
            return self._administered(target)
        kept = self._kept.get((system, target))
        if kept is None:
            kept = self._kept[system, target] = self._made(system, target)
        self.calls[kept[0]] += 1
        return kept[1]

    def _made(self, system: str, target: bytes) -> tuple[str, bytes]:
        asked = urlsplit(target.decode("ascii"))
        name = f"{system}{asked.path}"
        reader = self._readers.get(name)
        if reader is None:
            return name, _MISSING
        query = parse_qs(asked.query)
        body = json.dumps(list(reader(query)), separators=(",", ":")).encode()
        return name, _OK % len(body) + _CACHEABLE + body

    def _administered(self, target: bytes) -> bytes:
        asked = urlsplit(target.decode("ascii"))
        if asked.path == "/latency":
            self.latency_s = float(parse_qs(asked.query)["ms"][0]) / 1000
        if asked.path == "/reset":
            self.calls.clear()
        told = {
            "total": self.calls.total(),
            "calls": self.calls,
            "cpu_ms": time.process_time() * 1000,
        }
        body = json.dumps(told).encode()
        return _OK % len(body) + b"\r\n" + body


class _Connection(asyncio.Protocol):
    """One keep-alive connection to one system; GET alone."""

    def __init__(self, systems: Systems, system: str) -> None:
        self._systems = systems
        self._system = system
        self._read = b""
        self._transport: Any = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete, now or after the system's latency."""
        self._read += data
        while _END in self._read:
            head, self._read = self._read.split(_END, 1)
            answer = self._systems.answer(self._system, head.split(b" ", 2)[1])
            delay_s = 0.0 if self._system == "admin" else self._systems.latency_s
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _readers(world: World) -> dict[str, Reader]:
    return {
        "erp/items": _either(world.items, "ids", {"category": "category"}),
        "erp/suppliers": _picked(world.suppliers, "ids"),
        "erp/locations": _picked(world.locations, "ids"),
        "erp/inventory": _picked(world.inventory, "itemIds"),
        "procurement/purchase-orders": _either(world.orders, "ids", {}),
        "procurement/order-book": _either(
            world.book, "ids", {"status": "status", "supplierIds": "supplierId"}
        ),
        "planning/forecasts": _picked(world.forecasts, "itemIds"),
        "planning/demand": _picked(world.demand, "itemIds"),
    }


def _picked(rows: Mapping[str, list[Row]], parameter: str) -> Reader:
    """Rows by the values of one parameter, separated by commas or repeated."""

    def read(query: Query) -> list[Row]:
        wanted = dict.fromkeys(_values(query, parameter))
        return [row for value in wanted for row in rows.get(value, ())]

    return read


def _either(rows: Mapping[str, list[Row]], ids: str, filters: Mapping[str, str]) -> Reader:
    """Rows by id, or a page of those that the filters leave."""
    by_id = _picked(rows, ids)
    everything = [row for found in rows.values() for row in found]

    def read(query: Query) -> Sequence[Row]:
        if ids in query:
            return by_id(query)
        left = everything
        for parameter, field in filters.items():
            if parameter in query:
                wanted = set(_values(query, parameter))
                left = [row for row in left if row[field] in wanted]
        if "itemIds" in query:
            items = set(_values(query, "itemIds"))
            left = [row for row in left if any(x["itemId"] in items for x in row["lines"])]
        start = int(query.get("offset", ["0"])[0])
        return left[start : start + int(query.get("limit", ["50"])[0])]

    return read


def _values(query: Query, parameter: str) -> Iterator[str]:
    for value in query.get(parameter, ()):
        yield from value.split(",")


@asynccontextmanager
async def listening(systems: Systems, ports: Sequence[int]) -> AsyncIterator[dict[str, int]]:
    """Listen on a port for each system (0 for any); they are told by system."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        bound = {}
        for name, port in zip(SYSTEMS, ports, strict=True):
            made = partial(_Connection, systems, name)
            server = await loop.create_server(made, "127.0.0.1", port)
            bound[name] = (await stack.enter_async_context(server)).sockets[0].getsockname()[1]
        yield bound


async def serve(systems: Systems, ports: Sequence[int]) -> None:
    """Listen, say where as JSON, and go on until cancelled."""
    async with listening(systems, ports) as bound:
        print(json.dumps(bound), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="bench.backends")
    parser.add_argument("--orders", type=int, default=N_ORDERS)
    parser.add_argument("--ports", type=int, nargs=4, default=[0, 0, 0, 0])
    given = parser.parse_args()
    world = make_world(given.orders, today=datetime.now(UTC).date())
    uvloop.run(serve(Systems(world), given.ports))


if __name__ == "__main__":
    main()
