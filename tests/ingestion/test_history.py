"""What was taken in shows in GraphQL: histories of orders, and timelines across systems."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from canonical.entities import EntityName
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.receipts import Receipt, ReceiptLine
from runtime.events.ledger import Ledger
from tests.fakes.desk import NOW, Desk, supplier_principal
from tests.fakes.distributor import Distributor, order
from workflows.ingestion.intake import Delivery, Intake

SENT, ACKNOWLEDGED, RECEIVED = (
    PurchaseOrderStatus.SENT,
    PurchaseOrderStatus.ACKNOWLEDGED,
    PurchaseOrderStatus.RECEIVED,
)


def said(entity: EntityName, key: str, record: Any, minute: int) -> Observation:
    return Observation(
        system="erp",
        entity=entity,
        key=key,
        record=record,
        occurred_at=NOW - timedelta(hours=2) + timedelta(minutes=minute),
        source_event_id=f"{entity.value}-{minute}",
        correlation_id="case-7",
    )


def became(status: PurchaseOrderStatus, minute: int) -> Observation:
    record = PurchaseOrder(number="PO4", supplier="S1", status=status)
    return said(EntityName.PURCHASE_ORDER, "K4", record, minute)


async def told_of(ledger: Ledger) -> Desk:
    """A desk whose order 4 was heard of, out of order, and has arrived."""
    lines = (ReceiptLine(item="I4", quantity=Decimal(24), unit="PC"),)
    receipt = Receipt(number="R1", purchase_order="K4", supplier="S1", lines=lines)
    intake = Intake(ledger)
    for observation in (
        became(SENT, 1),
        became(RECEIVED, 30),
        became(ACKNOWLEDGED, 10),
        said(EntityName.RECEIPT, "R1", receipt, 29),
    ):
        await intake.take([Delivery(system="erp", observations=(observation,))])
    world = Distributor([order(4, status=RECEIVED), order(5)])
    desk = Desk(*world.sources)
    desk.history = ledger
    return desk


async def test_a_history_tells_every_status_in_the_order_in_which_they_were_so(
    ledger: Ledger,
) -> None:
    desk = await told_of(ledger)
    answer = await desk.ask(
        """{ purchaseOrders(filter: {number: {eq: "PO4"}}) { nodes { number
            history { status previousStatus correlationId } } } }"""
    )
    assert answer.errors == ()
    assert answer.data["purchaseOrders"]["nodes"] == [
        {
            "number": "PO4",
            "history": [
                {"status": "SENT", "previousStatus": None, "correlationId": "case-7"},
                {"status": "ACKNOWLEDGED", "previousStatus": "SENT", "correlationId": "case-7"},
                {"status": "RECEIVED", "previousStatus": "SENT", "correlationId": "case-7"},
            ],
        }
    ]


async def test_a_timeline_puts_an_order_and_what_arrived_of_it_together(ledger: Ledger) -> None:
    desk = await told_of(ledger)
    wanted = "nodes { summary applied purchaseOrder { number } }"
    question = f"""{{ order: timeline(purchaseOrder: "PO4") {{ {wanted} }}
        case: timeline(correlationId: "case-7") {{ {wanted} }} }}"""
    answer = await desk.ask(question)
    assert answer.errors == ()
    entries = answer.data["order"]["nodes"]
    assert [(e["summary"], e["applied"]) for e in entries] == [
        ("Order PO4 is SENT", True),
        ("Order PO4 is ACKNOWLEDGED, before SENT (told late)", False),
        ("Receipt R1: 24 PC of I4", True),
        ("Order PO4 is RECEIVED, before SENT", True),
    ]
    assert {e["purchaseOrder"]["number"] for e in entries} == {"PO4"}
    assert answer.data["case"] == answer.data["order"]


async def test_a_supplier_sees_the_timeline_of_its_own_orders_alone(ledger: Ledger) -> None:
    desk = await told_of(ledger)
    question = '{ timeline(purchaseOrder: "PO4") { nodes { system } } }'
    own = await desk.ask(question, supplier_principal("S1"))
    others = await desk.ask(question, supplier_principal("S2"))
    assert len(own.data["timeline"]["nodes"]) == 4
    assert others.data["timeline"]["nodes"] == []
