"""What callers may spend: from a lot at hand, from shared accounts, and without these."""

import asyncio

import pytest

from canonical.errors import RateLimitedError
from runtime.limits import allowances
from runtime.limits.allowances import Allowance, Allowances
from runtime.limits.rates import Account, Rate, Taken
from runtime.limits.rules import LimitsDownError

RATE = Rate(10.0, 320)  # a lot is 2


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """Accounts that count what is asked of them, and can be away."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.asked: list[tuple[int, int]] = []
        self.away = False

    async def take(self, account: str, rate: Rate, least: int, most: int) -> Taken:
        await asyncio.sleep(0)
        if self.away:
            raise LimitsDownError
        self.asked.append((least, most))
        now_us = int(self.clock.now * 1_000_000)
        return self.accounts.setdefault(account, Account()).take(rate, least, most, now_us)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(clock: Clock) -> Shared:
    return Shared(clock)


@pytest.fixture
def process(shared: Shared, clock: Clock) -> Allowances:
    return Allowances(shared, now=clock)


def mine(process: Allowances, key: str = "me", rate: Rate = RATE) -> Allowance:
    return process.of(key, rate, lambda: key)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_at_hand_is_spent_without_asking(process: Allowances, shared: Shared) -> None:
    rate = Rate(100.0, 320)  # a lot is 20
    allowance = mine(process, rate=rate)
    assert not process.spend(allowance, 1)
    await process.pay(allowance, 1)
    assert (shared.asked, allowance.left) == ([(1, 21)], 20)
    for _ in range(15):
        assert process.spend(allowance, 1)
    await settled()
    assert shared.asked == [(1, 21)]
    assert process.spend(allowance, 1)  # a quarter is left: a new lot is fetched in time
    await settled()
    assert shared.asked == [(1, 21), (1, 21)]
    assert allowance.left == 4 + 21


async def test_a_caller_is_refused_when_its_allowance_is_spent(
    process: Allowances, shared: Shared, clock: Clock
) -> None:
    allowance = mine(process)
    await process.pay(allowance, 300)
    with pytest.raises(RateLimitedError, match="ask again in 8 s") as refused:
        await process.pay(allowance, 100)
    assert refused.value.details() == {"retryAfter": 8}
    asked = len(shared.asked)
    with pytest.raises(RateLimitedError):
        await process.pay(allowance, 150)
    assert len(shared.asked) == asked  # it is known already
    await process.pay(allowance, 10)  # what is left may be spent
    clock.now += 10
    await process.pay(allowance, 100)


async def test_two_processes_share_an_account(shared: Shared, clock: Clock) -> None:
    one, two = Allowances(shared, now=clock), Allowances(shared, now=clock)
    spent = 0
    for turn in range(400):
        process = (one, two)[turn % 2]
        try:
            await process.pay(mine(process), 1)
        except RateLimitedError:
            continue
        spent += 1
    held = mine(one).left + mine(two).left
    assert spent + held == RATE.burst
    assert 0 <= held <= 2 * mine(one).lot


async def test_what_is_owed_is_paid_before_all_else(process: Allowances, shared: Shared) -> None:
    allowance = mine(process)
    process.owe(allowance, 100)
    assert allowance.left == -100
    await process.pay(allowance, 1)
    assert shared.asked == [(101, 103)]
    process.owe(allowance, 10**9)
    assert allowance.left == -RATE.burst
    assert not process.blocked(allowance)
    with pytest.raises(RateLimitedError):
        await process.pay(allowance, 1)
    assert process.blocked(allowance)


async def test_what_was_paid_too_much_is_given_back(process: Allowances, shared: Shared) -> None:
    allowance = mine(process)
    await process.pay(allowance, 300)
    process.settle(allowance, 300, 20)
    await settled()
    assert shared.asked[-1] == (-278, -278)
    assert allowance.left == 2 * allowance.lot
    await process.pay(allowance, 290)
    process.settle(allowance, 290, 295)
    assert allowance.left < 0


async def test_without_shared_accounts_the_same_figures_hold_here(
    process: Allowances, shared: Shared, clock: Clock
) -> None:
    shared.away = True
    allowance = mine(process)
    await process.pay(allowance, 300)
    with pytest.raises(RateLimitedError, match="ask again in 8 s"):
        await process.pay(allowance, 100)
    clock.now += 9
    await process.pay(allowance, 100)
    shared.away = False
    await process.pay(allowance, 300)
    assert shared.asked


async def test_many_who_wait_are_served_by_one_question(
    process: Allowances, shared: Shared
) -> None:
    allowance = mine(process, rate=Rate(1_000.0, 3_200))  # a lot is 200
    await asyncio.gather(*(process.pay(allowance, 1) for _ in range(100)))
    assert shared.asked == [(1, 201)]
    assert allowance.left == 101


async def test_a_greedy_caller_does_not_keep_others_from_theirs(
    process: Allowances, shared: Shared
) -> None:
    greedy, modest = mine(process, "greedy"), mine(process, "modest")
    refused = 0
    for _ in range(500):
        try:
            await process.pay(greedy, 1)
        except RateLimitedError:
            refused += 1
    assert refused == 500 - RATE.burst
    await process.pay(modest, 10)
    assert modest.remaining() == (RATE.burst - 10, 1)


async def test_callers_that_are_not_heard_of_are_forgotten(
    process: Allowances, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowances, "_MOST_CALLERS", 2)
    first = mine(process, "first")
    mine(process, "second")
    assert mine(process, "first") is first
    mine(process, "third")
    assert mine(process, "first") is first
    assert len(process._of) == 2
    assert mine(process, "first", Rate(1.0, 1)) is not first


async def test_what_is_under_way_ends_with_the_process(process: Allowances) -> None:
    waiting = asyncio.ensure_future(process.pay(mine(process), 1))
    await asyncio.sleep(0)
    await process.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
