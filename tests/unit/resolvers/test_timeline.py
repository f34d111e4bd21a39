"""Timelines and status histories: what the log knows, in order, within what a caller may see."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.events import (
    INVENTORY_CHANGED,
    RECEIPT_POSTED,
    InventoryChanged,
    PostedLine,
    ReceiptPosted,
    subject,
)
from canonical.purchase_orders import PurchaseOrderStatus as Status
from resolvers import timeline
from tests.fakes.desk import NOW, Desk, supplier_principal
from tests.fakes.distributor import Distributor, acknowledged, order
from tests.fakes.happenings import FakeHistory, forecast_revised, happened, status_changed

ORDER = subject(EntityName.PURCHASE_ORDER, "PO1")
DOWN = UnavailableError("supplygraph", Reason.CONNECTION, "the event log cannot be read now")


def posted(number: str, order_key: str, supplier: str, *subjects: str, **changes: Any) -> Any:
    lines = (PostedLine(item="I1", quantity=Decimal(12), unit="PC"),)
    data = ReceiptPosted(
        number=number, purchase_order=order_key, supplier=supplier, location="L0", lines=lines
    )
    return happened(RECEIPT_POSTED, number, data, f"receipt:{number}", *subjects, **changes)


SENT = status_changed(1, Status.SENT, previous=Status.APPROVED, after_s=10, position=1)
LATE = status_changed(1, Status.APPROVED, after_s=5, position=3, applied=False)
ANSWERED = status_changed(1, Status.ACKNOWLEDGED, previous=Status.SENT, after_s=20, position=2)
ARRIVED = posted("R1", "K1", "S1", "purchase_order:K1", after_s=30)
ELSEWHERE = posted("R2", "K1", "S2", "purchase_order:K1", after_s=31, system="procurement")
FORECAST = forecast_revised("F1-0", "I1", system="planning", after_s=15, correlation_id="case")
HISTORY = (SENT, ANSWERED, LATE, ARRIVED, ELSEWHERE, FORECAST)

ALL = """query ($order: String, $item: String, $id: String, $system: String, $first: Int,
    $after: String) { timeline(purchaseOrder: $order, item: $item, correlationId: $id,
    system: $system, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { eventId summary applied } edges { cursor } } }"""


def a_desk(*events: Any, world: Distributor | None = None) -> Desk:
    desk = Desk(*(world or Distributor()).sources)
    desk.history = FakeHistory(*events)
    return desk


async def test_an_order_is_told_of_across_systems_in_the_order_of_occurrence() -> None:
    desk = a_desk(*HISTORY)
    answer = await desk.ask(ALL, order="PO1")
    assert answer.errors == ()
    assert [n["summary"] for n in answer.data["timeline"]["nodes"]] == [
        "Order PO1 is APPROVED (told late)",
        "Order PO1 is SENT, before APPROVED",
        "Order PO1 is ACKNOWLEDGED, before SENT",
        "Receipt R1 at L0: 12 PC of I1",
    ]
    assert isinstance(desk.history, FakeHistory)
    assert desk.history.asked == [("purchase_order:K1", "purchase_order:PO1")]


async def test_a_timeline_is_not_kept_for_the_next_who_asks() -> None:
    answer = await a_desk(*HISTORY).ask(ALL, order="PO1")
    assert answer.journal.good_until == 0


async def test_a_timeline_goes_on_page_by_page() -> None:
    desk = a_desk(*HISTORY)
    first = (await desk.ask(ALL, order="PO1", first=3)).data["timeline"]
    assert (len(first["nodes"]), first["totalCount"]) == (3, 4)
    assert first["pageInfo"]["hasNextPage"] is True
    cursor = first["pageInfo"]["endCursor"]
    assert cursor == first["edges"][-1]["cursor"]
    rest = (await desk.ask(ALL, order="PO1", first=3, after=cursor)).data["timeline"]
    assert [n["eventId"] for n in rest["nodes"]] == ["receipt-R1-30"]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_an_entry_says_all_about_its_event() -> None:
    question = """{ timeline(correlationId: "case") { nodes { type at recordedAt system data
        businessKey correlationId purchaseOrder { number } } completeness { complete } } }"""
    answer = await a_desk(*HISTORY).ask(question)
    assert answer.errors == ()
    assert answer.data["timeline"]["nodes"] == [
        {
            "type": "supplygraph.forecast.revised.v1",
            "at": "2026-11-23T08:00:15+00:00",
            "recordedAt": "2026-11-23T08:00:16+00:00",
            "system": "planning",
            "data": {
                "item": "I1",
                "location": None,
                "period_end": None,
                "period_start": "2026-11-23",
                "previous_quantity": None,
                "quantity": "0",
                "unit": None,
                "version": None,
            },
            "businessKey": "forecast:F1-0",
            "correlationId": "case",
            "purchaseOrder": None,
        }
    ]
    assert answer.data["timeline"]["completeness"] == {"complete": True}


async def test_orders_of_all_entries_are_read_once() -> None:
    world = Distributor()
    question = '{ timeline(purchaseOrder: "PO1") { nodes { purchaseOrder { status } } } }'
    answer = await a_desk(*HISTORY, world=world).ask(question)
    assert [n["purchaseOrder"] for n in answer.data["timeline"]["nodes"]] == [
        {"status": "SENT"}
    ] * 4
    assert [a[1:3] for a in world.orders.asked] == [("number", ("PO1",)), ("key", ("K1",))]


async def test_a_supplier_hears_of_its_own_orders_alone() -> None:
    other = status_changed(2, Status.SENT, supplier="S2", correlation_id="case", position=9)
    own = status_changed(4, Status.SENT, correlation_id="case", position=8)
    desk = a_desk(*HISTORY, other, own)
    for who, expected in (
        (supplier_principal("S1"), [own.event_id]),
        (supplier_principal("S2"), [other.event_id]),
        (supplier_principal(), []),
    ):
        answer = await desk.ask(ALL, who, id="case")
        assert [n["eventId"] for n in answer.data["timeline"]["nodes"]] == expected
        assert answer.data["timeline"]["totalCount"] == len(expected)


async def test_one_system_can_be_asked_for_alone() -> None:
    stock = InventoryChanged(item="I1", location="L0", available=Decimal(3))
    moved = happened(INVENTORY_CHANGED, "I1|L0", stock, "inventory:I1|L0", "item:I1", after_s=16)
    answer = await a_desk(*HISTORY, moved).ask(ALL, item="I1", system="erp")
    assert [n["summary"] for n in answer.data["timeline"]["nodes"]] == ["I1 at L0: 3 available"]


@pytest.mark.parametrize(
    "given", [{}, {"order": "PO1", "item": "I1"}, {"order": "PO1", "after": "no cursor"}]
)
async def test_questions_that_cannot_be_understood(given: dict[str, Any]) -> None:
    answer = await a_desk().ask(ALL, **given)
    assert answer.data is None
    [error] = answer.errors
    assert error.path == ["timeline"]
    assert error.original_error.code == "BAD_USER_INPUT"


async def test_nobody_is_told_nothing() -> None:
    answer = await a_desk(*HISTORY).ask(ALL, None, order="PO1")
    assert [e.original_error.code for e in answer.errors] == ["UNAUTHENTICATED"]


async def test_what_is_left_out_of_a_long_timeline_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_EVENTS", 2)
    answer = await a_desk(*HISTORY).ask(ALL, order="PO1", system="erp")
    told = [n["eventId"] for n in answer.data["timeline"]["nodes"]]
    assert len(told) == 3
    assert [(p.code, path) for p, path in answer.problems] == [("UNSUPPORTED", ("timeline",))]


STATUSES = """{ purchaseOrders(filter: {number: {in: ["PO1", "PO21", "PO3"]}},
    orderBy: {field: NUMBER}) { nodes { history {
    status previousStatus at system correlationId } } } }"""


async def test_histories_of_all_orders_are_read_from_the_log_at_once() -> None:
    foreign = status_changed(1, Status.CLOSED, system="procurement", after_s=40)
    desk = a_desk(SENT, ANSWERED, foreign)
    answer = await desk.ask(STATUSES)
    assert isinstance(desk.history, FakeHistory)
    assert desk.history.asked == [
        ("purchase_order:PO1", "purchase_order:PO21", "purchase_order:PO3")
    ]
    first, _, third = (n["history"] for n in answer.data["purchaseOrders"]["nodes"])
    assert [(c["status"], c["previousStatus"], c["correlationId"]) for c in first] == [
        ("SENT", "APPROVED", "about K1"),
        ("ACKNOWLEDGED", "SENT", "about K1"),
    ]
    assert third == [
        {
            "status": "SENT",
            "previousStatus": None,
            "at": "2026-11-23T08:00:00+00:00",
            "system": "erp",
            "correlationId": None,
        }
    ]


async def test_what_the_system_dates_fills_what_the_log_does_not_know() -> None:
    later = NOW + timedelta(hours=3)
    made = order(1, status=Status.RECEIVED, acknowledgement=acknowledged(9), updated_at=later)
    answer = await a_desk(SENT, world=Distributor([made])).ask(STATUSES)
    [node] = answer.data["purchaseOrders"]["nodes"]
    assert [(c["status"], c["previousStatus"], c["correlationId"]) for c in node["history"]] == [
        ("SENT", "APPROVED", "about K1"),
        ("ACKNOWLEDGED", "SENT", None),
        ("RECEIVED", "ACKNOWLEDGED", None),
    ]


async def test_without_the_log_a_history_is_what_the_system_dates_and_says_so() -> None:
    desk = a_desk(SENT)
    desk.history = FakeHistory(SENT, error=DOWN)
    answer = await desk.ask(STATUSES)
    assert answer.errors == ()
    nodes = answer.data["purchaseOrders"]["nodes"]
    assert [[c["status"] for c in n["history"]] for n in nodes] == [["SENT"]] * 3
    assert [p for p, _ in answer.problems] == [DOWN] * 3
