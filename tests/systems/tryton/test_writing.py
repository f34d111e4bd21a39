"""Orders are told to a real Tryton: draft, quotation, confirmed, processing, received."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    MappingMissingError,
    RejectedError,
)
from canonical.purchase_orders import PurchaseOrderStatus as Status
from canonical.values import Money
from canonical.writing import (
    Ability,
    LineChange,
    NewOrder,
    NewOrderLine,
    OrderSink,
    Promise,
    ReceivedLine,
)
from connectors.kit.http import Explain, Request, Response
from tests.systems.opening import Opened
from tests.systems.tryton.client import Client

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

DUE = date(2026, 12, 24)
LATER = date(2027, 1, 5)


def order(key: str, **changes: Any) -> NewOrder:
    lines = tuple(
        NewOrderLine(
            line_number=n * 10,
            item=f"ITM-000{n}",
            quantity=Decimal(quantity),
            unit="PC",
            unit_price=Money(Decimal("3.25"), "USD"),
            due_on=DUE,
            ship_to="DC-WEST",
        )
        for n, quantity in ((1, 5), (2, 8))
    )
    facts = {"supplier": "SUP-002", "currency": "USD", "ordered_on": date(2026, 11, 23)}
    return NewOrder(**{"key": key, "lines": lines, "number": "PO-77", **facts, **changes})


@pytest.fixture
def sink(erp: Opened) -> OrderSink:
    """Where Tryton takes orders."""
    assert erp.backend.orders is not None
    return erp.backend.orders


def states(truth: Client, record: str) -> tuple[str, str]:
    """State of an order, and of its shipments."""
    row = row_of(truth, record, "state", "shipment_state")
    return row["state"], row["shipment_state"]


def row_of(truth: Client, record: str, *fields: str) -> dict[str, Any]:
    [row] = truth.read("purchase.purchase", [["id", "=", int(record)]], fields)
    return row


async def test_an_order_goes_from_draft_to_received(
    sink: OrderSink, erp: Opened, truth: Client
) -> None:
    assert sink.abilities == set(Ability) - {Ability.PUBLISH}
    made = await sink.create(order("SG-LIFE"), erp.ask())
    record = made.key
    assert (made.released, made.cancelled) == (False, False)
    assert states(truth, record) == ("draft", "none")
    row = row_of(
        truth, record, "party.code", "currency.code", "warehouse.code", "purchase_date",
        "reference", "description", "lines.quantity", "lines.unit_price", "lines.sequence",
        "lines.delivery_date_store", "number",
    )  # fmt: skip
    assert row["party."]["code"] == "SUP-002"
    assert (row["currency."]["code"], row["warehouse."]["code"]) == ("USD", "DC-WEST")
    assert (row["reference"], row["description"], row["number"]) == ("SG-LIFE", "PO-77", None)
    assert [
        (x["sequence"], x["quantity"], x["unit_price"], x["delivery_date_store"])
        for x in row["lines."]
    ] == [(10, 5.0, Decimal("3.2500"), DUE), (20, 8.0, Decimal("3.2500"), DUE)]
    changed = await sink.change(
        record,
        [LineChange(line_number=10, quantity=Decimal(6))],
        erp.ask(),
        version=made.version,
    )
    assert changed.version not in {None, made.version}

    released = await sink.release(record, erp.ask())
    assert released.released
    assert released.number == row_of(truth, record, "number")["number"]
    assert await sink.release(record, erp.ask()) == released
    assert states(truth, record) == ("processing", "waiting")

    promises = [Promise(line_number=10, quantity=Decimal(6), on=LATER)]
    await sink.acknowledge(record, promises, erp.ask(), version=released.version)
    moves = truth.read(
        "stock.move",
        [["purchase", "=", int(record)], ["product.code", "=", "ITM-0001"]],
        ["planned_date"],
    )
    assert [move["planned_date"] for move in moves] == [LATER]

    came = [
        ReceivedLine(line_number=10, quantity=Decimal(6)),
        ReceivedLine(line_number=20, quantity=Decimal(3)),
    ]
    receipt = await sink.receive(record, came, erp.ask(), key="SG-GR-1")
    assert await sink.receive(record, came, erp.ask(), key="SG-GR-1") == receipt
    assert states(truth, record) == ("processing", "partially shipped")
    rest = [ReceivedLine(line_number=20, quantity=Decimal(5))]
    await sink.receive(record, rest, erp.ask(), key="SG-GR-2")
    assert (await erp.every(EntityName.PURCHASE_ORDER))[record].status is Status.RECEIVED
    shipments = truth.read(
        "stock.shipment.in", [["reference", "like", "SG-GR-%"]], ["state", "warehouse.code"]
    )
    assert [s["state"] for s in shipments] == ["done", "done"]
    with pytest.raises(RejectedError, match="not in a state"):
        await sink.cancel(record, erp.ask(), reason="too late")


def losing(
    send: Callable[..., Awaitable[Response]], method: bytes
) -> Callable[..., Awaitable[Response]]:
    """A way on which the answer to a method is lost after it was done."""

    async def sent(request: Request, ask: Any, *, explain: Explain | None = None) -> Response:
        response = await send(request, ask, explain=explain)
        if method in (request.body or b""):
            raise InDoubtError("erp", f"the answer to {request.label} was lost")
        return response

    return sent


async def test_what_is_in_doubt_is_found_by_our_key(
    sink: OrderSink, erp: Opened, truth: Client
) -> None:
    assert await sink.find("SG-DOUBT", erp.ask()) is None
    way: Any = erp.backend._way
    send = way.send
    way.send = losing(send, b"purchase.purchase.create")
    with pytest.raises(InDoubtError, match="was lost"):
        await sink.create(order("SG-DOUBT"), erp.ask())
    way.send = losing(send, b"purchase.purchase.quote")
    found = await sink.find("SG-DOUBT", erp.ask())
    assert found is not None
    with pytest.raises(InDoubtError):
        await sink.release(found.key, erp.ask())
    way.send = send
    looked = await sink.look(found.key, erp.ask())
    assert looked is not None
    assert not looked.released  # it is a quotation by now
    assert (await sink.release(found.key, erp.ask())).released
    assert len(truth.read("purchase.purchase", [["reference", "=", "SG-DOUBT"]], ["id"])) == 1
    truth.create("purchase.purchase", {"party": 3, "reference": "SG-DOUBT"})
    with pytest.raises(ConflictError, match="several orders"):
        await sink.find("SG-DOUBT", erp.ask())


async def test_tryton_refuses_in_its_words(sink: OrderSink, erp: Opened, truth: Client) -> None:
    before = len(truth.read("purchase.purchase", [], ["id"]))
    with pytest.raises(MappingMissingError, match="NOBODY"):
        await sink.create(order("SG-NO", supplier="NOBODY"), erp.ask())
    made = await sink.create(order("SG-WORDS"), erp.ask())
    truth.call("purchase.purchase", "write", [int(made.key)], {"invoice_address": None})
    with pytest.raises(InDoubtError, match="did a part of what it was told"):
        await sink.release(made.key, erp.ask())
    assert states(truth, made.key) == ("quotation", "none")
    with pytest.raises(RejectedError, match=r"A value is required for field .Invoice Addr") as no:
        await sink.release(made.key, erp.ask())
    assert len(no.value.message) < 300
    with pytest.raises(InvalidInputError, match="no line 99"):
        await sink.change(made.key, [LineChange(line_number=99, due_on=DUE)], erp.ask())
    cancelled = await sink.cancel(made.key, erp.ask(), reason="not wanted")
    assert cancelled.cancelled
    assert (await sink.cancel(made.key, erp.ask(), reason="again")).cancelled
    with pytest.raises(RejectedError, match="is cancelled"):
        await sink.release(made.key, erp.ask())
    assert len(truth.read("purchase.purchase", [], ["id"])) == before + 1


async def test_what_has_changed_meanwhile_is_not_overwritten(
    sink: OrderSink, erp: Opened, truth: Client
) -> None:
    made = await sink.create(order("SG-STALE"), erp.ask())
    change = [LineChange(line_number=10, quantity=Decimal(9))]
    way: Any = erp.backend._way
    send = way.send

    async def beaten(request: Request, ask: Any, *, explain: Explain | None = None) -> Response:
        """Somebody else writes between our reading and our writing."""
        if b"purchase.purchase.write" in (request.body or b""):
            truth.call("purchase.purchase", "write", [int(made.key)], {"comment": "me first"})
        response: Response = await send(request, ask, explain=explain)
        return response

    way.send = beaten
    with pytest.raises(ConflictError, match="modified in the meanwhile"):
        await sink.change(made.key, change, erp.ask(), version=made.version)
    way.send = send
    with pytest.raises(ConflictError, match="has changed"):
        await sink.change(made.key, change, erp.ask(), version=made.version)
    now = await sink.look(made.key, erp.ask())
    assert now is not None
    await sink.change(made.key, change, erp.ask(), version=now.version)
    quantities = row_of(truth, made.key, "lines.quantity")["lines."]
    assert [x["quantity"] for x in quantities] == [9.0, 8.0]
