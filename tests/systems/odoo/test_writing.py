"""Orders are told to Odoo by both of its protocols, and what it says to them is passed on."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import (
    ConflictError,
    InDoubtError,
    MappingMissingError,
    MisconfiguredError,
    NotFoundError,
    RejectedError,
    UnavailableError,
)
from canonical.values import Money
from canonical.writing import Ability, LineChange, NewOrder, NewOrderLine, Promise
from connectors.jsonrpc.writing import JSONRPCWriter
from connectors.kit.rows import Dataset
from tests.systems.odoo.conftest import behind_preset
from tests.systems.odoo.simulator import Odoo
from tests.systems.opening import Opened

ORDERS = Dataset("purchase.order", ("id",))
LINES: list[dict[str, Any]] = [
    {
        "product_id": 1,
        "product_qty": Decimal("2.5"),
        "product_uom_id": 1,
        "price_unit": Decimal("12.5"),
        "date_planned": datetime(2026, 12, 1, 8, tzinfo=UTC),
    },
    {
        "product_id": 2,
        "product_qty": 1,
        "product_uom_id": 2,
        "price_unit": 8,
        "date_planned": date(2026, 12, 2),
    },
]
ORDER: dict[str, Any] = {"partner_id": 1, "origin": "K-1", "user_id": None, "order_line": LINES}
VERSIONS = {"jsonrpc": 15, "json2": 19}


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Odoo:
    """A server of an old version, and one of the newest."""
    return Odoo(version=VERSIONS[request.param])


@pytest.fixture
async def told(server: Odoo) -> AsyncIterator[Opened]:
    """The server behind the preset, by the protocol of its version."""
    dialect = "odoo_json2" if server.version == 19 else "odoo_jsonrpc"
    async with behind_preset(server, dialect=dialect) as ready:
        yield ready


def writer_of(opened: Opened) -> JSONRPCWriter:
    sink: Any = opened.backend.orders
    writer = sink._writer
    assert isinstance(writer, JSONRPCWriter)
    return writer


async def test_an_order_is_made_confirmed_changed_and_called_off(
    server: Odoo, told: Opened
) -> None:
    writer = writer_of(told)
    made = await writer.create(ORDERS, ORDER, told.ask())
    order = server.records["purchase.order"][made["id"]]
    assert (order["state"], order["origin"], order["user_id"]) == ("draft", "K-1", False)
    lines = [server.records["purchase.order.line"][n] for n in order["order_line"]]
    unit = "product_uom_id" if server.version == 19 else "product_uom"
    assert [(x["product_id"], x["product_qty"], x[unit]) for x in lines] == [(1, 2.5, 1), (2, 1, 2)]
    assert [x["date_planned"] for x in lines] == ["2026-12-01 08:00:00", "2026-12-02 00:00:00"]
    await writer.call(ORDERS, made, "button_confirm", told.ask())
    assert order["state"] == "purchase"
    change = {"id": order["order_line"][1], "product_qty": Decimal(3)}
    new = LINES[0] | {"product_qty": Decimal(7)}
    await writer.change(ORDERS, made, {"order_line": [change, new]}, told.ask())
    lines = [server.records["purchase.order.line"][n] for n in order["order_line"]]
    assert [x["product_qty"] for x in lines] == [2.5, 3, 7]
    await writer.call(ORDERS, made, "button_cancel", told.ask())
    assert order["state"] == "cancel"


async def test_refusals_are_told_in_odoos_words(server: Odoo, told: Opened) -> None:
    writer, ask = writer_of(told), told.ask()
    with pytest.raises(RejectedError, match=r"as some receptions have already been done\.") as no:
        await writer.call(ORDERS, {"id": 5}, "button_cancel", ask)
    assert "Traceback" not in no.value.message
    with pytest.raises(RejectedError, match=r"mandatory field is not set.*Vendor"):
        await writer.create(ORDERS, {"origin": "x"}, ask)
    with pytest.raises(NotFoundError):
        await writer.call(ORDERS, {"id": 999}, "button_confirm", ask)
    with pytest.raises(NotFoundError):
        await writer.call(ORDERS, {"id": "P00001"}, "button_confirm", ask)
    with pytest.raises(MisconfiguredError, match="no field 'nonsense'"):
        await writer.change(ORDERS, {"id": 1}, {"nonsense": 1}, ask)
    server.unwritable.add("purchase.order")
    with pytest.raises(MisconfiguredError, match="not allowed to modify"):
        await writer.change(ORDERS, {"id": 1}, {"origin": "x"}, ask)
    assert len(server.records["purchase.order"]) == 10


@pytest.mark.parametrize("fate,made", [("before", 0), ("after", 1)])
async def test_a_server_that_breaks_down_leaves_a_doubt_and_is_not_told_again(
    server: Odoo, told: Opened, fate: str, made: int
) -> None:
    server.breaks.append(fate)
    with pytest.raises(UnavailableError) as caught:
        await writer_of(told).create(ORDERS, ORDER, told.ask())
    assert isinstance(caught.value, InDoubtError)
    assert len(server.records["purchase.order"]) == 10 + made
    assert [c for c in server.called() if c[1] == "create"] == [("purchase.order", "create")]


async def test_a_session_that_has_ended_is_no_doubt(server: Odoo, told: Opened) -> None:
    writer = writer_of(told)
    await writer.create(ORDERS, ORDER, told.ask())
    server.uid += 1
    assert (await writer.create(ORDERS, ORDER, told.ask()))["id"] == 12
    assert server.logins == (0 if server.version == 19 else 2)  # keys are no sessions


def new_order(key: str, **changes: Any) -> NewOrder:
    line = NewOrderLine(
        line_number=1,
        item="B-1",
        quantity=Decimal("2.5"),
        unit="PC",
        unit_price=Money(Decimal("12.5"), "EUR"),
        due_on=date(2026, 12, 1),
        ship_to="WH2",
    )
    facts = {"supplier": "S-01", "currency": "EUR", "ordered_on": date(2026, 11, 23)}
    return NewOrder(**{"key": key, "lines": (line,), "number": "PO-7", **facts, **changes})


async def test_an_order_lives_through_the_preset(server: Odoo, told: Opened) -> None:
    sink = told.backend.orders
    assert sink is not None
    assert sink.abilities == set(Ability) - {Ability.PUBLISH, Ability.RECEIVE}
    made = await sink.create(new_order("K-1"), told.ask())
    assert (made.number, made.released) == ("P00011", False)
    row = server.records["purchase.order"][11]
    assert (row["partner_id"], row["currency_id"], row["picking_type_id"]) == (1, 1, 2)
    assert (row["origin"], row["partner_ref"]) == ("K-1", "PO-7")
    assert row["date_order"] == "2026-11-23 00:00:00"
    released = await sink.release(made.key, told.ask())
    assert released.released
    [line] = row["order_line"]
    promise = [Promise(line_number=line, quantity=Decimal("2.5"), on=date(2026, 12, 8))]
    await sink.acknowledge(made.key, promise, told.ask(), version=released.version)
    assert server.records["purchase.order.line"][line]["date_planned"] == "2026-12-08 00:00:00"
    marked = "acknowledged" if server.version == 19 else "mail_reception_confirmed"
    assert row[marked] is True
    change = [LineChange(line_number=line, quantity=Decimal(4))]
    with pytest.raises(ConflictError, match="has changed"):
        await sink.change(made.key, change, told.ask(), version=released.version)
    await sink.change(made.key, change, told.ask())
    assert server.records["purchase.order.line"][line]["product_qty"] == 4
    cancelled = await sink.cancel(made.key, told.ask(), reason="not wanted")
    assert (cancelled.cancelled, cancelled.released) == (True, False)


async def test_what_is_in_doubt_is_found_by_our_key(server: Odoo, told: Opened) -> None:
    sink = told.backend.orders
    assert sink is not None
    server.breaks.append("after")
    with pytest.raises(InDoubtError):
        await sink.create(new_order("K-2"), told.ask())
    found = await sink.find("K-2", told.ask())
    assert found is not None
    assert found.number == "P00011"
    assert await sink.find("K-3", told.ask()) is None
    with pytest.raises(MappingMissingError, match="S-99"):
        await sink.create(new_order("K-3", supplier="S-99"), told.ask())
