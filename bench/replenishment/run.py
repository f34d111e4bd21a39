"""Measures a night: 200,000 revisions of forecasts are evaluated, and all is worked out twice.

Everything runs in this process, over a store in SQLite, first over systems that answer at once, so
that only evaluating is measured; then over the real loaders and a database with 780,000 forecasts.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench.replenishment.comparing import Found, differences
from bench.replenishment.world import HOUSE, TODAY, MemoryRecords, World
from canonical.events import FORECAST_REVISED, Event, ForecastRevised
from canonical.exceptions import Trouble
from canonical.reading import Records
from canonical.replenishment import Evaluated
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.replenishment.evaluations import Evaluations
from runtime.replenishment.risks import OpenRisks
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from workflows.replenishment.evaluating import Evaluator
from workflows.replenishment.touching import touched
from workflows.replenishment.working import Counts, Pace, Ports, Replenisher

_NOON: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
_LATER: Final = _NOON + timedelta(hours=1)
_EVENTS_AT_A_TIME: Final = 500
_ORDER_BY: Final = "To be ordered by"
_MEGABYTE: Final = 1_000_000
_SHOWN: Final = 3


class Extent(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    items: int
    locations: int
    revisions: int


FULL: Final = Extent(items=5_000, locations=12, revisions=200_000)
QUICK: Final = Extent(items=200, locations=12, revisions=8_000)


class Figures(Struct, frozen=True, kw_only=True):
    """What came of a night.

    Attributes:
        over: What it was read from.
        counts: Of the evaluations.
        seconds: From the first batch to the last.
        cpu_seconds: Of this process, meanwhile, without what it took to make records up.
        calls: Requests to systems; questions, where these answer at once.
        base_mb: Memory before.
        peak_mb: The most memory meanwhile.
        different: Of how many the other calculation says something else.
    """

    over: str
    counts: Counts
    seconds: float
    cpu_seconds: float
    calls: int
    base_mb: float
    peak_mb: float
    different: int


class Kept:
    """Takes what was found, and keeps it in a file, so that memory is that of evaluating."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w+b")
        self._lengths: list[int] = []
        self._troubles: list[Trouble] = []

    async def take(self, evaluated: Sequence[Evaluated], *, at: datetime) -> None:
        """As `canonical.replenishment.Proposals.take`."""
        del at
        packed = msgspec.msgpack.encode([_short(e) for e in evaluated])
        self._file.write(packed)
        self._lengths.append(len(packed))

    async def report(self, trouble: Trouble) -> str:
        """As `canonical.exceptions.Troubles.report`."""
        self._troubles.append(replace(trouble, message=""))
        return trouble.cause

    async def over(self, cause: str, *, why: str) -> None:
        """As `canonical.exceptions.Troubles.over`: nothing was there before."""
        raise AssertionError(cause, why)

    def found(self) -> Found:
        """All of it."""
        found = Found()
        self._file.seek(0)
        for length in self._lengths:
            found.take(msgspec.msgpack.decode(self._file.read(length), type=list[Evaluated]))
        found.warn(self._troubles)
        return found


def _short(evaluated: Evaluated) -> Evaluated:
    """Without what the other calculation does not say."""
    proposal = evaluated.proposal
    if proposal is None:
        return evaluated
    lines = tuple(line for line in proposal.lines if line.label == _ORDER_BY)
    return replace(evaluated, proposal=replace(proposal, lines=lines, inputs=b""))


def run(*, quick: bool, only: Sequence[str], results: Path) -> None:
    """Measure, print, and keep the figures."""
    extent = QUICK if quick else FULL
    world = World(extent.items, extent.locations)
    found: list[Figures] = []
    with tempfile.TemporaryDirectory() as folder:
        right: Kept | None = None
        for name in ("memory", "loaders"):
            if only and name not in only:
                continue
            place = Path(folder, name)
            place.mkdir()
            figures, kept = asyncio.run(_night(name, world, extent, place))
            figures = replace(figures, different=_different(world, kept, right))
            print(_told(figures), flush=True)
            found.append(figures)
            right = right or kept
    results.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(found))
    (results / "replenishment.json").write_bytes(text)
    if any(figures.different for figures in found):
        sys.exit("the two calculations differ")


async def _night(name: str, world: World, extent: Extent, folder: Path) -> tuple[Figures, "Kept"]:
    async with _reading(name, world, folder) as (records, calls):
        figures, kept = await _evaluated(name, records, world, extent, folder)
        cpu_seconds = figures.cpu_seconds - getattr(records, "cpu_s", 0)
        return replace(figures, calls=calls(), cpu_seconds=cpu_seconds), kept


