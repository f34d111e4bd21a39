"""An operation that is over leaves nothing running; a batch has one fault for all its parents."""

import asyncio

from execution.links import _own
from execution.operation import BatchError
from execution.scheduling import LevelScheduler


async def test_what_runs_is_cancelled() -> None:
    scheduler = LevelScheduler()
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    scheduler.start(work())
    await asyncio.sleep(0)
    scheduler.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ended == ["cancelled"]


async def test_what_waits_is_never_started() -> None:
    scheduler = LevelScheduler(quiet_turns=2)
    started: list[str] = []
    scheduler.submit(lambda: started.append("a batch"))
    scheduler.end()
    for _ in range(5):
        await asyncio.sleep(0)
    assert started == []


def test_an_unforeseen_fault_is_handed_out_anew() -> None:
    fault = ZeroDivisionError("inside")
    first, second = _own(fault), _own(fault)
    assert isinstance(first, BatchError)
    assert first is not second
    assert first.__cause__ is second.__cause__ is fault
