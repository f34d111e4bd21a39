"""What calls cost: charged when it is known, owed when it was too much, paid by those who wait."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask
from connectors.kit.http import Request
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


def counter(
    clock: Clock, per_s: float | None, burst: int = 1, *, slots: int = 1_000
) -> LocalCounter:
    rules = Rules(1e9, 10**9, slots, cost_per_s=per_s, cost_burst=burst)
    return LocalCounter(rules, clock=clock, now=lambda: datetime(2026, 1, 5, tzinfo=UTC))


def limiter(counted: LocalCounter) -> Limiter:
    names = itertools.count()
    return Limiter("erp", counted, max_waiting=100, new_lease=lambda: str(next(names)))


async def test_each_call_takes_one_and_owes_the_rest() -> None:
    clock = Clock()
    counted = counter(clock, per_s=2, burst=10)
    assert await counted.take("a") == Grant()
    counted.charge(13)  # 4 more than there were
    assert await counted.take("b") == Grant(Limit.COST, 2.5, certain=True)
    clock.at += 2.5
    assert await counted.take("b") == Grant()
    assert await counted.take("c") == Grant(Limit.COST, 0.5, certain=True)


async def test_no_more_than_the_burst_comes_back() -> None:
    clock = Clock()
    counted = counter(clock, per_s=2, burst=3)
    clock.at += 1_000
    granted = [(await counted.take(str(n))).limit for n in range(4)]
    assert granted == [None, None, None, Limit.COST]


async def test_without_the_rule_nothing_is_counted() -> None:
    counted = counter(Clock(), per_s=None)
    for n in range(50):
        assert await counted.take(str(n)) == Grant()
        counted.charge(1_000_000)


async def test_a_call_that_is_held_back_costs_nothing() -> None:
    clock = Clock()
    counted = counter(clock, per_s=1, burst=2, slots=1)
    assert await counted.take("a") == Grant()
    for _ in range(5):
        assert (await counted.take("b")).limit is Limit.CONCURRENCY
    counted.give_back("a")
    assert await counted.take("b") == Grant()


async def test_a_debt_that_is_not_paid_in_time_refuses_at_once_and_names_the_limit() -> None:
    queue = limiter(counter(Clock(), per_s=0.1, burst=1))
    async with queue.slot(ask()):
        queue.charge(1)  # that was taken already
    with pytest.raises(UnavailableError, match=r"limit of cost per second \(cost_per_s\)") as no:
        await queue.take(ask(5))
    assert (no.value.reason, no.value.retry_after_s) == (Reason.THROTTLED, 10.0)
    queue.charge(11)
    with pytest.raises(UnavailableError) as no:
        await queue.take(ask(5))
    assert no.value.retry_after_s == pytest.approx(110.0)
    await queue.aclose()


async def test_when_it_is_paid_people_go_before_background_work() -> None:
    clock = Clock()
    queue = limiter(counter(clock, per_s=1, burst=1))
    order: list[str] = []

    async def go(name: str, *, interactive: bool) -> None:
        async with queue.slot(ask(interactive=interactive)):
            order.append(name)

    await go("first", interactive=False)
    waiting = []
    for name in ("b1", "i1", "b2", "i2"):
        waiting.append(asyncio.create_task(go(name, interactive=name.startswith("i"))))
        await asyncio.sleep(0)
    for _ in waiting:
        clock.at += 1
        await queue.pause(0)  # looks again
        await asyncio.sleep(0.001)
    await asyncio.gather(*waiting)
    assert order == ["first", "i1", "i2", "b1", "b2"]
    await queue.aclose()


@pytest.mark.parametrize(
    "asked, cost",
    [
        (Request(path="a", label="a"), 1),
        (Request(path="a", label="a", repeatable=False), 10),
        (Request(path="a", label="a", repeatable=False, authorise=False), 1),
        (Request(path="a", label="a", told=25), 250),
        (Request(path="a", label="a", told=0), 1),
    ],
)
def test_what_a_request_costs(asked: Request, cost: int) -> None:
    assert asked.cost == cost


Step = tuple[float, int]
STEPS = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 200)), min_size=1, max_size=60)


@given(steps=STEPS, per_s=st.sampled_from([0.3, 1.0, 7.0, 100.0]), burst=st.integers(1, 50))
def test_no_window_sees_more_than_burst_rate_and_one_large_call(
    steps: Sequence[Step], per_s: float, burst: int
) -> None:
    clock = Clock()
    counted = counter(clock, per_s, burst)
    spent: list[tuple[float, int]] = []
    for n, (pause_s, cost) in enumerate(steps):
        clock.at += pause_s
        if counted.take_now(str(n)):
            counted.charge(cost - 1)
            spent.append((clock.at, cost))
    largest = max(cost for _, cost in steps)
    for first, last in itertools.combinations_with_replacement(range(len(spent)), 2):
        window_s = spent[last][0] - spent[first][0]
        units = sum(cost for _, cost in spent[first : last + 1])
        assert units <= burst + per_s * window_s + largest
