"""A batch starts once its level is complete, and batches of one level start together."""

import asyncio

from execution.scheduling import LevelScheduler


async def test_what_is_submitted_in_one_burst_starts_together() -> None:
    scheduler = LevelScheduler(quiet_turns=4)
    started: list[str] = []
    scheduler.submit(lambda: started.append("a"))
    await asyncio.sleep(0)
    scheduler.submit(lambda: started.append("b"))
    assert started == []
    await asyncio.sleep(0.01)
    assert started == ["a", "b"]
    assert scheduler.levels == 1


async def test_a_growing_batch_waits_for_its_last_addition() -> None:
    scheduler = LevelScheduler(quiet_turns=4)
    started: list[int] = []
    scheduler.submit(lambda: started.append(1))
    for _ in range(20):
        await asyncio.sleep(0)
        scheduler.touch()
        assert started == []
    await asyncio.sleep(0.01)
    assert started == [1]


async def test_levels_are_counted() -> None:
    scheduler = LevelScheduler(quiet_turns=2)
    for _ in range(3):
        done = asyncio.Event()
        scheduler.submit(done.set)
        await done.wait()
    assert scheduler.levels == 3
