"""Real simulators change; what watchers find is in the log, each change once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from app.installation import Installation, open_installation
from app.manifest.watching import WatchConfig
from app.watching import watches_of, watching
from canonical.entities import EntityName
from canonical.errors import UnavailableError
from canonical.events import FORECAST_REVISED, Event
from canonical.ports import Ask, ListQuery, Page, Source
from runtime.events.leases import Lease
from runtime.events.ledger import Ledger
from sandbox.launch import Name, Sandbox
from tests.fakes.asks import NoMeter
from tests.fixtures.waiting import until
from tests.journeys.house import Simulators, declare
from workflows.ingestion.intake import Intake, Taken
from workflows.ingestion.polling import Poller
from workflows.ingestion.watchers import Pace, Watchers
from workflows.ingestion.watches import Watch

ORDER, RECEIPT = EntityName.PURCHASE_ORDER, EntityName.RECEIPT
STOCK, FORECAST = EntityName.INVENTORY, EntityName.FORECAST
DECLARED = {
    "erp": {ORDER: WatchConfig(), RECEIPT: WatchConfig(), STOCK: WatchConfig()},
    "planning": {FORECAST: WatchConfig()},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=0.02) as sandbox:
        yield sandbox


@pytest.fixture
async def installation(
    sandbox: Sandbox, tmp_path: Path, valkey_url: str
) -> AsyncIterator[Installation]:
    async with open_installation(declare(sandbox, tmp_path, valkey_url)) as opened:
        yield opened


class Rounds:
    """Watches of an installation whose rounds are done when the test says so."""

    def __init__(self, installation: Installation) -> None:
        self.watches = watches_of(DECLARED, installation.catalog)
        self._log = installation.log
        self._leases: dict[str, Lease] = {}
        self._read: dict[EntityName, int] = {}
        self.pollers = {(w.system, w.entity): self._poller(w) for w in self.watches}

    async def all(self) -> None:
        for poller in self.pollers.values():
            await self.one(poller)

    async def one(self, poller: Poller) -> None:
        name = poller.watch.lease
        if name not in self._leases:
            lease = await self._log.leases.acquire(name, "test", 600)
            assert lease is not None
            self._leases[name] = lease
        await poller.round(self._leases[name])

    async def give_back(self) -> None:
        for lease in self._leases.values():
            await self._log.leases.release(lease)

    async def new_events(self) -> list[Event]:
        """Those that were not looked at before."""
        found: list[Event] = []
        for name in (ORDER, RECEIPT, STOCK, FORECAST):
            events = await self._log.ledger.read(name, self._read.get(name, 0), 10_000)
            self._read[name] = self._read.get(name, 0) + len(events)
            found += events
        return found

    def poller(self, system: str, entity: EntityName, intake: Intake | None = None) -> Poller:
        """A new one, as another process would have."""
        [watch] = [w for w in self.watches if (w.system, w.entity) == (system, entity)]
        return self._poller(watch, intake)

    def _poller(self, watch: Watch, intake: Intake | None = None) -> Poller:
        clock = asyncio.get_running_loop().time
        log = self._log
        return Poller(
            watch,
            intake or Intake(log.ledger),
            log.ledger,
            log.leases,
            asking=lambda: Ask(clock() + 30, "test", NoMeter(), interactive=False),
            clock=clock,
        )


def expected(seen: Mapping[Name, list[dict[str, Any]]]) -> Counter[str]:
    """Events by name that some changes lead to, but for those of status."""
    kinds = Counter(c["kind"] for c in seen["s4"])
    received = sum(any(map(_is_receipt, c["touched"])) for c in seen["s4"])
    stock = {
        (c["number"], t["key"]["Material"], t["key"]["Plant"])
        for c in seen["s4"]
        for t in c["touched"]
        if t["entity"] == "A_MatlStkInAcctMod"
    }
    return +Counter(
        {
            "acknowledged": kinds["acknowledged"] + kinds["delayed"],
            "line_rescheduled": kinds["rescheduled"],
            "posted": received,
            "revised": received + sum(c["kind"] == "forecast_revised" for c in seen["frepple"]),
            "changed": len(stock),
        }
    )


def _is_receipt(touched: dict[str, Any]) -> bool:
    is_item = touched["entity"] == "A_MaterialDocumentItem"
    return is_item and bool(touched["values"]["PurchaseOrder"])


def names(events: list[Event]) -> Counter[str]:
    return Counter(e.kind.name for e in events if e.kind.name != "status_changed")


async def test_each_change_of_a_system_is_told_once(
    sandbox: Sandbox, installation: Installation
) -> None:
    rounds = Rounds(installation)
    await rounds.all()
    assert await rounds.new_events() == []
    statuses: Counter[str] = Counter()
    for _ in range(8):
        seen = sandbox.tick(2)
        await rounds.all()
        new = await rounds.new_events()
        assert names(new) == expected(seen)
        assert all(e.applied for e in new)
        statuses.update(e.data.status.value for e in new if e.kind.name == "status_changed")
    assert set(statuses) >= {"APPROVED", "ACKNOWLEDGED", "RECEIVED"}
    await rounds.all()
    assert await rounds.new_events() == []


async def test_what_changed_while_a_system_was_down_is_caught_up_with(
    sandbox: Sandbox, installation: Installation
) -> None:
    rounds, simulators = Rounds(installation), Simulators(sandbox)
    watch = rounds.poller("planning", FORECAST)
    await rounds.one(watch)
    simulators.faults("planning", {"status": 503, "retry_after": "0.01"})
    seen: list[dict[str, Any]] = []
    while len(seen) < 3:
        seen += [c for c in sandbox.tick(10)["frepple"] if c["kind"] == "forecast_revised"]
    with pytest.raises(UnavailableError, match="planning"):
        await rounds.one(watch)
    assert await rounds.new_events() == []
    simulators.faults("planning")
    await rounds.one(watch)
    assert names(await rounds.new_events()) == Counter(revised=len(seen))


class Killed(Intake):
    """Stops for ever just before, or just after, something is committed."""

    def __init__(self, ledger: Ledger, *, after: bool) -> None:
        super().__init__(ledger)
        self.reached = asyncio.Event()
        self._after = after

    @override
    async def take(self, *args: Any, **kwargs: Any) -> list[Taken]:
        if self._after:
            await super().take(*args, **kwargs)
        self.reached.set()
        await asyncio.Event().wait()
        return []


@pytest.mark.parametrize("after", [False, True])
async def test_a_watcher_that_is_killed_loses_and_doubles_nothing(
    sandbox: Sandbox, installation: Installation, *, after: bool
) -> None:
    rounds = Rounds(installation)
    await rounds.one(rounds.poller("planning", FORECAST))
    revised = 0
    while not revised:
        seen = sandbox.tick(5)["frepple"]
        revised += sum(c["kind"] == "forecast_revised" for c in seen)
    killed = Killed(installation.log.ledger, after=after)
    doing = asyncio.create_task(rounds.one(rounds.poller("planning", FORECAST, killed)))
    await asyncio.wait_for(killed.reached.wait(), 5)
    doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing
    assert len(await rounds.new_events()) == (revised if after else 0)
    await rounds.one(rounds.poller("planning", FORECAST))
    assert len(await rounds.new_events()) == (0 if after else revised)


async def test_what_changes_is_told_by_itself_while_the_block_lasts(
    sandbox: Sandbox, installation: Installation
) -> None:
    log = installation.log
    declared = {"planning": {FORECAST: WatchConfig(every_s=0.02)}}
    rounds = Rounds(installation)
    await rounds.one(rounds.poller("planning", FORECAST))
    await rounds.give_back()
    async with watching(declared, installation.catalog, log, Intake(log.ledger)):
        seen: set[str] = set()
        while "forecast_revised" not in seen:  # the next changes may all be others
            ticked = await asyncio.to_thread(sandbox.tick, 5)
            seen |= {c["kind"] for c in ticked["frepple"]}
        async with asyncio.timeout(30):
            while not (events := await rounds.new_events()):  # noqa: ASYNC110 - other tasks write
                await asyncio.sleep(0.01)
    assert {e.kind for e in events} == {FORECAST_REVISED}
    assert await log.leases.acquire(f"watch:planning:{FORECAST}", "next", 1) is not None


async def test_of_two_watchers_one_asks(sandbox: Sandbox, installation: Installation) -> None:
    log, simulators = installation.log, Simulators(sandbox)
    declared = {"planning": {FORECAST: WatchConfig(every_s=0.01)}}
    pace = Pace(clock=asyncio.get_running_loop().time, random=Random(1), lease_s=0.6)

    def start(holder: str) -> asyncio.Task[None]:
        [watch] = watches_of(declared, installation.catalog)
        watch = replace(watch, source=Named(watch.source, holder, asked))
        watchers = Watchers(
            [watch], Intake(log.ledger), log.ledger, log.leases, holder=holder, pace=pace
        )
        return asyncio.create_task(watchers.run())

    asked: Counter[str] = Counter()
    simulators.reset()
    first = start("first")
    await until(lambda: asked["first"] > 0)
    second = start("second")
    await until(lambda: asked["first"] > 20)
    assert asked["second"] == 0
    first.cancel()
    await until(lambda: asked["second"] > 3)
    before = asked["first"]
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert asked["first"] == before


class Named:
    """A source that notes who asks it for pages."""

    def __init__(self, source: Source, name: str, asked: Counter[str]) -> None:
        self._source = source
        self._name = name
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        self._asked[self._name] += 1
        return await self._source.page(query, ask)
