"""Orders go to the pretend S/4HANA and back through the preset, whatever is lost on the way."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnsupportedError,
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
from connectors.backend import MappedBackend
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from sandbox.launch import Simulator
from sandbox.world import World
from tests.connectors.odata.backends import Control, ask

ORDERS = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"


@pytest.fixture
async def erp(s4: Simulator, control: Control) -> AsyncIterator[MappedBackend]:
    config = BackendConfig.model_validate(
        {
            "preset": "sap_s4hana",
            "url": s4.url,
            "auth": {"kind": "basic", "username": s4.user, "password": {"env": "PASSWORD"}},
            "policy": {"retries": 2, "backoff_s": 0.01},
        }
    )
    services = Services(environ={"PASSWORD": s4.password}, base_dir=Path())
    backend = await open_backend("erp-eu", config, services)
    yield backend
    control.put("locks", [])
    await backend.aclose()


@pytest.fixture
def sink(erp: MappedBackend) -> OrderSink:
    """Where it takes orders."""
    assert erp.orders is not None
    return erp.orders


def order(world: World, key: str, **changes: Any) -> NewOrder:
    """Two lines of what can be bought in Europe from one supplier."""
    region = {plant.code for plant in world.plants if plant.region == "EU"}
    good = {s.number for s in world.suppliers if s.status == "approved"}
    offers: dict[str, list[tuple[Any, str]]] = {}
    for item in world.items:
        for source in item.sources:
            plants = [at.plant for at in item.plants if at.plant in region]
            if item.status == "active" and source.supplier in good and plants:
                offers.setdefault(source.supplier, []).append((item, plants[0]))
    supplier, found = next((s, o) for s, o in sorted(offers.items()) if len(o) > 1)
    lines = tuple(
        NewOrderLine(
            line_number=n,
            item=item.number,
            quantity=Decimal(10 * n),
            unit=item.base_unit,
            unit_price=Money(Decimal("4.125"), "EUR"),
            due_on=world.today + timedelta(days=30),
            ship_to=plant,
        )
        for n, (item, plant) in enumerate(found[:2], start=1)
    )
    facts: dict[str, Any] = {"supplier": supplier, "currency": "EUR", "ordered_on": world.today}
    return NewOrder(**{"key": key, "lines": lines, "number": "PO-71000001", **facts, **changes})


async def read(erp: MappedBackend, record: str) -> Any:
    source = erp.sources[EntityName.PURCHASE_ORDER]
    batch = await source.by_keys("key", [record], source.columns, ask())
    [found] = batch.records
    return found


async def test_an_order_is_read_as_it_was_told(
    erp: MappedBackend, sink: OrderSink, world: World
) -> None:
    assert sink.abilities == set(Ability) - {Ability.RELEASE, Ability.PUBLISH}
    wanted = order(world, "an order's key of more than twelve letters")
    made = await sink.create(wanted, ask())
    assert (made.key, made.released, made.cancelled) == (made.number, True, False)
    assert await sink.find(wanted.key, ask()) == await sink.look(made.key, ask()) == made
    found = await read(erp, made.key)
    assert (found.number, found.supplier, found.currency) == (made.key, wanted.supplier, "EUR")
    assert (found.status, found.ordered_on) == (Status.APPROVED, wanted.ordered_on)
    assert [
        (x.line_number, x.item, x.quantity, x.unit, x.unit_price, x.due_on, x.ship_to)
        for x in found.lines
    ] == [
        (x.line_number, x.item, x.quantity, x.unit, x.unit_price, x.due_on, x.ship_to)
        for x in wanted.lines
    ]


async def test_lines_are_promised_changed_and_cancelled(
    erp: MappedBackend, sink: OrderSink, world: World
) -> None:
    made = await sink.create(order(world, "K-LINES"), ask())
    on = world.today + timedelta(days=44)
    promises = [Promise(line_number=n, quantity=Decimal(n), on=on) for n in (1, 2)]
    promised = await sink.acknowledge(made.key, promises, ask(), version=made.version)
    found = await read(erp, made.key)
    assert found.status is Status.ACKNOWLEDGED
    assert [(x.confirmed_on, x.confirmed_quantity) for x in found.lines] == [(on, 1), (on, 2)]
    with pytest.raises(ConflictError, match="has changed"):
        await sink.acknowledge(made.key, promises, ask(), version=made.version)
    changes = [
        LineChange(line_number=1, quantity=Decimal(7), due_on=date(2027, 2, 1)),
        LineChange(line_number=2, quantity=Decimal(0)),
    ]
    await sink.change(made.key, changes, ask(), version=promised.version)
    found = await read(erp, made.key)
    assert [(x.quantity, x.cancelled) for x in found.lines] == [(7, False), (20, True)]
    cancelled = await sink.cancel(made.key, ask(), reason="not wanted")
    assert (cancelled.cancelled, cancelled.released) == (True, False)
    assert await sink.cancel(made.key, ask(), reason="again") == cancelled
    assert (await read(erp, made.key)).status is Status.CANCELLED


async def test_goods_that_come_are_booked_once(
    erp: MappedBackend, sink: OrderSink, world: World, control: Control
) -> None:
    made = await sink.create(order(world, "K-GOODS"), ask())
    some = [ReceivedLine(line_number=1, quantity=Decimal(4))]
    control.fault(method="POST", match="A_MaterialDocumentHeader", count=1, drop=True, done=True)
    with pytest.raises(InDoubtError):
        await sink.receive(made.key, some, ask(), key="a delivery of the supplier's")
    receipt = await sink.receive(made.key, some, ask(), key="a delivery of the supplier's")
    assert receipt.startswith("53")
    found = await read(erp, made.key)
    assert found.status is Status.PARTIALLY_RECEIVED
    assert [[q.amount for q in line.received] for line in found.lines] == [[4], []]
    rest = [
        ReceivedLine(line_number=1, quantity=Decimal(6)),
        ReceivedLine(line_number=2, quantity=Decimal(20)),
    ]
    await sink.receive(made.key, rest, ask(), key="GR-2")
    assert (await read(erp, made.key)).status is Status.RECEIVED
    with pytest.raises(RejectedError, match="Ordered quantity exceeded by 4"):
        await sink.receive(made.key, some, ask(), key="GR-3")
    with pytest.raises(RejectedError, match="cannot be deleted"):
        await sink.cancel(made.key, ask(), reason="too late")


async def test_refusals(sink: OrderSink, world: World) -> None:
    with pytest.raises(RejectedError, match="Supplier 99999999 does not exist"):
        await sink.create(order(world, "K-NO", supplier="99999999"), ask())
    with pytest.raises(NotFoundError):
        await sink.cancel("4599999999", ask(), reason="x")
    assert await sink.look("4599999999", ask()) is None
    made = await sink.create(order(world, "K-NO-2"), ask())
    with pytest.raises(InvalidInputError, match="no line 9"):
        await sink.change(made.key, [LineChange(line_number=9, due_on=world.today)], ask())
    with pytest.raises(UnsupportedError):
        await sink.release(made.key, ask())


@pytest.mark.parametrize(
    "fault,made",
    [
        ({"drop": True}, 0),
        ({"status": 500}, 0),
        ({"drop": True, "done": True}, 1),
        ({"status": 500, "done": True}, 1),
        ({"status": 503, "done": True}, 1),
        ({"truncate": "connection"}, 1),
        ({"truncate": "body"}, 1),
        ({"rubbish": "html", "done": True}, 1),
    ],
    ids=str,
)
async def test_a_lost_answer_is_a_doubt_that_the_key_resolves(
    sink: OrderSink, world: World, control: Control, fault: dict[str, Any], made: int
) -> None:
    wanted = order(world, f"K-{fault}")
    control.fault(method="POST", count=1, **fault)
    with pytest.raises(InDoubtError):
        await sink.create(wanted, ask())
    found = await sink.find(wanted.key, ask())
    assert (found is not None) == bool(made)
    posts = [e for e in control.log() if e["method"] == "POST" and e["path"] == ORDERS]
    assert len(posts) == 1  # it was told once, whatever came of it
    if found is None:
        found = await sink.create(wanted, ask())
    assert await sink.find(wanted.key, ask()) == found


@pytest.mark.parametrize("status", [429, 503])
async def test_what_was_put_off_was_not_done(
    sink: OrderSink, world: World, control: Control, status: int
) -> None:
    control.fault(method="POST", count=3, status=status, retry_after="0")
    with pytest.raises(UnavailableError) as caught:
        await sink.create(order(world, f"K-OFF-{status}"), ask())
    assert not isinstance(caught.value, InDoubtError)


async def test_an_order_that_somebody_has_open_can_be_told_later(
    sink: OrderSink, world: World, control: Control
) -> None:
    made = await sink.create(order(world, "K-OPEN"), ask())
    control.put("locks", [made.key])
    with pytest.raises(UnavailableError, match="currently being processed") as caught:
        await sink.cancel(made.key, ask(), reason="x")
    assert not isinstance(caught.value, InDoubtError)
    control.put("locks", [])
    assert (await sink.cancel(made.key, ask(), reason="x")).cancelled
