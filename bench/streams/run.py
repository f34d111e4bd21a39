"""Runs the cases of fan-out against each server, and tells figures and ratios."""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from bench.contenders import Systems, pin_load, running_systems
from bench.processes import Cores
from bench.streams.contenders import (
    HERE,
    ORDERS,
    OURS,
    STRAWBERRY,
    SUPPLIERS,
    YOGA,
    Appender,
    Server,
    node_modules,
    running,
)
from bench.streams.crowd import Asked, Crowd

QUERY: Final = """subscription ($supplier: [String!]) {
  purchaseOrderChanged(filter: {supplier: $supplier}) {
    cursor status previousStatus purchaseOrder { number }
  }
}"""
PLAIN: Final = """subscription {
  purchaseOrderChanged { cursor status previousStatus purchaseOrder { number } }
}"""
_FILES: Final = 20_000
_NS: Final = 1_000_000_000
_IN_FLIGHT: Final = 24
_BATCH: Final = 4
_SETTLE_S: Final = 1.5
_PATIENCE_S: Final = 120.0
_READING: Final = 2_000
_STALLED: Final = 10
_TURNS: Final = 5
_TURN_EVENTS: Final = 150


class Case(Struct, frozen=True, kw_only=True):
    """One crowd.

    Attributes:
        name: What figures call it.
        sockets: How many.
        stalled: How many of them never read.
        filters: Whether each asks for another supplier.
        events: How many are sent flat out.
        paced: How many are sent at ten a second.
    """

    name: str
    sockets: int
    stalled: int = 0
    filters: bool = False
    events: int
    paced: int = 30


class Figures(Struct, frozen=True, kw_only=True):
    """What one server did with one crowd; latencies are from commit to receipt."""

    server: str
    case: str
    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    socket_kb: float
    opened_s: float
    reader_busy: float


def cases(*, quick: bool) -> list[Case]:
    """The crowds that are measured."""
    alike = [
        Case(name="2,000 alike", sockets=2_000, events=150),
        Case(name="2,000 alike, 10 stalled", sockets=2_000, stalled=10, events=150),
    ]
    if quick:
        return alike
    return [
        *alike,
        Case(name="5,000 alike", sockets=5_000, events=100),
        Case(name="5,000 filters", sockets=5_000, filters=True, events=6_000, paced=100),
    ]


class _Bench(Struct, frozen=True, kw_only=True):
    """Where and beside whom it is measured."""

    systems: Systems
    cores: Cores
    folder: Path
    node: Path | None

    @contextmanager
    def fresh(self, name: str, case: Case) -> Iterator[Server]:
        """A server that was just started."""
        place = self.folder / f"{name} {case.name}".replace(" ", "-").replace(",", "")
        place.mkdir()
        with running(name, self.systems, self.cores, place, self.node) as server:
            yield server


