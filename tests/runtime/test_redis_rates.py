"""Accounts of rates in a real Valkey: its own clock, one script, shared by processes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.errors import RateLimitedError
from runtime.cache.connection import RedisHandle
from runtime.embedded.valkey import EmbeddedValkey
from runtime.limits.allowances import Allowances
from runtime.limits.rates import Account, Rate
from runtime.limits.redis_rates import RedisRates
from runtime.limits.rules import LimitsDownError

steps = st.lists(st.tuples(st.integers(-20, 60), st.integers(0, 60)), min_size=1, max_size=25)
rates = st.builds(Rate, st.sampled_from([0.001, 7.0, 1e3, 1e6 / 3]), st.integers(1, 200))


@pytest.fixture
async def handle(valkey_url: str) -> AsyncIterator[RedisHandle]:
    handle = RedisHandle(valkey_url)
    yield handle
    await handle.aclose()


def test_an_account_is_that_of_one_process_by_the_clock_of_valkey(
    valkey_server: EmbeddedValkey,
) -> None:
    names = (f"p{n}" for n in range(10**6))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rates, steps)
    def check(rate: Rate, steps: list[tuple[int, int]]) -> None:
        async def both() -> None:
            handle = RedisHandle(valkey_server.url)
            shared, account, name = RedisRates(handle), Account(), next(names)
            for least, more in steps:
                taken = await shared.take(name, rate, least, least + more)
                assert account.take(rate, least, least + more, taken.at_us) == taken
            await handle.aclose()

        asyncio.run(both())

    check()


async def test_an_account_that_is_full_again_is_no_longer_kept(handle: RedisHandle) -> None:
    rates = RedisRates(handle)
    await rates.take("me", Rate(1_000.0, 5_000), 2_500, 2_500)
    left_ms = await handle.run(lambda client: client.pttl("sg:rates:me"), None)
    assert left_ms is not None
    assert 2_500 < left_ms <= 3_500


async def test_it_lives_through_a_script_that_is_forgotten(handle: RedisHandle) -> None:
    rates = RedisRates(handle)
    await rates.take("me", Rate(0.001, 10), 1, 4)
    await handle.run(lambda client: client.script_flush(), None)
    taken = await rates.take("me", Rate(0.001, 10), 1, 100)
    assert (taken.granted, taken.left) == (6, 0)


async def test_processes_share_what_a_caller_may_spend(handle: RedisHandle) -> None:
    rate, spent = Rate(0.001, 200), 0
    processes = [Allowances(RedisRates(handle)) for _ in range(3)]
    mine = [p.of("me", rate, lambda: "me") for p in processes]
    for _ in range(100):
        for process, allowance in zip(processes, mine, strict=True):
            try:
                await process.pay(allowance, 1)
            except RateLimitedError:
                continue
            spent += 1
    assert spent + sum(a.left for a in mine) == 200
    assert sum(a.left for a in mine) <= 3 * mine[0].lot


async def test_without_valkey_each_process_keeps_the_same_figures() -> None:
    nowhere = RedisHandle("redis://127.0.0.1:1", connect_timeout_s=0.05)
    rates = RedisRates(nowhere)
    with pytest.raises(LimitsDownError):
        await rates.take("me", Rate(1.0, 1), 1, 1)
    process = Allowances(rates)
    allowance = process.of("me", Rate(0.001, 50), lambda: "me")
    for _ in range(50):
        await process.pay(allowance, 1)
    with pytest.raises(RateLimitedError):
        await process.pay(allowance, 1)
    await nowhere.aclose()
