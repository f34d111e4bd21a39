"""Sinks speak canonical codes: what goes to a system is in its own, and nothing goes half."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import MappingMissingError
from canonical.ports import Ask
from canonical.values import Money
from canonical.writing import Ability, NewForecast, NewOrder, NewOrderLine, OrderInSystem
from loaders.crosswalks import Crosswalk
from loaders.sinks import IdentifiedForecastSink, IdentifiedOrderSink
from tests.fakes.asks import ASK

WALKS = {
    EntityName.SUPPLIER: Crosswalk("erp", [("S-1", "4711")]),
    EntityName.ITEM: Crosswalk("erp", [("A", "000A"), ("B", "A")]),
    EntityName.LOCATION: Crosswalk("erp", [("W1", "W1")]),
}


class Told:
    """Takes everything, and keeps it."""

    system = "erp"
    abilities = frozenset({Ability.CREATE})

    def __init__(self) -> None:
        self.orders: list[NewOrder] = []
        self.forecasts: list[NewForecast] = []

    async def create(self, order: NewOrder, ask: Ask) -> OrderInSystem:
        self.orders.append(order)
        return OrderInSystem(key="1", number=None)

    async def publish(self, forecasts: Sequence[NewForecast], ask: Ask) -> None:
        self.forecasts += forecasts


def order(supplier: str, *items: str) -> NewOrder:
    lines = tuple(
        NewOrderLine(
            line_number=n,
            item=item,
            quantity=Decimal(1),
            unit="PC",
            unit_price=Money(Decimal(1), "EUR"),
            due_on=date(2026, 12, 1),
            ship_to="W1",
        )
        for n, item in enumerate(items, start=1)
    )
    day = date(2026, 11, 23)
    return NewOrder(key="k", supplier=supplier, currency="EUR", ordered_on=day, lines=lines)


def forecast(item: str, location: str | None = "W1") -> NewForecast:
    return NewForecast(
        item=item,
        location=location,
        period_start=date(2026, 12, 1),
        period_end=date(2026, 12, 8),
        quantity=Decimal(3),
    )


async def test_codes_go_out_as_the_system_has_them() -> None:
    told: Any = Told()
    sink = IdentifiedOrderSink(told, WALKS)
    await sink.create(order("S-1", "A", "B", "C", "A@erp"), ASK)
    (sent,) = told.orders
    assert sent.supplier == "4711"
    assert [line.item for line in sent.lines] == ["000A", "A", "C", "A"]
    assert {line.ship_to for line in sent.lines} == {"W1"}
    assert sink.system == "erp"
    assert sink.abilities == {Ability.CREATE}


async def test_what_the_system_has_no_code_for_is_named_and_nothing_is_told() -> None:
    told: Any = Told()
    with pytest.raises(MappingMissingError, match="nothing there is the item '000A'") as caught:
        await IdentifiedOrderSink(told, WALKS).create(order("S-1", "A", "000A"), ASK)
    assert caught.value.code == "MAPPING_MISSING"
    assert told.orders == []
    with pytest.raises(MappingMissingError, match="'000A': add it to the crosswalk"):
        await IdentifiedForecastSink(told, WALKS).publish([forecast("A"), forecast("000A")], ASK)
    assert told.forecasts == []


async def test_forecasts_go_out_as_the_system_has_them() -> None:
    told: Any = Told()
    sink = IdentifiedForecastSink(told, WALKS)
    await sink.publish([forecast("B"), forecast("C", None)], ASK)
    assert [(f.item, f.location) for f in told.forecasts] == [("A", "W1"), ("C", None)]
    assert sink.system == "erp"
