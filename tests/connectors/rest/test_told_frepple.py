"""frePPLe is told forecasts and orders through its preset; the same again changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from canonical.backends import Backend
from canonical.entities import EntityName
from canonical.errors import (
    InvalidInputError,
    MappingMissingError,
    RejectedError,
    UnsupportedError,
)
from canonical.ports import Ask, ListQuery
from canonical.values import Money
from canonical.writing import LineChange, NewForecast, NewOrder, NewOrderLine
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from sandbox.launch import Sandbox, start_one
from tests.fakes.asks import NoMeter

pytestmark = pytest.mark.xdist_group("rest")  # one start of each simulator


@pytest.fixture(scope="module")
def planning_sandbox() -> Iterator[Sandbox]:
    with start_one("frepple", size=0.02) as running:
        yield running


@pytest.fixture
async def planning(planning_sandbox: Sandbox) -> AsyncIterator[Backend]:
    simulator = planning_sandbox.frepple
    auth = {"kind": "basic", "username": simulator.user, "password": {"env": "PASSWORD"}}
    price = {"money": {"amount": "cost", "currency": {"const": "EUR"}}}
    config = BackendConfig.model_validate(
        {
            "preset": "frepple",
            "url": simulator.url,
            "auth": auth,
            "policy": {"rate_per_s": 10_000, "burst": 10_000},
            "entities": {"supply_source": {"fields": {"price": price}}},
        }
    )
    services = Services(environ={"PASSWORD": simulator.password}, base_dir=Path())
    backend = await open_backend("planning", config, services)
    yield backend
    await backend.aclose()


def ask() -> Ask:
    return Ask(asyncio.get_running_loop().time() + 60, "test", NoMeter())


def order(sandbox: Sandbox, key: str, **changes: Any) -> NewOrder:
    world = sandbox.world
    item = world.items[0]
    line = NewOrderLine(
        line_number=1,
        item=item.number,
        quantity=Decimal("12.5"),
        unit=item.base_unit,
        unit_price=Money(Decimal(1), "EUR"),
        due_on=date(2026, 12, 20),
        ship_to=world.plants[0].name,
    )
    return NewOrder(
        key=key,
        supplier=world.suppliers[0].planning_name,
        currency="EUR",
        ordered_on=date(2026, 11, 23),
        lines=(replace(line, **changes),),
    )


def forecasts(sandbox: Sandbox, count: int) -> list[NewForecast]:
    item, plant = sandbox.world.items[0].number, sandbox.world.plants[0].name
    monday = date(2028, 1, 3)
    return [
        NewForecast(
            item=item,
            location=plant,
            period_start=monday + timedelta(weeks=n),
            period_end=monday + timedelta(weeks=n + 1),
            quantity=Decimal(n) + Decimal("0.5"),
        )
        for n in range(count)
    ]


async def test_forecasts_are_published_many_at_once_and_replace_each_other(
    planning: Backend, planning_sandbox: Sandbox
) -> None:
    assert planning.forecasts is not None
    told = forecasts(planning_sandbox, 510)
    for _ in range(2):
        await planning.forecasts.publish(told, ask())
    async with httpx.AsyncClient() as client:
        log = (await client.get(f"{planning_sandbox.frepple.control_url}log")).json()
    assert [e["status"] for e in log if e["method"] == "POST"] == [201] * 4

    columns = frozenset({"period_start", "period_end", "quantity"})
    source = planning.sources[EntityName.FORECAST]
    found: Any = await source.page(ListQuery((), (), 100_000, columns), ask())
    ours = [r for r in found.records if r.period_start >= told[0].period_start]
    assert sorted((r.period_start, r.period_end, r.quantity) for r in ours) == [
        (t.period_start, t.period_end, t.quantity) for t in told
    ]


async def test_forecasts_that_are_refused_are_told_in_the_systems_words(
    planning: Backend, planning_sandbox: Sandbox
) -> None:
    assert planning.forecasts is not None
    (one,) = forecasts(planning_sandbox, 1)
    with pytest.raises(RejectedError, match='item: Invalid pk "NONE" - object does not exist'):
        await planning.forecasts.publish([replace(one, item="NONE")], ask())
    with pytest.raises(UnsupportedError, match="by location"):
        await planning.forecasts.publish([replace(one, location=None)], ask())


async def test_an_order_is_told_confirmed_changed_and_closed(
    planning: Backend, planning_sandbox: Sandbox
) -> None:
    sink = planning.orders
    assert sink is not None
    assert await sink.find("SG-1", ask()) is None
    made = await sink.create(order(planning_sandbox, "SG-1"), ask())
    assert (made.key, made.released) == ("SG-1", False)
    assert await sink.find("SG-1", ask()) == made
    sent = await sink.release("SG-1", ask())
    assert sent.released
    changes = [LineChange(line_number=1, quantity=Decimal(9))]
    changed = await sink.change("SG-1", changes, ask(), version=sent.version)
    assert changed.version != sent.version
    closed = await sink.cancel("SG-1", ask(), reason="not needed")
    assert closed.cancelled


async def test_an_order_that_planning_cannot_hold_is_refused(
    planning: Backend, planning_sandbox: Sandbox
) -> None:
    sink = planning.orders
    assert sink is not None
    with pytest.raises(MappingMissingError, match=r"has no name '.*', uom 'BARREL'"):
        await sink.create(order(planning_sandbox, "SG-2", unit="BARREL"), ask())
    one = order(planning_sandbox, "SG-2")
    with pytest.raises(InvalidInputError, match="one line there, not 2"):
        await sink.create(replace(one, lines=one.lines * 2), ask())
    assert await sink.find("SG-2", ask()) is None
