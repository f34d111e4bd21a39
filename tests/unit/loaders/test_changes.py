"""What an event touches: after it nothing old is read, and the rest is not read anew."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from canonical.entities import EntityName
from canonical.event_streams import EventData
from canonical.events import (
    FORECAST_REVISED,
    INVENTORY_CHANGED,
    RECEIPT_POSTED,
    STATUS_CHANGED,
    Event,
    EventType,
    ForecastRevised,
    InventoryChanged,
    PostedLine,
    PurchaseOrderStatusChanged,
    ReceiptPosted,
    subject,
)
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from loaders.changes import changes_of
from tests.fakes.desk import NOW, Desk
from tests.fakes.distributor import MONDAY, Distributor, order, position
from tests.fixtures.waiting import until

SENT, ACKNOWLEDGED = PurchaseOrderStatus.SENT, PurchaseOrderStatus.ACKNOWLEDGED
LIST = """
query List($filter: PurchaseOrderFilter, $orderBy: [PurchaseOrderOrder!]) {
  purchaseOrders(filter: $filter, orderBy: $orderBy, first: 50) { nodes { number status } }
}
"""
ONE = '{ purchaseOrder(number: "PO3") { status } }'
OF_SUPPLIER = '{ supplier(code: "S0") { purchaseOrders(first: 9) { nodes { number status } } } }'


def event(kind: EventType, key: str, data: EventData, *subjects: str, **more: Any) -> Event:
    given: dict[str, Any] = {
        "type": kind.type,
        "system": "erp",
        "source_event_id": f"{key}-1",
        "key": key,
        "subjects": subjects,
        "occurred_at": NOW,
        "data": data,
        "correlation_id": "c",
    }
    return Event(**{**given, **more})


def status_event(record: PurchaseOrder, to: PurchaseOrderStatus, **more: Any) -> Event:
    data = PurchaseOrderStatusChanged(
        number=record.number, supplier=record.supplier, status=to, previous_status=record.status
    )
    names = [subject(EntityName.ITEM, line.item) for line in record.lines]
    return event(
        STATUS_CHANGED,
        record.provenance.key,
        data,
        subject(EntityName.PURCHASE_ORDER, record.number),
        *names,
        **more,
    )


def a_world() -> Distributor:
    return Distributor([order(n) for n in range(6)])


def acknowledge(world: Distributor, at: int) -> Event:
    """Let the source's order come to another status, and say so."""
    before = world.orders.records[at]
    assert isinstance(before, PurchaseOrder)
    world.orders.records[at] = structs.replace(
        before, status=ACKNOWLEDGED, updated_at=NOW + timedelta(minutes=5)
    )
    return status_event(before, ACKNOWLEDGED)


async def test_after_a_status_event_no_way_leads_to_the_old_status() -> None:
    world = a_world()
    desk = Desk(*world.sources)
    for question in (ONE, OF_SUPPLIER, LIST):
        await desk.ask(question)
    await desk.keyed.questions.apply([acknowledge(world, 3)])
    assert (await desk.ask(ONE)).data == {"purchaseOrder": {"status": "ACKNOWLEDGED"}}
    of_supplier = (await desk.ask(OF_SUPPLIER)).data["supplier"]["purchaseOrders"]["nodes"]
    assert {"number": "PO3", "status": "ACKNOWLEDGED"} in of_supplier
    listed = (await desk.ask(LIST)).data["purchaseOrders"]["nodes"]
    assert {"number": "PO3", "status": "ACKNOWLEDGED"} in listed


BY_NUMBER: dict[str, Any] = {"orderBy": [{"field": "NUMBER", "direction": "ASC"}]}


@pytest.mark.parametrize(
    "variables, pages_read",
    [
        ({"filter": {"supplier": ["S1"]}, **BY_NUMBER}, 0),
        ({"filter": {"status": ["CLOSED"]}, **BY_NUMBER}, 0),
        ({"filter": {"supplier": ["S0"]}, **BY_NUMBER}, 0),
        ({**BY_NUMBER}, 0),
        ({"filter": {"status": ["SENT"]}, **BY_NUMBER}, 1),
        ({"filter": {"status": ["ACKNOWLEDGED"]}, **BY_NUMBER}, 1),
        ({"orderBy": [{"field": "UPDATED_AT", "direction": "DESC"}]}, 1),
        ({"filter": {"supplier": ["S1"], "status": ["SENT"]}, **BY_NUMBER}, 0),
    ],
)
async def test_only_lists_that_the_change_can_alter_are_read_anew(
    variables: dict[str, Any], pages_read: int
) -> None:
    world = a_world()
    desk = Desk(*world.sources)
    await desk.ask(LIST, **variables)
    await desk.keyed.questions.apply([acknowledge(world, 3)])
    world.orders.asked.clear()
    await desk.ask(LIST, **variables)
    assert [a[0] for a in world.orders.asked].count("page") == pages_read