def _different(world: World, kept: "Kept", right: "Kept | None") -> int:
    """Of how many something else was found than is right.

    What is right is worked out once, which takes longer than all the rest.
    """
    found = kept.found()
    if right is None:
        differing = list(differences(world, found, world.skus))
    else:
        expected = right.found().answers
        differing = [(p, e) for p, e in expected.items() if found.answers.get(p) != e]
    for pair, answer in differing[:_SHOWN]:
        print(f"{pair}: {answer}")
    return len(differing)


@asynccontextmanager
async def _reading(name: str, world: World, folder: Path) -> AsyncIterator[tuple[Records, Any]]:
    if name == "memory":
        records = MemoryRecords(world)
        yield records, lambda: records.calls
        return
    from bench.replenishment.loaded import opened  # noqa: PLC0415 takes a while

    async with opened(world, folder) as (loaded, calls):
        yield loaded, calls


async def _evaluated(
    name: str, records: Records, world: World, extent: Extent, folder: Path
) -> tuple[Figures, Kept]:
    store = Store(StoreSettings(url=f"sqlite:///{folder / 'store.db'}"))
    await migrate(store)
    ledger, kept = Ledger(store), Kept(folder / "found")
    queue = Evaluations(store, debounce=timedelta(minutes=1), longest=timedelta(minutes=10))
    await _put_in(queue, world, extent)
    worker = Replenisher(
        Evaluator(records, HOUSE, today=lambda: TODAY),
        Ports(
            records=records,
            proposals=kept,
            troubles=kept,
            risks=OpenRisks(store),
            evaluations=queue,
            ledger=ledger,
            leases=Leases(store, now=lambda: _LATER),
        ),
        Pace(zone=UTC),
        now=lambda: _LATER,
        new_id=lambda: "night",
    )
    base = _memory("VmRSS")
    _forget_peak()
    began, cpu = time.perf_counter(), time.process_time()
    counts = await worker.drain(_shown)
    figures = Figures(
        over=name,
        counts=counts,
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        calls=0,
        base_mb=base,
        peak_mb=_memory("VmHWM"),
        different=0,
    )
    await ledger.aclose()
    await store.aclose()
    return figures, kept


async def _put_in(queue: Evaluations, world: World, extent: Extent) -> None:
    """Revisions come as triggers give them, and leave their items and locations in the queue."""
    began, events = time.perf_counter(), _revisions(world, extent.revisions)
    for start in range(0, extent.revisions, _EVENTS_AT_A_TIME):
        batch = [next(events) for _ in range(_EVENTS_AT_A_TIME)]
        await queue.touch(touched(batch), at=_NOON + timedelta(microseconds=start))
    waiting = (await queue.waiting()).count
    per_s = extent.revisions / (time.perf_counter() - began)
    print(
        f"{extent.revisions:,} revisions are {waiting:,} items at locations ({per_s:,.0f}/s)",
        flush=True,
    )


def _revisions(world: World, count: int) -> Iterator[Event]:
    """Each item at each location is revised, most of them several times."""
    random = Random(7)  # made-up figures
    pairs = [(sku, location) for sku in world.skus for location in world.locations]
    random.shuffle(pairs)
    for n in range(count):
        item, location = pairs[n % len(pairs)]
        yield Event(
            type=FORECAST_REVISED.type,
            system="planning",
            source_event_id=f"e-{n}",
            key=f"{item}/{location}",
            subjects=(f"forecast:{item}/{location}",),
            occurred_at=_NOON,
            correlation_id=f"c-{n}",
            data=ForecastRevised(
                item=item,
                location=location,
                period_start=date(2026, 12, 7),
                period_end=date(2026, 12, 14),
                quantity=Decimal(n % 90),
            ),
        )


async def _shown(counts: Counts) -> None:
    if sys.stderr.isatty():
        print(f"\r{counts.evaluated:,}", end="\r", file=sys.stderr, flush=True)


def _memory(kind: str) -> float:
    """Memory of this process in megabytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1_024 / _MEGABYTE
    raise AssertionError(kind)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _told(f: Figures) -> str:
    c = f.counts
    return (
        f"over {f.over}: {c.items:,} items, {c.evaluated:,} at locations in {c.batches} batches: "
        f"{c.proposed:,} proposed, {c.risks:,} at risk, {c.problems:,} with problems, "
        f"{c.unread:,} unread\n"
        f"  {f.seconds:.1f} s: {c.items / f.seconds:,.0f} items/s, "
        f"{c.evaluated / f.seconds:,.0f} items at locations/s; {f.cpu_seconds:.1f} s of CPU: "
        f"{c.evaluated / f.cpu_seconds:,.0f} items at locations/s and core; {f.calls:,} calls; "
        f"memory {f.base_mb:.0f} MB before, {f.peak_mb:.0f} MB at most\n"
        f"  the other calculation says something else of {f.different:,}"
    )
