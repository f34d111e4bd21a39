"""The present state comes first, and no change is lost between it and the first event."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from canonical.errors import Reason, UnavailableError
from subscriptions.cursors import encode_cursor
from tests.unit.subscriptions.house import ORDER, House, order, planner, settled


async def test_changes_while_the_state_is_read_follow_it() -> None:
    house, gate = House(shown=7), asyncio.Event()

    async def read(reading: Callable[[Any], Awaitable[Any]], asker: Any) -> Any:
        await gate.wait()
        return [order(0, "1"), order(0, "2")]

    house.answerer.read = read  # type: ignore[method-assign]  # reading is another test's business
    tap = house.begin(planner(), snapshot=True)
    await house.happen(order(8))
    assert tap.raw == []
    gate.set()
    await settled()
    assert tap.positions() == [7, 7, 8]
    assert [t["extensions"].get("snapshot") for t in tap.told] == [True, True, None]


async def test_a_state_that_cannot_be_read_refuses_the_subscription() -> None:
    house = House()

    async def read(reading: Callable[[Any], Awaitable[Any]], asker: Any) -> Any:
        raise UnavailableError("erp", Reason.TIMEOUT, "slow")

    house.answerer.read = read  # type: ignore[method-assign]  # as above
    tap = house.begin(planner(), snapshot=True)
    await settled()
    assert (tap.code, house.streams.size) == ("UNAVAILABLE", 0)


async def test_a_state_and_a_cursor_exclude_each_other() -> None:
    tap = House().begin(planner(), after=encode_cursor(ORDER, 0), snapshot=True)
    assert tap.code == "BAD_USER_INPUT"
