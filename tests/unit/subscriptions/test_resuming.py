"""Whoever comes back misses nothing and hears nothing twice, whatever happens meanwhile."""

import asyncio
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.entities import EntityName
from subscriptions.cursors import encode_cursor
from tests.unit.subscriptions.house import House, Tap, order, planner, settled, supplier


async def test_what_came_since_is_sent_and_then_what_is_new() -> None:
    house = House(shown=500)
    tap = house.begin(planner(), after=100)
    await settled()
    await house.happen(order(501))
    assert tap.positions() == list(range(101, 502))


async def test_only_what_is_wanted_is_sent_again() -> None:
    house = House()
    house.begin(planner())
    await house.happen(*[order(n, str(n % 3), f"S{n % 2}") for n in range(1, 13)])
    tap = house.begin(supplier("S1"), after=0, filter={"number": ["1"]})
    await settled()
    assert tap.positions() == [1, 7]


async def test_latest_events_are_not_read_from_the_log() -> None:
    house = House()
    await house.happen(*[order(n) for n in range(1, 11)])
    tap = house.begin(planner(), after=4)
    await settled()
    assert (tap.positions(), house.log.reads) == ([5, 6, 7, 8, 9, 10], [])


async def test_those_who_come_back_together_share_reading_and_execution() -> None:
    house = House(shown=20)
    taps = [house.begin(planner(f"p{n}"), after=10) for n in range(50)]
    await settled()
    assert {tuple(t.positions()) for t in taps} == {tuple(range(11, 21))}
    assert (len(house.log.reads), len(house.answerer.executed)) == (1, 1)


async def test_a_cursor_of_another_process_may_be_ahead_of_this_one() -> None:
    house = House(shown=2)
    house.log.events += [order(3), order(4)]
    tap = house.begin(planner(), after=3)
    await settled()
    await house.streams.show([order(3), order(4)])
    await settled()
    assert tap.positions() == [4]


@pytest.mark.parametrize(
    "after,code,says",
    [
        (encode_cursor(EntityName.PURCHASE_ORDER, 99), "BAD_USER_INPUT", "ahead of everything"),
        (encode_cursor(EntityName.PURCHASE_ORDER, 1), "CURSOR_TOO_OLD", "`snapshot: true`"),
        (encode_cursor(EntityName.FORECAST, 9), "BAD_USER_INPUT", "cursor of forecast events"),
        ("rubbish", "BAD_USER_INPUT", "exactly as it was received"),
        ("é" * 10, "BAD_USER_INPUT", "exactly as it was received"),
        ("A" * 200, "BAD_USER_INPUT", "exactly as it was received"),
    ],
)
async def test_a_cursor_that_is_of_no_use_says_what_to_do(after: str, code: str, says: str) -> None:
    house = House(shown=20)
    house.log.first_kept = 10
    tap = house.begin(planner(), after=after)
    await settled()
    assert tap.code == code
    assert says in tap.failed[0]["message"]
    assert house.streams.size == 0


async def test_the_log_may_be_away_for_a_while() -> None:
    house = House(shown=3)
    troubles = [OSError(), OSError()]

    async def away() -> None:
        if troubles:
            raise troubles.pop()

    house.log.gate = away
    tap = house.begin(planner(), after=1)
    await settled()
    assert (tap.positions(), house.paused) == ([2, 3], 2)


async def test_what_the_follower_left_out_is_read_from_the_log() -> None:
    house = House()
    tap = house.begin(planner())
    await house.happen(order(1))
    house.log.events += [order(2), order(3), order(4)]
    await house.streams.show([order(4)])
    await settled()
    assert tap.positions() == [1, 2, 3, 4]
    await house.streams.show([order(4), order(3)])
    await house.happen(order(5))
    assert tap.positions() == [1, 2, 3, 4, 5]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
async def test_each_event_comes_once_and_in_order_whatever_the_schedule(  # noqa: C901  # a schedule
    seed: int,
) -> None:
    chance = Random(seed)
    house = House(page=4, held=3, pending=3, batch=2, recent=chance.choice((1, 3, 99)))
    taps: list[tuple[int, Tap]] = []

    async def some_turns() -> None:
        for _ in range(chance.randint(0, 6)):
            await asyncio.sleep(0)

    house.log.gate = house.answerer.gate = some_turns
    for _ in range(chance.randint(1, 12)):
        head = len(house.log.events)
        match chance.randint(0, 4):
            case 0:
                after = chance.randint(0, head)
                tap = Tap(chance.choice(_ROOM))
                taps.append((after, house.begin(planner(), after=after, tap=tap)))
            case 1:
                taps.append((head, house.begin(planner(), tap=Tap(chance.choice(_ROOM)))))
            case 2:
                for _, tap in taps:
                    tap.drink(chance.choice(_ROOM))
            case _:
                new = [order(head + n + 1) for n in range(chance.randint(1, 6))]
                house.log.events += new
                await house.streams.show(new)
        await some_turns()
    await _drained(house, [t for _, t in taps])
    for after, tap in taps:
        assert tap.failed is None
        assert tap.positions() == list(range(after + 1, len(house.log.events) + 1))
    await house.streams.stop()


_ROOM: Final = (None, 0, 1, 2, 5)


async def _drained(house: House, taps: list[Tap]) -> None:
    """Let all read until nobody gets anything more."""
    for _ in range(30):
        got = sum(len(t.raw) for t in taps)
        for tap in taps:
            tap.drink()
        await settled()
        if got == sum(len(t.raw) for t in taps):
            return
