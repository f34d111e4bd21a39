"""Killed at every step boundary and inside every write: nothing is lost, nothing is done twice."""

from asyncio import gather
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.crashes.order import POINTS, UNDECIDED
from bench.crashes.run import crash_here, zygote
from bench.crashes.server import Life
from bench.crashes.shop import opened_shop
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store


async def test_processes_killed_anywhere_place_each_order_once_and_hear_each_decision_once(
    quick_folder: Path,
) -> None:
    found = await crash_here(70, 3, 7, quick_folder)
    assert sum(found.killed.values()) >= 200
    assert set(found.killed) == set(POINTS), "each point was a place to die at"
    assert found.orders == {1: 140}
    assert found.ends == {"Placed(by='pia', orders=2)": 70}
    assert found.troubles == []


@pytest.mark.xdist_group("scms")  # with the others that want a PostgreSQL
async def test_the_other_server_takes_over_from_one_that_was_killed_for_good(
    postgres_url: str,
) -> None:
    where = StoreSettings(url=postgres_url)
    store = Store(where)
    await migrate(store)
    await store.aclose()
    ids = [f"order-{number}" for number in range(15)]
    life = Life(
        url=postgres_url,
        file="",
        shop="",
        points={each: POINTS[number % len(POINTS)] for number, each in enumerate(ids)},
        begin={each: each for each in ids},
        decide=[],
        takeover_s=3.0,
    )
    async with opened_shop() as shop, zygote() as one, zygote() as other:
        doomed = replace(life, shop=shop.url, decide=_decided(life))
        survivor = replace(life, shop=shop.url, points=dict.fromkeys(ids, ""), begin={}, decide=ids)
        dead, alive = await gather(one.live(doomed), other.live(survivor))
    assert (dead.killed, alive.killed) == (True, False)
    assert set(alive.ends.values()) == {"Placed(by='pia', orders=2)"}
    assert len(alive.ends) == 15
    assert Counter(shop.orders.values()) == {1: 30}
    assert alive.troubles == []


def _decided(life: Life) -> list[str]:
    return [each for each, point in life.points.items() if point not in UNDECIDED]
