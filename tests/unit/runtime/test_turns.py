"""Operations of one caller at a time."""

import asyncio

import pytest

from canonical.errors import TooManyOperationsError
from runtime.limits.turns import TurnRules, Turns

RULES = TurnRules(running=2, waiting=3, wait_s=60)


class Work:
    """Operations that end when they are told to."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    async def run(self, key: str, name: str, rules: TurnRules = RULES) -> None:
        self.ends[name] = asyncio.Event()
        async with self.turns.turn(key, rules):
            self.begun.append(name)
            await self.ends[name].wait()

    def start(self, key: str, *names: str) -> list["asyncio.Task[None]"]:
        return [asyncio.ensure_future(self.run(key, n)) for n in names]


async def quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_others_wait_in_their_order() -> None:
    work = Work()
    tasks = work.start("me", "a", "b", "c", "d", "e")
    await quiet()
    assert work.begun == ["a", "b"]
    with pytest.raises(TooManyOperationsError, match="2 operations of yours") as refused:
        await work.run("me", "f")
    assert refused.value.details() == {"retryAfter": 60}
    work.ends["b"].set()
    await quiet()
    assert work.begun == ["a", "b", "c"]
    for name in "acde":
        work.ends[name].set()
    await asyncio.gather(*tasks)
    assert work.begun == ["a", "b", "c", "d", "e"]
    assert work.turns._of == {}


async def test_a_greedy_caller_does_not_keep_others_from_theirs() -> None:
    work = Work()
    tasks = work.start("greedy", "a", "b", "c", "d", "e")
    await quiet()
    tasks += work.start("modest", "small")
    await quiet()
    assert work.begun == ["a", "b", "small"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.turns._of == {}


async def test_who_waits_too_long_is_refused() -> None:
    work = Work()
    [running] = work.start("me", "a")
    await quiet()
    soon = TurnRules(running=1, waiting=3, wait_s=0.001)
    with pytest.raises(TooManyOperationsError):
        await work.run("me", "b", soon)
    work.ends["a"].set()
    await running
    assert work.turns._of == {}


async def test_a_turn_is_passed_on_by_who_leaves_just_as_it_comes() -> None:
    work = Work()
    tasks = work.start("me", "a", "b", "c", "d")
    await quiet()
    work.ends["a"].set()
    await asyncio.sleep(0)  # c has its turn now, and does not know
    tasks[2].cancel()
    await quiet()
    assert work.begun == ["a", "b", "d"]
    for name in "bd":
        work.ends[name].set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.turns._of == {}
