"""The tasks of watchers, on a clock that the test moves."""

import asyncio
from random import Random

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.forecasts import Forecast
from canonical.records import Provenance
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from tests.fakes.sources import FakeSource
from tests.fixtures.waiting import until
from tests.ingestion.conftest import NOW
from workflows.ingestion.intake import Intake
from workflows.ingestion.watchers import Pace, Watchers
from workflows.ingestion.watches import By, Watch

FORECAST = EntityName.FORECAST
NEVER = 1e6


class Clock:
    """Time that passes while somebody waits for their next round, and only then."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    async def pause(self, seconds: float) -> None:
        if seconds > NEVER / 4:  # renewing, or standing by
            await asyncio.Event().wait()
        self.waits.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


def started(
    ledger: Ledger, clock: Clock, *sources: FakeSource, holder: str = "one"
) -> asyncio.Task[None]:
    watches = [
        Watch(
            source=source,
            columns=source.columns,
            by=By.MODIFIED,
            column="revised_at",
            overlap_s=1.0,
            every_s=3.0,
        )
        for source in sources
    ]
    pace = Pace(
        clock=lambda: clock.seconds, pause=clock.pause, random=Random(3), lease_s=3.1 * NEVER
    )
    leases = Leases(ledger.store, now=lambda: NOW)
    watchers = Watchers(watches, Intake(ledger), ledger, leases, holder=holder, pace=pace)
    return asyncio.create_task(watchers.run())


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def source(system: str = "planning") -> FakeSource:
    where = Provenance(system, "K1", NOW)
    return FakeSource(system, FORECAST, [Forecast(provenance=where, revised_at=NOW)])


async def test_a_system_is_asked_when_a_round_is_due_and_with_a_deadline(ledger: Ledger) -> None:
    clock, planning = Clock(), source()
    task = started(ledger, clock, planning)
    await until(lambda: len(planning.asked) > 4)
    await stop(task)
    assert set(clock.waits) == {3.0}


async def test_a_system_that_is_down_is_left_alone_for_longer_and_for_as_long_as_it_asks(
    ledger: Ledger,
) -> None:
    clock, planning = Clock(), source()
    planning.error = UnavailableError("planning", Reason.SERVER_ERROR, "down")
    task = started(ledger, clock, planning)
    await until(lambda: len(clock.waits) > 8)
    grown = clock.waits[:9]
    planning.error = UnavailableError("planning", Reason.THROTTLED, "x", retry_after_s=900.0)
    await until(lambda: 900.0 in clock.waits)
    planning.error = None
    await until(lambda: clock.waits[-1] == 3.0)
    await stop(task)
    assert grown[:2] == [3.0, 3.0]
    assert 30.0 <= grown[-1] <= 60.0


async def test_one_system_in_trouble_leaves_the_others_alone(ledger: Ledger) -> None:
    clock, planning, erp = Clock(), source(), source("erp")
    planning.error = UnavailableError("planning", Reason.CONNECTION, "down", retry_after_s=NEVER)
    task = started(ledger, clock, planning, erp)
    await until(lambda: len(erp.asked) > 4)
    await stop(task)
    assert len(planning.asked) == 1


async def test_a_process_that_stands_by_asks_nothing(ledger: Ledger) -> None:
    clock, first, second = Clock(), source(), source()
    tasks = [started(ledger, clock, first)]
    await until(lambda: len(first.asked) > 1)
    tasks.append(started(ledger, clock, second, holder="two"))
    await until(lambda: len(first.asked) > 8)
    await stop(*tasks)
    assert second.asked == []