statuses = st.lists(st.sampled_from(["SENT", "ACKNOWLEDGED", "CLOSED"]), min_size=1, max_size=2)
filters = st.fixed_dictionaries(
    {},
    optional={
        "supplier": st.lists(st.sampled_from(["S0", "S1", "S2"]), min_size=1, max_size=2),
        "status": statuses,
        "item": st.lists(st.sampled_from(["I0", "I3", "I5"]), min_size=1, max_size=2),
        "number": st.fixed_dictionaries({"startsWith": st.sampled_from(["PO", "PO3", "X"])}),
        "updatedAt": st.just({"gte": (NOW + timedelta(minutes=1)).isoformat()}),
    },
)
orders_by = st.lists(
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["NUMBER", "ORDERED_ON", "UPDATED_AT"]),
            "direction": st.sampled_from(["ASC", "DESC"]),
        }
    ),
    min_size=1,
    max_size=2,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    questions=st.lists(st.tuples(filters, orders_by), min_size=1, max_size=4), at=st.integers(0, 5)
)
async def test_after_an_event_every_list_is_as_if_nothing_had_been_kept(
    questions: list[tuple[dict[str, Any], list[Any]]], at: int
) -> None:
    world = a_world()
    desk = Desk(*world.sources)
    for chosen, by in questions:
        await desk.ask(LIST, filter=chosen, orderBy=by)
    await desk.keyed.questions.apply([acknowledge(world, at)])
    for chosen, by in questions:
        kept = await desk.ask(LIST, filter=chosen, orderBy=by)
        anew = await Desk(*world.sources).ask(LIST, filter=chosen, orderBy=by)
        assert kept.data == anew.data


async def test_who_asks_after_the_event_does_not_share_what_was_asked_before() -> None:
    world = a_world()
    desk = Desk(*world.sources)
    world.orders.delay_s = 0.05
    before = asyncio.create_task(desk.ask(LIST))
    await until(lambda: bool(world.orders.asked))
    await desk.keyed.questions.apply([acknowledge(world, 3)])
    after = await desk.ask(LIST)
    assert {"number": "PO3", "status": "ACKNOWLEDGED"} in after.data["purchaseOrders"]["nodes"]
    await before
    again = await desk.ask(LIST)
    assert {"number": "PO3", "status": "ACKNOWLEDGED"} in again.data["purchaseOrders"]["nodes"]


async def test_an_event_that_moved_nothing_drops_nothing() -> None:
    world = a_world()
    desk = Desk(*world.sources)
    await desk.ask(ONE)
    record = world.orders.records[3]
    assert isinstance(record, PurchaseOrder)
    await desk.keyed.questions.apply([status_event(record, ACKNOWLEDGED, applied=False)])
    world.orders.asked.clear()
    await desk.ask(ONE)
    assert world.orders.asked == []


async def test_what_is_forgotten_for_want_of_room_is_not_kept_either() -> None:
    world = a_world()
    desk = Desk(*world.sources)
    desk.keyed.questions._most = 1
    first: dict[str, Any] = {"filter": {"status": ["SENT"]}, **BY_NUMBER}
    await desk.ask(LIST, **first)
    await desk.ask(LIST, **BY_NUMBER)
    world.orders.asked.clear()
    await desk.ask(LIST, **first)
    assert [a[0] for a in world.orders.asked].count("page") == 1


async def test_a_receipt_touches_its_order_and_the_stock() -> None:
    posted = ReceiptPosted(
        number="R9",
        purchase_order="K3",
        supplier="S0",
        location="L0",
        lines=(PostedLine(item="I3", quantity=Decimal(2)),),
    )
    told = changes_of(event(RECEIPT_POSTED, "R9", posted, "receipt:R9", "purchase_order:PO3"))
    assert [(c.entity.value, c.columns is None) for c in told] == [
        ("receipt", True),
        ("purchase_order", False),
        ("inventory", False),
    ]
    assert told[1].values["number"] == {"PO3"}


async def test_stock_and_forecasts_are_read_anew_after_their_events() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    question = '{ item(sku: "I3") { inventory { onHand } forecasts { quantity } } }'
    before = (await desk.ask(question)).data["item"]
    world.inventory.records = [position(3, 0, 77)]
    world.forecasts.records = []
    stock = InventoryChanged(
        item="I3", location="L0", available=Decimal(77), previous_available=Decimal(1)
    )
    revised = ForecastRevised(
        item="I3", location="L0", period_start=MONDAY, period_end=None, quantity=Decimal(0)
    )
    await desk.keyed.questions.apply(
        [
            event(INVENTORY_CHANGED, "I3|L0", stock, "inventory:I3@L0"),
            event(FORECAST_REVISED, "F1", revised, "forecast:F1", system="planning"),
        ]
    )
    after = (await desk.ask(question)).data["item"]
    assert before["forecasts"]
    assert after == {"inventory": [{"onHand": "77"}], "forecasts": []}
