"""Orders are told to Odoo by both of its protocols, and what it says to them is passed on."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import (
    InDoubtError,
    MisconfiguredError,
    NotFoundError,
    RejectedError,
    UnavailableError,
)
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
    writer: Any = opened.backend.writer
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
    if server.version == 19:
        return  # keys do not end
    writer = writer_of(told)
    await writer.create(ORDERS, ORDER, told.ask())
    uid = told.backend.writer  # signed in by now
    assert uid is not None
    made = await writer.create(ORDERS, ORDER, told.ask())
    assert made["id"] == 12