def run(*, quick: bool, only: Sequence[str], results: Path) -> None:
    """Measure, print, and keep the figures."""
    _let_open(_FILES)
    results.mkdir(exist_ok=True)
    node = node_modules(results)
    names = [OURS, STRAWBERRY, *([YOGA] if node is not None else [])]
    if node is None:
        print("no Node here: graphql-yoga and the graphql-ws client are left out", flush=True)
    names = [n for n in names if not only or n in only]
    cores = Cores.of_this_machine()
    pin_load(cores)
    with tempfile.TemporaryDirectory() as folder, running_systems(cores, ORDERS) as systems:
        bench = _Bench(systems=systems, cores=cores, folder=Path(folder), node=node)
        found = list(_measured(bench, cases(quick=quick), names))
        if OURS in names:
            share = _beside_stalled(bench)
            what = f"{_STALLED} stalled beside {_READING:,}, by turns"
            print(_aim(what, share, 0.95, "x", least=True), flush=True)
        if OURS in names and node is not None:
            print(_cross_checked(bench, node), flush=True)
    for line in aims(found):
        print(line)
    (results / "streams.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))


def _measured(bench: _Bench, some: Sequence[Case], names: Sequence[str]) -> Iterator[Figures]:
    """Each case with each server; others than ours may break down under it."""
    for case in some:
        for name in names:
            try:
                with bench.fresh(name, case) as server:
                    figures = measure(server, name, case, bench.cores)
            except (RuntimeError, TimeoutError) as exc:
                if name == OURS:
                    raise
                print(f"{case.name:<26}{name:<18} broke down: {exc}", flush=True)
                continue
            print(_line(figures), flush=True)
            yield figures


def measure(server: Server, name: str, case: Case, cores: Cores) -> Figures:
    """One crowd of one server: opened, left alone, ten events a second, then flat out."""
    crowd, appender = Crowd(server.port), Appender(server, cores)
    crowd.beside(appender.file, appender.hear)
    try:
        _few(crowd, server)
        before, began = server.rss(), time.monotonic()
        crowd.open(_asked(server, case), case.stalled)
        opened_s = time.monotonic() - began
        _idle(crowd, _SETTLE_S)
        socket_kb = (server.rss() - before) / case.sockets / 1024
        _paced(crowd, appender, case)
        latencies = _latencies(crowd, appender, case)
        per_s, cpu_us, busy = _flat_out(crowd, appender, case, server)
    finally:
        crowd.close()
        appender.stop()
    return Figures(
        server=name,
        case=case.name,
        per_s=per_s,
        cpu_us=cpu_us,
        p50_ms=_share(latencies, 0.5),
        p99_ms=_share(latencies, 0.99),
        max_ms=latencies[-1],
        socket_kb=socket_kb,
        opened_s=opened_s,
        reader_busy=busy,
    )


def _few(crowd: Crowd, server: Server) -> None:
    """What is made once is there before memory is looked at; they are not asked for anything."""
    spare = Crowd(server.port)
    spare.open([Asked(server.init, {"query": PLAIN})] * 20)
    _idle(spare, 0.3)
    spare.close()
    _idle(crowd, 0.5)


def _asked(server: Server, case: Case) -> list[Asked]:
    if not case.filters:
        return [Asked(server.init, {"query": PLAIN})] * case.sockets
    return [
        Asked(server.init, {"query": QUERY, "variables": {"supplier": [f"C-{n}"]}})
        for n in range(case.sockets)
    ]


def _idle(crowd: Crowd, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        crowd.step(min(left, 0.1))


def _expected(case: Case, crowd: Crowd, events: int) -> int:
    return events if case.filters else events * len(crowd.clients)


def _paced(crowd: Crowd, appender: Appender, case: Case) -> None:
    began = time.monotonic()
    for n in range(case.paced):
        _idle(crowd, began + n / 10 - time.monotonic())
        appender.append(1)
    wanted = _expected(case, crowd, case.paced)
    crowd.until(lambda: crowd.total >= wanted, _PATIENCE_S)


def _latencies(crowd: Crowd, appender: Appender, case: Case) -> list[float]:
    """Of the events that were paced, in milliseconds, ascending."""
    crowd.until(lambda: len(appender.moments) >= case.paced, _PATIENCE_S)
    moments = appender.moments
    if case.filters:
        pairs = ((moments[n], crowd.clients[n % SUPPLIERS].received[0]) for n in range(case.paced))
        return sorted((came - made) / 1e6 for made, came in pairs)
    return sorted(
        (came - moments[n]) / 1e6 for c in crowd.clients for n, came in enumerate(c.received)
    )


def _flat_out(
    crowd: Crowd, appender: Appender, case: Case, server: Server
) -> tuple[float, float, float]:
    """Deliveries a second, the server's time for each, and how busy the reader was."""
    first, spent, cpu = crowd.total, time.process_time(), server.process.cpu_s()
    began = time.monotonic()
    share = 1 if case.filters else len(crowd.clients)
    batch, in_flight = (_BATCH, _IN_FLIGHT) if not case.filters else (200, 2_000)
    events, ends = 0, began + _PATIENCE_S / 4
    while (delivered := crowd.total - first) < events * share or events < case.events:
        if time.monotonic() > ends and events * share == delivered:
            break
        late = time.monotonic() > ends
        if not late and events < case.events and events - delivered / share <= in_flight - batch:
            appender.append(batch)
            events += batch
        elif late and events < case.events:
            case = msgspec.structs.replace(case, events=events)
        crowd.step(0.02)
        if time.monotonic() > ends + _PATIENCE_S:
            message = f"{delivered} of {events * share} results had come, and no more"
            raise TimeoutError(message)
    took = time.monotonic() - began
    delivered = crowd.total - first
    cpu_us = (server.process.cpu_s() - cpu) * 1e6 / delivered
    return delivered / took, cpu_us, (time.process_time() - spent) / took


def _beside_stalled(bench: _Bench) -> float:
    """What is left of deliveries a second while some never read: by turns, in one process."""
    case = Case(name="by turns", sockets=_READING, events=_TURN_EVENTS)
    with bench.fresh(OURS, case) as server:
        crowd, appender = Crowd(server.port), Appender(server, bench.cores)
        crowd.beside(appender.file, appender.hear)
        crowd.open(_asked(server, case))
        _flat_out(crowd, appender, case, server)
        shares = []
        for _ in range(_TURNS):
            calm, _, _ = _flat_out(crowd, appender, case, server)
            stalled = Crowd(server.port)
            stalled.open(_asked(server, case)[:_STALLED], _STALLED)
            beside, _, _ = _flat_out(crowd, appender, case, server)
            stalled.close()
            shares.append(beside / calm)
        crowd.close()
        appender.stop()
    return median(shares)


def _cross_checked(bench: _Bench, node: Path) -> str:
    """A real client hears the same events as a raw socket."""
    with bench.fresh(OURS, Case(name="cross-check", sockets=1, events=200)) as server:
        crowd, appender = Crowd(server.port), Appender(server, bench.cores)
        crowd.beside(appender.file, appender.hear)
        crowd.open([Asked(server.init, {"query": PLAIN})])
        url = f"ws://127.0.0.1:{server.port}/graphql"
        command = ["node", str(HERE / "client.mjs"), url, server.token, "200", PLAIN]
        environ = {**os.environ, "BENCH_NODE": str(node)}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            client.stdout.readline()
            appender.append(200)
            crowd.until(lambda: crowd.total >= 200, 30)
            heard = [line.strip() for line in client.stdout]
        crowd.close()
        appender.stop()
    right = len(set(heard)) == len(heard) == 200
    return f"graphql-ws client in Node: {len(heard)} of 200 events, {'each once' if right else '!'}"


def aims(found: Sequence[Figures]) -> Iterator[str]:
    """What was aimed at, and what came of it."""
    by = {(f.server, f.case): f for f in found}
    stalled = "2,000 alike, 10 stalled"
    ours = by.get((OURS, stalled))
    if ours is None:
        return
    yield ""
    for other, times in ((STRAWBERRY, 5), (YOGA, 2)):
        for case in dict.fromkeys(f.case for f in found):
            here, there = by.get((OURS, case)), by.get((other, case))
            if here and there:
                yield _aim(
                    f"{case}: times {other}", here.per_s / there.per_s, times, "x", least=True
                )
    yield _aim(f"{stalled}: p99", ours.p99_ms, 300, "ms")
    for case in ("5,000 alike", "5,000 filters"):
        if here := by.get((OURS, case)):
            yield _aim(f"{case}: p99", here.p99_ms, 1_000, "ms")
            yield _aim(f"{case}: memory of an idle socket", here.socket_kb, 60, "KB")


def _aim(what: str, figure: float, aim: float, unit: str, *, least: bool = False) -> str:
    met = figure >= aim if least else figure <= aim
    sign = ">=" if least else "<="
    return (
        f"  {what:<52}{figure:>9,.1f} {unit:<3} aim {sign} {aim:g}  {'met' if met else 'NOT MET'}"
    )


def _line(f: Figures) -> str:
    return (
        f"{f.case:<26}{f.server:<18}{f.per_s:>10,.0f}/s {f.cpu_us:>7.1f} us  "
        f"p50 {f.p50_ms:>7.1f}  p99 {f.p99_ms:>7.1f}  max {f.max_ms:>7.1f} ms  "
        f"{f.socket_kb:>6.1f} KB/socket  opened {f.opened_s:>4.1f} s  reader {f.reader_busy:.0%}"
    )


def _share(ascending: Sequence[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def _let_open(files: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, most), most))
