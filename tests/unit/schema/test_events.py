"""What events say, and the records that they are about, read for all events at once."""

from decimal import Decimal
from typing import Any

import pytest
from graphql import parse

from canonical import events
from canonical.criteria import Condition, Op
from canonical.errors import NotFoundError
from canonical.events import (
    RECEIPT_POSTED,
    THRESHOLD_BREACHED,
    THRESHOLD_RECOVERED,
    InventoryThreshold,
    PurchaseOrderAcknowledged,
    ReceiptPosted,
)
from canonical.purchase_orders import PurchaseOrderStatus
from execution.engine import Opened
from resolvers.events import Shown
from tests.fakes.desk import ENGINE, Desk, supplier_principal
from tests.fakes.distributor import MONDAY, Distributor, receipt
from tests.fakes.happenings import forecast_revised, happened, status_changed, threshold_crossed

ACKNOWLEDGED, SENT = PurchaseOrderStatus.ACKNOWLEDGED, PurchaseOrderStatus.SENT
ORDERS = """subscription { purchaseOrderChanged { eventId status previousStatus
    purchaseOrder { number supplier { name } lines { item { sku } } } } }"""


async def test_orders_of_several_events_are_read_once_for_all() -> None:
    world = Distributor()
    shown = [
        Shown(status_changed(n, ACKNOWLEDGED, previous=SENT, after_s=n), f"c{n}") for n in (4, 7, 4)
    ]
    answers = await Desk(*world.sources).hear(ORDERS, shown)
    assert [a.errors for a in answers] == [(), (), ()]
    told = [a.data["purchaseOrderChanged"] for a in answers]
    assert [t["purchaseOrder"]["number"] for t in told] == ["PO4", "PO7", "PO4"]
    assert told[1] == {
        "eventId": "purchase_order-K7-7",
        "status": "ACKNOWLEDGED",
        "previousStatus": "SENT",
        "purchaseOrder": {
            "number": "PO7",
            "supplier": {"name": "Supplier 1"},
            "lines": [{"item": {"sku": s}} for s in ("I7", "I8", "I9")],
        },
    }
    assert [len(s.asked) for s in (world.orders, world.suppliers, world.items)] == [1, 1, 0]


async def test_an_order_that_is_gone_costs_its_own_event_alone() -> None:
    shown = [Shown(status_changed(n, SENT), "c") for n in (1, 99)]
    here, gone = await Desk(*Distributor().sources).hear(ORDERS, shown)
    assert here.errors == ()
    assert here.data["purchaseOrderChanged"]["purchaseOrder"]["number"] == "PO1"
    assert gone.data is None
    [error] = gone.errors
    assert error.path == ["purchaseOrderChanged", "purchaseOrder"]
    assert isinstance(error.original_error, NotFoundError)


async def test_a_supplier_is_not_shown_the_order_of_another() -> None:
    shown = [Shown(status_changed(n, SENT), "c") for n in (1, 2)]
    own, other = await Desk(*Distributor().sources).hear(ORDERS, shown, supplier_principal("S1"))
    assert own.data["purchaseOrderChanged"]["purchaseOrder"]["number"] == "PO1"
    assert other.data is None
    assert [e.path for e in other.errors] == [["purchaseOrderChanged", "purchaseOrder"]]


async def test_a_status_that_the_event_does_not_tell_is_read() -> None:
    world = Distributor()
    silent = PurchaseOrderAcknowledged(number="PO3", supplier="S0", lines=())
    shown = [
        Shown(status_changed(1, ACKNOWLEDGED), "a"),
        Shown(happened(events.ACKNOWLEDGED, "K3", silent), "b"),
        Shown(happened(events.ACKNOWLEDGED, "K99", silent), "c"),
    ]
    question = "subscription { purchaseOrderChanged { type status previousStatus } }"
    told, read, gone = await Desk(*world.sources).hear(question, shown)
    assert told.data["purchaseOrderChanged"]["status"] == "ACKNOWLEDGED"
    assert read.data["purchaseOrderChanged"] == {
        "type": "supplygraph.purchase_order.acknowledged.v1",
        "status": "SENT",
        "previousStatus": None,
    }
    assert (gone.data, [e.path for e in gone.errors]) == (
        None,
        [["purchaseOrderChanged", "status"]],
    )
    assert [a[2] for a in world.orders.asked] == [("K3", "K99")]


