"""What takes too long is given up, and nothing else is."""

import asyncio

import pytest

from connectors.kit.deadlines import Deadlines


def soon(seconds: float = 0.01) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_what_ends_in_time_is_left_alone() -> None:
    deadlines = Deadlines()
    for _ in range(100):
        with deadlines.at(soon(0.002)):
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert deadlines._due == []


async def test_each_is_given_up_at_its_own_time() -> None:
    deadlines = Deadlines()
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def late(seconds: float) -> float:
        with pytest.raises(TimeoutError), deadlines.at(started + seconds):
            await asyncio.sleep(10)
        assert loop.time() >= started + seconds
        return loop.time() - started

    spent = await asyncio.gather(*map(late, (0.03, 0.01, 0.02, 0.01, -1.0)))
    assert [round(s, 2) for s in spent] == pytest.approx([0.03, 0.01, 0.02, 0.01, 0.0], abs=0.008)


async def test_those_that_ended_do_not_pile_up() -> None:
    deadlines = Deadlines()
    for _ in range(1_000):
        with deadlines.at(soon(60)):
            pass
    assert len(deadlines._due) == 1
    deadlines.close()


async def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    deadlines = Deadlines()

    async def waits(seconds: float) -> None:
        with deadlines.at(soon(seconds)):
            await asyncio.sleep(10)

    for seconds in (60, -0.001):
        task = asyncio.create_task(waits(seconds))
        await asyncio.sleep(0)
        task.cancel()
        deadlines._wake()
        with pytest.raises(asyncio.CancelledError):
            await task
    deadlines.close()


async def test_who_goes_on_after_its_time_is_not_cancelled_twice() -> None:
    deadlines = Deadlines()
    with pytest.raises(TimeoutError), deadlines.at(soon()):
        await asyncio.sleep(10)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0.002)


async def test_errors_of_the_block_are_its_own() -> None:
    deadlines = Deadlines()
    with pytest.raises(LookupError), deadlines.at(soon()):
        raise LookupError
    deadlines.close()
