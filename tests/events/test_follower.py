"""Every process is told of every event once, in order, whatever happens to Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa

from canonical.entities import EntityName
from runtime.embedded.valkey import EmbeddedValkey
from runtime.events import follower
from runtime.events.ledger import Ledger
from runtime.store.tables import EVENTS
from tests.events.following import Process, process
from tests.events.making import item_event, order_event
from tests.fixtures.waiting import until

ORDERS, ITEMS = EntityName.PURCHASE_ORDER, EntityName.ITEM
pytestmark = pytest.mark.parametrize("address", ["sqlite"], indirect=True)


@pytest.fixture
async def pair(address: str, valkey_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that know of each other."""
    async with process(address, valkey_url) as one, process(address, valkey_url) as two:
        await until(lambda: len(one.follower._peers.alive()) == 1)
        await until(lambda: len(two.follower._peers.alive()) == 1)
        yield one, two


async def test_each_process_sees_all_in_order_without_reading_the_log(
    pair: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    reads: list[object] = []
    monkeypatch.setattr(Ledger, "read", lambda *args: reads.append(args))
    monkeypatch.setattr(follower, "_GRACE_S", 5.0)  # however slow this machine is
    await one.append(order_event(1), item_event(1), order_event(2))
    await two.append(order_event(3))

    for each in pair:
        await each.until_shown(4)
        assert each.positions(ORDERS) == [1, 2, 3]
        assert each.positions(ITEMS) == [1]
        assert each.shown == each.applied
    assert one.shown == two.shown
    assert reads == []
    assert one.follower.health() == {"behind": 0, "others": 1, "connected": True}


async def test_both_write_at_once_and_both_see_all(pair: tuple[Process, Process]) -> None:
    numbers = iter(range(1_000))
    await asyncio.gather(
        *(
            pair[turn % 2].append(*(order_event(next(numbers)) for _ in range(7)))
            for turn in range(40)
        )
    )
    for each in pair:
        await each.until_shown(280)
        assert each.positions() == list(range(1, 281))


async def test_an_event_that_nobody_told_of_is_found(pair: tuple[Process, Process]) -> None:
    silent = Ledger(pair[0].store)  # as one that is killed between its commit and the telling
    await silent.write(lambda writing: writing.append([order_event(1), order_event(2)]))
    await pair[0].append(order_event(3))
    await silent.write(lambda writing: writing.append([order_event(4)]))

    for each in pair:
        await each.until_shown(4)
        assert each.positions() == [1, 2, 3, 4]


async def test_an_emptied_redis_does_not_matter(pair: tuple[Process, Process]) -> None:
    one, two = pair
    for number in range(1, 6):
        await one.append(order_event(number))
        await one.redis.run(lambda client: client.flushall(), None)
    for each in pair:
        await each.until_shown(5)
        assert each.positions() == [1, 2, 3, 4, 5]
    heard = two.channel.heard
    await one.append(order_event(6))
    await until(lambda: two.channel.heard > heard)


async def test_nothing_is_missed_while_redis_dies_and_comes_back(address: str) -> None:
    server = EmbeddedValkey().start()
    try:
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(process(address, server.url))
            two = await stack.enter_async_context(process(address, server.url))
            await until(lambda: one.channel.connected and two.channel.connected)
            await one.append(order_event(1))
            server.halt(kill=True)
            await one.append(order_event(2))
            await two.append(order_event(3))
            for each in (one, two):
                await each.until_shown(3)
            server.start()
            await one.append(order_event(4))
            await until(lambda: one.channel.connected and two.channel.connected)
            await two.append(order_event(5))
            for each in (one, two):
                await each.until_shown(5)
                assert each.positions() == [1, 2, 3, 4, 5]
            heard = two.channel.heard
            await one.append(order_event(6))
            await until(lambda: two.channel.heard > heard)
    finally:
        server.stop()


async def test_nothing_is_shown_before_every_process_has_applied_it(
    pair: tuple[Process, Process],
) -> None:
    one, two = pair
    two.may_apply.clear()
    await one.append(order_event(1))
    await until(lambda: len(one.applied) == 1)
    waiting = asyncio.create_task(one.follower.applied_everywhere(ORDERS, 1, 5))
    await one.append(order_event(2))
    await until(lambda: len(one.applied) == 2)  # the next one is applied meanwhile

    assert not waiting.done()
    assert one.shown == []
    two.may_apply.set()
    assert await waiting is True
    await until(lambda: one.positions() == [1, 2] == two.positions())


async def test_a_process_that_ends_is_not_waited_for(pair: tuple[Process, Process]) -> None:
    one, two = pair
    two.may_apply.clear()
    await one.append(order_event(1))
    await until(lambda: len(one.applied) == 1)
    assert one.shown == []
    assert await one.follower.applied_everywhere(ORDERS, 1, 0.01) is False
    await two.follower.aclose()

    await until(lambda: one.positions() == [1], timeout_s=0.5)
    assert await one.follower.applied_everywhere(ORDERS, 1, 0) is True


async def test_one_who_is_slow_reads_the_log_and_misses_nothing(
    address: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.events.inbox._MOST", 10)
    async with process(address, valkey_url) as slow:
        slow.may_apply.clear()
        for start in range(0, 120, 40):
            await slow.append(*(order_event(n) for n in range(start, start + 40)))
        assert len(slow.follower._inboxes[ORDERS]._waiting) <= 11
        slow.may_apply.set()
        await until(lambda: len(slow.shown) == 120)
        assert slow.positions() == list(range(1, 121))


async def test_of_very_many_events_most_are_read_from_the_log(
    pair: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.events.channel._AT_ONCE", 50)
    one, two = pair
    await one.append(*map(order_event, range(700)))
    for each in pair:
        await each.until_shown(700)
        assert each.positions() == list(range(1, 701))
    assert two.channel.heard == 3


async def test_one_who_fails_does_not_stop_the_rest(address: str, valkey_url: str) -> None:
    async with process(address, valkey_url) as one:

        async def failing(_: object) -> None:
            raise ValueError("a mistake")

        shown, one.follower._show = one.follower._show, failing
        await one.append(order_event(1))
        await until(lambda: len(one.applied) == 1 and one.follower._shows.empty())
        one.follower._show = shown
        await one.append(order_event(2))
        await until(lambda: one.positions()[-1:] == [2])


async def test_an_event_of_a_newer_release_is_passed_over(
    address: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.events.follower._POLL_S", 60)
    async with process(address, valkey_url) as one:
        await until(lambda: one.channel.connected and not one.follower._look.is_set())
        silent = Ledger(one.store)
        await silent.write(lambda writing: writing.append([order_event(1), order_event(2)]))
        newer = sa.update(EVENTS).where(EVENTS.c.position == 2).values(type="supplygraph.new.v9")
        await one.store.write(lambda connection: connection.execute(newer))
        await one.append(order_event(3))
        await until(lambda: one.positions() == [1, 3])
        assert one.follower.health()["behind"] == 0