async def test_a_status_that_cannot_be_read_costs_no_event_that_tells_its_own() -> None:
    silent = PurchaseOrderAcknowledged(number="PO3", supplier="S0", lines=())
    shown = [
        Shown(happened(events.ACKNOWLEDGED, "K3", silent), "a"),
        Shown(status_changed(1, SENT), "b"),
    ]
    question = "subscription { purchaseOrderChanged { status } }"
    unread, told = await Desk(*Distributor().sources).hear(question, shown, None)
    assert [e.path for e in unread.errors] == [["purchaseOrderChanged", "status"]]
    assert told.errors == ()
    assert told.data == {"purchaseOrderChanged": {"status": "SENT"}}


async def test_what_every_event_says_of_itself() -> None:
    question = """subscription { receiptPosted { __typename cursor eventId type occurredAt
        recordedAt correlationId traceparent system snapshot receipt { number } } }"""
    world = Distributor()
    world.receipts.records = [receipt(5, "K5", MONDAY)]
    data = ReceiptPosted(number="R5", purchase_order="K5", supplier="S0", location="L0")
    event = happened(RECEIPT_POSTED, "R5", data, after_s=60, traceparent="00-ab-cd-01")
    [answer] = await Desk(*world.sources).hear(question, [Shown(event, "here", snapshot=True)])
    assert answer.data == {
        "receiptPosted": {
            "__typename": "ReceiptEvent",
            "cursor": "here",
            "eventId": "receipt-R5-60",
            "type": "supplygraph.receipt.posted.v1",
            "occurredAt": "2026-11-23T08:01:00+00:00",
            "recordedAt": "2026-11-23T08:01:01+00:00",
            "correlationId": "about R5",
            "traceparent": "00-ab-cd-01",
            "system": "erp",
            "snapshot": True,
            "receipt": {"number": "R5"},
        }
    }


async def test_a_threshold_is_crossed_both_ways() -> None:
    data = InventoryThreshold(
        item="I1", location="L0", threshold=Decimal(8), available=Decimal("7.5"), rule="reorder"
    )
    question = """subscription { inventoryThresholdBreached { threshold rule available recovered
        position { onHand item { sku } } } }"""
    shown = [
        Shown(threshold_crossed("I1|L0", data, kind=kind), "c")
        for kind in (THRESHOLD_BREACHED, THRESHOLD_RECOVERED)
    ]
    answers = await Desk(*Distributor().sources).hear(question, shown)
    fell, rose = (a.data["inventoryThresholdBreached"] for a in answers)
    assert fell == {
        "threshold": "8",
        "rule": "reorder",
        "available": "7.5",
        "recovered": False,
        "position": {"onHand": "10", "item": {"sku": "I1"}},
    }
    assert rose == {**fell, "recovered": True}


async def test_a_forecast_tells_what_was_expected_before() -> None:
    shown = [
        Shown(forecast_revised(key, "I2", system="planning", previous=before), "c")
        for key, before in (("F2-0", Decimal("3.50")), ("F2-1", None))
    ]
    question = "subscription { forecastChanged { previousQuantity forecast { quantity } } }"
    answers = await Desk(*Distributor().sources).hear(question, shown)
    assert [a.data["forecastChanged"] for a in answers] == [
        {"previousQuantity": "3.50", "forecast": {"quantity": "7"}},
        {"previousQuantity": None, "forecast": {"quantity": "7"}},
    ]


@pytest.mark.parametrize(
    "text, field, arguments",
    [
        (
            """subscription { a: purchaseOrderChanged(after: "x", snapshot: true, filter:
            {number: ["2", "1"], supplier: [], status: [SENT]}) { cursor } }""",
            "purchaseOrderChanged",
            {
                "filter": (
                    Condition("number", Op.IN, ("1", "2")),
                    Condition("supplier", Op.IN, ()),
                    Condition("status", Op.IN, (SENT,)),
                ),
                "after": "x",
                "snapshot": True,
            },
        ),
        (
            'subscription { forecastChanged(filter: {item: ["I"]}) { cursor } }',
            "forecastChanged",
            {"filter": (Condition("item", Op.IN, ("I",)),), "snapshot": False},
        ),
        ('subscription { receiptPosted(after: "x") { cursor } }', "receiptPosted", {"after": "x"}),
    ],
)
def test_what_is_to_be_heard(text: str, field: str, arguments: dict[str, Any]) -> None:
    opened = ENGINE.open(text, parse(text), None, {})
    assert isinstance(opened, Opened)
    assert (opened.field, opened.arguments) == (field, arguments)
