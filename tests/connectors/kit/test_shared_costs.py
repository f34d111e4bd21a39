"""What calls cost, counted for all processes in a real Valkey: charged, owed, paid, survived."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typing_extensions import override

from canonical.errors import Reason, UnavailableError
from connectors.kit.http import Request
from connectors.kit.limits_counters import LocalCounter, SharedCounter
from runtime.cache.connection import RedisHandle
from runtime.limits.redis_limits import RedisLimits
from runtime.limits.rules import Grant, Limit, LimitsDownError, Rules

ITEMS = Request(path="items", label="items")
ROOMY = Rules(rate_per_s=1000, burst=1000, slots=3, lease_s=30)
DEAR = Rules(rate_per_s=1000, burst=1000, slots=100, cost_per_s=100, cost_burst=10)


@pytest.fixture
def world(handles: tuple[RedisHandle, RedisHandle], world: Any) -> Any:
    """As elsewhere, and closed before the connections to Redis are."""
    return world


async def test_costs_are_counted_together(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    assert await here.take("acc", DEAR, "a") == Grant()
    await here.charge("acc", DEAR, 29)
    refused = await there.take("acc", DEAR, "b")  # 20 are owed, and one is to be taken
    assert (refused.limit, refused.certain) == (Limit.COST, True)
    assert 0.05 < refused.wait_s <= 0.21
    assert await there.take("another", DEAR, "b") == Grant()
    await asyncio.sleep(refused.wait_s)
    assert await here.take("acc", DEAR, "b") == Grant()


async def test_what_is_refused_costs_nothing_at_all(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, _ = two
    slow = Rules(rate_per_s=0.1, burst=1, slots=1, cost_per_s=0.1, cost_burst=1)
    assert await here.take("acc", slow, "a") == Grant()
    assert (await here.take("acc", slow, "b")).limit is Limit.CONCURRENCY
    await here.give_back("acc", "a")
    assert (await here.take("acc", slow, "b")).limit is Limit.RATE
    quick = Rules(rate_per_s=1000, burst=1000, slots=1, cost_per_s=0.1, cost_burst=1)
    refused = await here.take("acc", quick, "b")
    assert refused.limit is Limit.COST
    assert 9 < refused.wait_s <= 10  # of one call alone
    free = Rules(rate_per_s=1000, burst=1000, slots=1)
    assert await here.take("acc", free, "b") == Grant()  # no place was lost


async def test_parts_of_units_are_not_lost(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    slow = Rules(rate_per_s=1000, burst=1000, slots=1000, cost_per_s=0.3, cost_burst=100)
    started = time.monotonic()
    for n in range(50):
        assert await (here, there)[n % 2].take("acc", slow, str(n)) == Grant()
        await (here, there)[n % 2].charge("acc", slow, 1)
    refused = await here.take("acc", slow, "x")
    spent_s = time.monotonic() - started
    assert 1 / 0.3 - spent_s - 0.01 < refused.wait_s <= 1 / 0.3 + 0.001


async def test_a_debt_outlives_calls_of_who_has_none(
    two: tuple[RedisLimits, RedisLimits], handles: tuple[RedisHandle, RedisHandle]
) -> None:
    here, there = two
    await here.charge("acc", DEAR, 1_000)
    assert await there.take("acc", ROOMY, "a") == Grant()  # the same account, without the rule

    async def lives(client: Any) -> int:
        left: int = await client.pttl("sg:limits:{acc}:bucket")
        return left

    assert (await here.take("acc", DEAR, "b")).wait_s > 9
    assert await handles[0].run(lives, 0) > 9_000


async def test_the_next_call_knows_what_the_one_before_it_has_cost(
    world: Any, two: tuple[RedisLimits, RedisLimits]
) -> None:
    world.server.answer = world.always(world.reply())
    first, second = (
        world.transport(
            world.services(shared_limits=limits), shared=True, cost_per_s=0.1, cost_burst=10
        )
        for limits in two
    )
    response = await first.send(ITEMS, world.ask())
    response.count(10)
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await first.send(ITEMS, world.ask())
    assert caught.value.reason is Reason.THROTTLED
    assert 9 < (caught.value.retry_after_s or 0) <= 10
    with pytest.raises(UnavailableError, match="cost_per_s"):
        await second.send(ITEMS, world.ask())
    assert len(world.server.heard) == 1


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Flaky(RedisLimits):
    """A shared counter that can be taken away, and tells how often it was asked."""

    down = False
    asked = 0

    @override
    async def _ask(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        self.asked += 1
        if self.down:
            raise LimitsDownError
        return await super()._ask(work)


@pytest.fixture
def flaky(handles: tuple[RedisHandle, RedisHandle], two: tuple[RedisLimits, RedisLimits]) -> Flaky:
    """One over an empty Valkey."""
    del two
    return Flaky(handles[0])


def flaky_counter(flaky: Flaky, rules: Rules, share: int, clock: Clock) -> SharedCounter:
    alone = LocalCounter(rules.divided(share), clock=clock, now=lambda: datetime.now(UTC))
    return SharedCounter("erp", "erp", rules, shared=flaky, alone=alone, clock=clock)


async def test_without_the_rule_nothing_is_charged_anywhere(flaky: Flaky) -> None:
    counter = flaky_counter(flaky, ROOMY, 1, Clock())
    assert await counter.take("a") == Grant()
    assert counter.charge(1_000) is None
    assert flaky.asked == 1


async def test_alone_a_process_begins_with_what_its_part_has_left_and_no_debt(flaky: Flaky) -> None:
    clock = Clock()
    rules = Rules(rate_per_s=1000, burst=1000, slots=100, cost_per_s=10, cost_burst=20)
    counter = flaky_counter(flaky, rules, 2, clock)
    assert await counter.take("a") == Grant()
    charging = counter.charge(500)
    assert charging is not None
    await charging
    flaky.down = True
    # All of its part is spent: one of its 5 a second comes back after 200 ms, not after 50 s.
    refused = await counter.take("b")
    assert (refused.limit, round(refused.wait_s, 6)) == (Limit.COST, 0.2)
    clock.at += 0.2
    assert await counter.take("b") == Grant()
    assert counter.charge(9) is None  # spent here, as nothing else counts it
    refused = await counter.take("c")
    assert (refused.limit, round(refused.wait_s, 6)) == (Limit.COST, 2.0)


async def test_a_charge_that_finds_redis_down_says_so_and_is_kept_here(flaky: Flaky) -> None:
    rules = Rules(rate_per_s=1000, burst=1000, slots=100, cost_per_s=10, cost_burst=20)
    counter = flaky_counter(flaky, rules, 1, Clock())
    assert await counter.take("a") == Grant()
    flaky.down = True
    charging = counter.charge(18)
    assert charging is not None
    await charging
    assert counter.health()["limits"] == "alone: Redis is down"
    assert await counter.take("b") == Grant()
    assert (await counter.take("c")).limit is Limit.COST
