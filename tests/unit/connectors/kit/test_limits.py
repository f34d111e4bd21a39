"""Who goes first, how long is waited, and what is counted."""

import asyncio
import itertools
from datetime import UTC, datetime

import pytest

from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask
from connectors.kit.limits import Limiter
from connectors.kit.limits_counters import LocalCounter
from runtime.limits.rules import Grant, Limit, Rules


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Free:
    """A meter that counts nothing."""

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        pass


def ask(seconds: float = 5.0, *, interactive: bool = True) -> Ask:
    deadline = asyncio.get_running_loop().time() + seconds
    return Ask(deadline, "corr", Free(), None, interactive)


def counter(clock: Clock, now: datetime | None = None, **rules: float) -> LocalCounter:
    plain: dict[str, float] = {"rate_per_s": 1000.0, "burst": 1000, "slots": 1}
    noon = now or datetime(2026, 1, 5, 12, tzinfo=UTC)
    return LocalCounter(Rules(**(plain | rules)), clock=clock, now=lambda: noon)  # type: ignore[arg-type]


def limiter(counted: LocalCounter, max_waiting: int = 100) -> Limiter:
    names = itertools.count()
    return Limiter("erp", counted, max_waiting=max_waiting, new_lease=lambda: str(next(names)))


async def test_people_go_before_background_work_and_each_in_order() -> None:
    queue = limiter(counter(Clock()))
    order: list[str] = []
    leave = asyncio.Event()

    async def first() -> None:
        async with queue.slot(ask()):
            await leave.wait()

    async def other(name: str, *, interactive: bool) -> None:
        async with queue.slot(ask(interactive=interactive)):
            order.append(name)

    holding = asyncio.create_task(first())
    await asyncio.sleep(0)
    waiting = []
    for name in ("b1", "i1", "b2", "i2", "i3", "b3"):
        waiting.append(asyncio.create_task(other(name, interactive=name.startswith("i"))))
        await asyncio.sleep(0)
    assert queue.health() == {"in_flight": 1, "waiting": 6}
    leave.set()
    await asyncio.gather(holding, *waiting)
    assert order == ["i1", "i2", "i3", "b1", "b2", "b3"]
    await queue.aclose()


async def test_the_queue_is_bounded() -> None:
    queue = limiter(counter(Clock()), max_waiting=2)
    async with queue.slot(ask()):
        waiting = [asyncio.create_task(queue._wait(ask(0.05), str(n))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError, match="2 requests are waiting") as caught:
            async with queue.slot(ask()):
                pass
        assert caught.value.reason is Reason.THROTTLED
        assert len(await asyncio.gather(*waiting, return_exceptions=True)) == 2
    await queue.aclose()


async def test_those_who_give_up_leave_the_queue_and_lose_no_place() -> None:
    queue = limiter(counter(Clock()))

    async def hold(seconds: float) -> None:
        async with queue.slot(ask(seconds)):
            await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(hold(0.004)) for _ in range(50)]
    await asyncio.sleep(0.002)
    for task in tasks[::7]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await hold(1)
    assert queue.health() == {"in_flight": 0, "waiting": 0}
    await queue.aclose()


async def test_a_wait_that_is_surely_too_long_fails_at_once() -> None:
    clock = Clock()
    queue = limiter(counter(clock, rate_per_s=0.1, burst=1, slots=5))
    async with queue.slot(ask()):
        pass
    started = asyncio.get_running_loop().time()
    with pytest.raises(UnavailableError, match="rate_per_s") as caught:
        async with queue.slot(ask(5)):
            pass
    assert caught.value.retry_after_s == 10.0
    assert asyncio.get_running_loop().time() - started < 0.1
    await queue.aclose()


async def test_closing_ends_all_waiting() -> None:
    queue = limiter(counter(Clock()))
    async with queue.slot(ask()):
        waiting = asyncio.create_task(queue._wait(ask(), "x"))
        await asyncio.sleep(0)
        await queue.aclose()
        with pytest.raises(UnavailableError):
            await waiting
    await queue.aclose()


async def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    clock = Clock()
    counted = counter(clock, rate_per_s=2, burst=3, slots=100)
    granted = [(await counted.take(str(n))).limit for n in range(4)]
    assert granted == [None, None, None, Limit.RATE]
    clock.at += 0.5
    assert await counted.take("x") == Grant()
    assert await counted.take("y") == Grant(Limit.RATE, 0.5, certain=True)
    clock.at += 100
    granted = [(await counted.take(f"z{n}")).limit for n in range(4)]
    assert granted == [None, None, None, Limit.RATE]


async def test_a_refused_call_costs_no_token() -> None:
    clock = Clock()
    counted = counter(clock, rate_per_s=1, burst=1, slots=1)
    assert await counted.take("a") == Grant()
    for _ in range(5):
        assert (await counted.take("b")).limit is Limit.CONCURRENCY
    counted.give_back("a")
    clock.at += 1
    assert await counted.take("b") == Grant()


async def test_a_pause_is_never_made_shorter() -> None:
    clock = Clock()
    counted = counter(clock)
    await counted.pause(10)
    await counted.pause(1)
    assert await counted.take("a") == Grant(Limit.PAUSE, 10.0, certain=True)
    assert counted.health()["paused_s"] == 10.0
    clock.at += 10
    assert await counted.take("a") == Grant()


async def test_where_nothing_holds_one_back_nobody_stands_in_a_queue() -> None:
    queue = limiter(counter(Clock(), slots=2))
    first = queue.take(ask())
    with pytest.raises(StopIteration) as came:  # it ends without once giving way to others
        first.send(None)
    async with queue.slot(ask()):
        assert queue.health() == {"in_flight": 2, "waiting": 0}
        queue.give_back(came.value.value)
        assert queue.health() == {"in_flight": 1, "waiting": 0}
    assert queue.health() == {"in_flight": 0, "waiting": 0}


async def test_nobody_overtakes_those_who_wait() -> None:
    clock = Clock()
    queue = limiter(counter(clock, rate_per_s=1, burst=1, slots=9))
    order: list[str] = []

    async def go(name: str) -> None:
        async with queue.slot(ask()):
            order.append(name)

    await go("first")
    waiting = asyncio.create_task(go("second"))
    await asyncio.sleep(0)
    clock.at += 2
    late = asyncio.create_task(go("third"))
    await asyncio.sleep(0)
    assert order == ["first"]
    clock.at += 2
    await queue.pause(0)  # looks again
    await waiting
    clock.at += 2
    await queue.pause(0)
    await late
    assert order == ["first", "second", "third"]
    await queue.aclose()
