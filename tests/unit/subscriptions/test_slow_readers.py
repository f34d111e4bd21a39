"""Slow readers: little is kept for them, what is left out is said, others do not notice."""

import pytest

from canonical.entities import EntityName
from subscriptions.cursors import encode_cursor
from subscriptions.outlets import CloseCode
from tests.unit.subscriptions.house import (
    FORECASTS,
    NOW,
    ORDER,
    House,
    Tap,
    forecast,
    order,
    planner,
    settled,
)


async def test_a_reader_that_is_slow_for_a_moment_gets_all_of_it() -> None:
    house = House()
    slow, quick = house.begin(planner(), tap=Tap(1)), house.begin(planner())
    await house.happen(*[order(n) for n in range(1, 6)])
    assert (slow.positions(), quick.positions()) == ([1], [1, 2, 3, 4, 5])
    slow.drink(2)
    assert slow.positions() == [1, 2, 3]
    slow.drink()
    await house.happen(order(6))
    assert slow.positions() == [1, 2, 3, 4, 5, 6]
    assert (len(house.answerer.executed), house.log.reads) == (2, [])


async def test_past_what_is_held_it_reads_on_from_the_log_by_itself() -> None:
    house = House(held=4, recent=1)
    slow = house.begin(planner(), tap=Tap(1))
    for n in range(1, 101):
        await house.streams.show([order(n)])
        house.log.events.append(order(n))
    await settled()
    assert slow.positions() == [1]
    slow.drink()
    await settled()
    await house.happen(order(101))
    assert slow.positions() == list(range(1, 102))


async def test_of_what_may_be_merged_the_latest_of_each_key_is_sent() -> None:
    house = House(held=4)
    slow = house.begin(planner(), FORECASTS, tap=Tap(0))
    items = ["A", "B", "A", "B", "A", "B"]
    await house.happen(*[forecast(n, item) for n, item in enumerate(items, 1)])
    slow.drink()
    await settled()
    assert slow.positions(EntityName.FORECAST)[-2:] == [5, 6]
    assert len(slow.raw) == 3
    assert house.log.reads == []


async def test_past_the_limit_a_gap_is_told_and_the_stream_goes_on() -> None:
    house = House(held=4, behind=20)
    slow = house.begin(planner(), tap=Tap(1))
    await house.happen(*[order(n) for n in range(1, 51)])
    slow.drink()
    await settled()
    await house.happen(order(51))
    [first, gap, last] = slow.told
    assert first["data"]["at"] == encode_cursor(ORDER, 1)
    assert last["data"]["at"] == encode_cursor(ORDER, 51)
    assert gap["data"] is None
    assert gap["errors"][0]["extensions"] == {
        "code": "STREAM_GAP",
        "cursor": encode_cursor(ORDER, 50),
        "after": encode_cursor(ORDER, 1),
        "missed": 49,
    }


async def test_who_asks_for_more_than_that_is_given_it() -> None:
    house = House(shown=100, behind=20)
    tap = house.begin(planner(), after=0, tap=Tap(3))
    await settled()
    tap.drink()
    await settled()
    assert tap.positions() == list(range(1, 101))


async def test_what_is_no_longer_kept_is_a_gap_too() -> None:
    house = House(held=2, recent=1)
    slow = house.begin(planner(), tap=Tap(0))
    await house.happen(*[order(n) for n in range(1, 11)])
    house.log.first_kept = 8
    slow.drink()
    await settled()
    assert [t["errors"][0]["extensions"]["code"] for t in slow.told] == ["STREAM_GAP"]


@pytest.mark.parametrize("events", [3, 30])
async def test_who_reads_nothing_for_long_is_closed_with_a_place_to_go_on(events: int) -> None:
    house = House(held=8, stalled_s=60)
    stalled, fine = house.begin(planner(), tap=Tap(1)), house.begin(planner())
    await house.happen(*[order(n) for n in range(1, events + 1)])
    house.now = NOW.timestamp() + 59
    house.streams.tick()
    assert house.streams.size == 2
    house.now += 3
    house.streams.tick()
    assert stalled.closed is not None
    code, reason = stalled.closed
    assert code is CloseCode.TRY_AGAIN_LATER
    assert reason.endswith(f"after: {encode_cursor(ORDER, 1)}")
    assert len(reason.encode()) <= 123
    assert (fine.closed, house.streams.size) == (None, 1)


async def test_a_client_that_reads_slowly_but_reads_is_not_closed() -> None:
    house = House(stalled_s=60)
    tap = house.begin(planner(hours=9), tap=Tap(1))
    await house.happen(*[order(n) for n in range(1, 20)])
    for _ in range(10):
        house.now += 40
        tap.drink(1)
        house.streams.tick()
    assert (tap.closed, len(tap.raw)) == (None, 11)


async def test_an_expired_token_ends_the_connection() -> None:
    house = House()
    short, long = house.begin(planner("a", hours=0.5)), house.begin(planner("b"))
    house.now += 1_801
    house.streams.tick()
    await house.happen(order(1))
    reason = "the token has expired: connect again with a new one"
    assert short.closed == (CloseCode.UNAUTHORIZED, reason)
    assert (short.raw, len(long.raw), long.closed) == ([], 1, None)


async def test_too_many_waiting_events_are_left_to_the_log() -> None:
    house = House(pending=3, batch=2, recent=1)
    tap = house.begin(planner())
    happened = [order(n) for n in range(1, 51)]
    house.log.events += happened
    await house.streams.show(happened)
    await settled()
    await house.happen(order(51))
    assert tap.positions() == list(range(1, 52))
    assert max(len(e) for _, e in house.answerer.executed[:2]) == 2
