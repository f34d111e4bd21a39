"""Limits that processes share through a real Valkey: counted together, returned, survived."""

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from canonical.errors import Reason, UnavailableError
from connectors.kit.http import Request
from connectors.kit.limits import Limiter
from connectors.kit.limits_counters import LocalCounter, SharedCounter
from runtime.cache.connection import RedisHandle
from runtime.embedded.valkey import EmbeddedValkey
from runtime.limits.redis_limits import RedisLimits
from runtime.limits.rules import Grant, Limit, LimitsDownError, Rules

ITEMS = Request(path="items", label="items")
ROOMY = Rules(rate_per_s=1000, burst=1000, slots=3, lease_s=30)


@pytest.fixture
def world(handles: tuple[RedisHandle, RedisHandle], world: Any) -> Any:
    """As elsewhere, and closed before the connections to Redis are."""
    return world


async def test_slots_are_counted_together(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    assert await here.take("acc", ROOMY, "a") == Grant()
    assert await there.take("acc", ROOMY, "b") == Grant()
    assert await there.take("acc", ROOMY, "c") == Grant()
    refused = await here.take("acc", ROOMY, "d")
    assert (refused.limit, refused.certain) == (Limit.CONCURRENCY, False)
    assert 29 < refused.wait_s <= 30
    assert await here.take("another", ROOMY, "d") == Grant()
    await there.give_back("acc", "a")
    assert await here.take("acc", ROOMY, "d") == Grant()


async def test_the_slots_of_a_killed_process_return(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    brief = Rules(rate_per_s=1000, burst=1000, slots=1, lease_s=0.15)
    assert await here.take("acc", brief, "killed") == Grant()
    assert (await there.take("acc", brief, "next")).limit is Limit.CONCURRENCY
    await asyncio.sleep(0.2)
    assert await there.take("acc", brief, "next") == Grant()


async def test_tokens_are_counted_together(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    slow = Rules(rate_per_s=10, burst=2, slots=100)
    assert await here.take("acc", slow, "a") == Grant()
    assert await there.take("acc", slow, "b") == Grant()
    refused = await here.take("acc", slow, "c")
    assert (refused.limit, refused.certain) == (Limit.RATE, True)
    assert 0.05 < refused.wait_s <= 0.1
    await asyncio.sleep(refused.wait_s)
    assert await there.take("acc", slow, "c") == Grant()


async def test_the_days_calls_are_counted_together(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    daily = Rules(rate_per_s=1000, burst=1000, slots=100, per_day=2)
    assert await here.take("acc", daily, "a") == Grant()
    assert await there.take("acc", daily, "b") == Grant()
    refused = await here.take("acc", daily, "c")
    assert refused.limit is Limit.PER_DAY
    midnight_s = 86_400 - time.time() % 86_400
    assert abs(refused.wait_s - midnight_s) < 5 or midnight_s > 86_395


async def test_a_pause_holds_for_all(two: tuple[RedisLimits, RedisLimits]) -> None:
    here, there = two
    await here.pause("acc", 0.2)
    await there.pause("acc", 0.01)  # the longer one stays
    refused = await there.take("acc", ROOMY, "a")
    assert (refused.limit, refused.certain) == (Limit.PAUSE, True)
    assert 0.1 < refused.wait_s <= 0.2
    await asyncio.sleep(0.21)
    assert await there.take("acc", ROOMY, "a") == Grant()


async def test_counts_vanish_when_they_are_of_no_more_use(
    two: tuple[RedisLimits, RedisLimits], handles: tuple[RedisHandle, RedisHandle]
) -> None:
    here, _ = two
    await here.take("acc", ROOMY, "a")
    await here.pause("acc", 1)

    async def lives(client: Any) -> list[int]:
        return [await client.pttl(key) for key in await client.keys("sg:limits:*")]

    found: list[int] = await handles[0].run(lives, [])
    assert len(found) == 3
    assert all(0 < left <= 31_000 for left in found)


async def test_two_processes_share_one_accounts_places(
    world: Any, two: tuple[RedisLimits, RedisLimits]
) -> None:
    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(world.reply())

    world.server.answer = slowly
    transports = [
        world.transport(
            world.services(shared_limits=limits),
            shared=True,
            account="netsuite-1",
            max_concurrency=3,
            rate_per_s=1000,
        )
        for limits in two
    ]
    asked = [t.send(ITEMS, world.ask()) for t in transports for _ in range(15)]
    answers = await asyncio.gather(*asked)
    assert {a.status for a in answers} == {200}
    assert world.server.most_working == 3
    assert transports[0].health()["limits"] == "shared"


async def test_a_throttled_process_stops_the_other(
    world: Any, two: tuple[RedisLimits, RedisLimits]
) -> None:
    world.server.answer = world.always(world.reply(429, retry_after="60"))
    first, second = (
        world.transport(world.services(shared_limits=limits), shared=True) for limits in two
    )
    for transport in (first, second):
        with pytest.raises(UnavailableError) as caught:
            await transport.send(ITEMS, world.ask())
        assert caught.value.reason is Reason.THROTTLED
    assert len(world.server.heard) == 1


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


async def test_without_redis_a_process_keeps_to_its_share(world: Any) -> None:
    first = EmbeddedValkey()
    first.start()
    handle = RedisHandle(first.url, retry_interval_s=0.05)
    clock = Clock()
    rules = Rules(rate_per_s=1000, burst=1000, slots=4)
    counter = SharedCounter(
        "erp",
        "erp",
        rules,
        shared=RedisLimits(handle),
        alone=LocalCounter(rules.divided(2), clock=clock, now=lambda: datetime.now(UTC)),
        clock=clock,
    )
    try:
        assert await counter.take("a") == Grant()
        assert counter.health() == {"in_flight": 1, "limits": "shared"}
        first.stop()
        with capture_logs() as logs:
            assert await counter.take("b") == Grant()
            # Its share is two places, and one was taken before.
            assert (await counter.take("c")).limit is Limit.CONCURRENCY
        assert [e["event"] for e in logs if e["event"].startswith("shared")] == [
            "shared_limits_down"
        ]
        assert counter.health() == {"in_flight": 2, "limits": "alone: Redis is down"}
        counter.give_back("a")
        assert await counter.take("c") == Grant()
    finally:
        await handle.aclose()
        first.stop()


class Flaky:
    """A shared counter that can be taken away."""

    def __init__(self, real: RedisLimits) -> None:
        self.real = real
        self.down = False
        self.asked = 0

    async def take(self, account: str, rules: Rules, lease: str) -> Grant:
        self.asked += 1
        if self.down:
            raise LimitsDownError
        return await self.real.take(account, rules, lease)

    async def give_back(self, account: str, lease: str) -> None:
        if self.down:
            raise LimitsDownError
        await self.real.give_back(account, lease)

    async def charge(self, account: str, rules: Rules, units: int) -> None:
        if self.down:
            raise LimitsDownError
        await self.real.charge(account, rules, units)

    async def pause(self, account: str, seconds: float) -> None:
        if self.down:
            raise LimitsDownError
        await self.real.pause(account, seconds)


async def test_redis_is_looked_for_again_but_not_with_every_call(
    two: tuple[RedisLimits, RedisLimits],
) -> None:
    clock = Clock()
    flaky = Flaky(two[0])
    counter = SharedCounter(
        "erp",
        "erp",
        ROOMY,
        shared=flaky,
        alone=LocalCounter(ROOMY, clock=clock, now=lambda: datetime.now(UTC)),
        clock=clock,
    )
    flaky.down = True
    for lease in "abc":
        assert await counter.take(lease) == Grant()
        assert counter.give_back(lease) is None  # nothing is asked of what is down
    assert flaky.asked == 1
    flaky.down = False
    clock.at += 1.1
    assert await counter.take("d") == Grant()
    assert counter.health()["limits"] == "shared"
    assert (await two[1].take("erp", Rules(1000, 1000, 1), "e")).limit is Limit.CONCURRENCY


async def test_a_caller_who_gives_up_leaves_no_slot_behind(
    world: Any, two: tuple[RedisLimits, RedisLimits]
) -> None:
    one = Rules(rate_per_s=1000, burst=1000, slots=1)
    names = itertools.count()
    limiters = [
        Limiter(
            "erp",
            SharedCounter(
                "erp",
                "erp",
                one,
                shared=limits,
                alone=LocalCounter(one, clock=time.monotonic, now=lambda: datetime.now(UTC)),
                clock=time.monotonic,
            ),
            max_waiting=100,
            new_lease=lambda: str(next(names)),
        )
        for limits in two
    ]

    async def hold(limiter: Limiter, seconds: float) -> None:
        async with limiter.slot(world.ask(seconds)):
            await asyncio.sleep(0.002)

    impatient = [hold(limiters[i % 2], 0.01 + 0.002 * (i % 5)) for i in range(40)]
    await asyncio.gather(*impatient, return_exceptions=True)
    await asyncio.gather(*(hold(limiter, 2.0) for limiter in limiters for _ in range(3)))
    for limiter in limiters:
        await limiter.aclose()
    assert await two[0].take("erp", one, "last") == Grant()
