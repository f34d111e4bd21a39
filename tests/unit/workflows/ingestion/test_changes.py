"""What is told of a report, given what was known."""

from datetime import date
from decimal import Decimal

import pytest

from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.events import (
    ACKNOWLEDGED,
    LINE_RESCHEDULED,
    ORDER_REVISED,
    STATUS_CHANGED,
    ConfirmedLine,
)
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item, ItemStatus
from canonical.locations import Location
from canonical.purchase_orders import (
    AcknowledgedLine,
    Acknowledgement,
    PurchaseOrder,
    PurchaseOrderLine,
)
from canonical.receipts import Receipt, ReceiptLine
from canonical.recommendations import RecommendationStatus, ReplenishmentRecommendation
from canonical.records import Record
from canonical.suppliers import Supplier, SupplierStatus
from canonical.values import Money, Quantity
from tests.fakes.reports import (
    APPROVED,
    CONFIRMED,
    ENTITY_OF,
    NOW,
    SENT,
    at,
    gone,
    kept,
    known,
    line,
    order,
    seen,
    told,
)
from workflows.ingestion.changes import find, find_all


def test_a_baseline_is_taken_note_of_in_silence() -> None:
    found = find(None, seen(order(), baseline=True), NOW)
    assert (found.events, found.moved) == ((), True)


def test_an_order_that_was_not_known_is_news() -> None:
    (event,) = find(None, seen(order()), NOW).events
    assert event.type == STATUS_CHANGED.type
    assert (event.data.status, event.data.previous_status) == (SENT, None)
    assert event.subjects == ("purchase_order:4500001", "supplier:S-1", "item:SKU-10")
    assert (event.key, event.source_event_id, event.occurred_at) == ("77", "e", at(0))
    assert event.correlation_id == "erp:e"


def test_a_status_that_changed_is_told_with_the_one_before() -> None:
    found = find(known(order(APPROVED)), seen(order(), 1, correlation_id="c-1"), NOW)
    (event,) = found.events
    assert (event.data.previous_status, event.data.status) == (APPROVED, SENT)
    assert (event.applied, event.correlation_id) == (True, "c-1")


def test_what_is_equal_is_no_event() -> None:
    before = order(SENT, line(quantity=Decimal("1.0"), unit_price=Money(Decimal("2.50"), "EUR")))
    again = order(SENT, line(quantity=Decimal("1.00"), unit_price=Money(Decimal("2.5"), "EUR")))
    assert find(known(before), seen(again, 1), NOW).events == ()


def test_what_was_not_said_is_unchanged() -> None:
    before = known(order())
    found = find(before, seen(PurchaseOrder(status=SENT), 1), NOW)
    assert found.events == ()
    assert found.state is not None
    assert found.state.record == before.record


def test_several_changes_of_one_report_are_told_apart_by_their_names() -> None:
    new = order(
        CONFIRMED,
        line(due_on=date(2026, 4, 8), confirmed_on=date(2026, 4, 9)),
        line(20, quantity=Decimal(7)),
    )
    before = known(order(SENT, line(), line(20)))
    events = find(before, seen(new, 1, name="d-1"), NOW).events
    assert [e.source_event_id for e in events] == [
        "d-1/status_changed",
        "d-1/acknowledged",
        "d-1/line_rescheduled.10",
        "d-1/revised",
    ]
    promised, moved, revised = events[1].data, events[2].data, events[3].data
    assert promised.lines == (
        ConfirmedLine(line_number=10, confirmed_quantity=None, confirmed_on=date(2026, 4, 9)),
    )
    assert (moved.item, moved.previous_due_on, moved.due_on) == (
        "SKU-10",
        date(2026, 4, 1),
        date(2026, 4, 8),
    )
    assert revised.changed == ("lines.quantity",)
    assert told(events) == ["status_changed", "acknowledged", "line_rescheduled", "revised"]


@pytest.mark.parametrize(
    "new, changed",
    [
        (order(SENT, line(), line(20)), ("lines",)),
        (order(SENT, line(20)), ("lines",)),
        (order(SENT, line(cancelled=True), buyer="B"), ("buyer", "lines.cancelled")),
        (
            order(SENT, line(cancelled=False, received=(Quantity(Decimal(1), "PCE"),)), buyer="A"),
            ("lines.received",),
        ),
    ],
)
def test_whatever_else_changed_of_an_order_is_revised(
    new: PurchaseOrder, changed: tuple[str, ...]
) -> None:
    before = order(SENT, line(cancelled=False, received=()), buyer="A")
    (event,) = find(known(before), seen(new, 1), NOW).events
    assert (event.type, event.data.changed) == (ORDER_REVISED.type, changed)


def test_what_was_received_is_no_change_in_another_order_of_units() -> None:
    boxes, pieces = Quantity(Decimal(1), "BOX"), Quantity(Decimal("2.0"), "PCE")
    before = known(order(SENT, line(received=(boxes, pieces))))
    again = order(SENT, line(received=(Quantity(Decimal(2), "PCE"), boxes)))
    assert find(before, seen(again, 1), NOW).events == ()


def test_a_promise_beside_the_lines_counts_as_one() -> None:
    answer = Acknowledgement(
        acknowledged_at=at(1),
        lines=(
            AcknowledgedLine(
                line_number=10, confirmed_quantity=Decimal(4), confirmed_on=date(2026, 4, 2)
            ),
        ),
    )
    before = order(SENT, acknowledgement=None)
    (event,) = find(known(before), seen(order(SENT, acknowledgement=answer), 1), NOW).events
    assert event.type == ACKNOWLEDGED.type
    assert event.data.lines == (
        ConfirmedLine(line_number=10, confirmed_quantity=Decimal(4), confirmed_on=date(2026, 4, 2)),
    )


def test_that_an_answer_came_is_told_though_it_promises_nothing_new() -> None:
    answer = Acknowledgement(acknowledged_at=at(1), lines=())
    before = known(order(SENT, acknowledgement=None))
    (event,) = find(before, seen(order(SENT, acknowledgement=answer), 1), NOW).events
    assert (event.type, event.data.lines) == (ACKNOWLEDGED.type, ())
    later = Acknowledgement(acknowledged_at=at(5), lines=())
    after = known(order(SENT, acknowledgement=answer))
    assert find(after, seen(order(SENT, acknowledgement=later), 5), NOW).events == ()


def test_one_line_that_is_reported_leaves_the_others_alone() -> None:
    before = known(order(SENT, line(), line(20)))
    said = PurchaseOrder(lines=(PurchaseOrderLine(line_number=20, due_on=date(2026, 5, 1)),))
    found = find(before, seen(said, 1, partial=True), NOW)
    assert told(found.events) == ["line_rescheduled"]
    assert found.state is not None
    assert found.state.record.lines == (line(), line(20, due_on=date(2026, 5, 1)))


def test_a_line_is_told_of_though_nothing_was_known_of_the_order() -> None:
    said = PurchaseOrder(
        number="1", lines=(PurchaseOrderLine(line_number=20, due_on=date(2026, 5, 1)),)
    )
    (event,) = find(None, seen(said, partial=True), NOW).events
    assert event.type == LINE_RESCHEDULED.type
    assert (event.data.previous_due_on, event.data.due_on) == (None, date(2026, 5, 1))


def test_an_older_status_is_told_and_moves_nothing_back() -> None:
    after = kept(find(known(order(APPROVED), 0), seen(order(CONFIRMED), 10), NOW))
    found = find(after, seen(order(SENT), 5, name="late"), NOW)
    (event,) = found.events
    assert (event.applied, event.occurred_at, event.source_event_id) == (False, at(5), "late")
    assert (event.data.previous_status, event.data.status) == (APPROVED, SENT)
    assert found.state is not None
    assert found.state.record.status is CONFIRMED


def test_an_older_report_by_another_way_is_not_told_again() -> None:
    state = known(order(APPROVED), 0)
    for minute, status in ((5, SENT), (10, CONFIRMED)):
        state = kept(find(state, seen(order(status), minute), NOW))
    assert find(state, seen(order(SENT), 5, name="watched"), NOW).events == ()
    assert find(state, seen(order(APPROVED), 7, name="between"), NOW).events[0].applied is False


def test_an_older_report_that_says_what_was_so_before_is_no_news() -> None:
    state = kept(find(known(order(APPROVED), 0), seen(order(CONFIRMED), 10), NOW))
    assert find(state, seen(order(APPROVED), 5), NOW).events == ()


def test_lateness_is_decided_column_by_column() -> None:
    state = known(order(SENT, line(), line(20)), 0)
    state = kept(find(state, seen(PurchaseOrder(status=CONFIRMED), 10), NOW))
    moved = order(SENT, line(due_on=date(2026, 4, 8)), line(20))
    found = find(state, seen(moved, 5, name="d"), NOW)
    assert told(found.events) == ["line_rescheduled"]
    assert [e.applied for e in found.events] == [True]
    assert found.state is not None
    assert found.state.record.status is CONFIRMED
    assert found.state.told_at("lines.10") == at(5)
    assert found.state.told_at("status") == at(10)


def test_lines_are_late_one_by_one() -> None:
    state = known(order(SENT, line(), line(20)), 0)
    first = PurchaseOrder(lines=(PurchaseOrderLine(line_number=10, due_on=date(2026, 5, 1)),))
    state = kept(find(state, seen(first, 10, partial=True), NOW))
    both = PurchaseOrder(
        lines=(
            PurchaseOrderLine(line_number=10, due_on=date(2026, 6, 1)),
            PurchaseOrderLine(line_number=20, due_on=date(2026, 6, 1)),
        )
    )
    found = find(state, seen(both, 5, partial=True), NOW)
    assert [(e.data.line_number, e.applied) for e in found.events] == [(20, True), (10, False)]
    assert found.state is not None
    assert [x.due_on for x in found.state.record.lines] == [date(2026, 5, 1), date(2026, 6, 1)]


def test_several_reports_are_taken_in_the_order_in_which_they_were_so() -> None:
    reports = [
        seen(order(CONFIRMED), 10, name="b"),
        seen(order(SENT), 5, name="a"),
        seen(order(APPROVED), 1, name="0"),
    ]
    found = find_all(None, reports, NOW)
    assert [(e.source_event_id, e.data.status) for e in found.events] == [
        ("0", APPROVED),
        ("a", SENT),
        ("b", CONFIRMED),
    ]


def test_without_a_time_a_report_counts_as_the_newest() -> None:
    (event,) = find(known(order(APPROVED), 119), seen(order(), None), NOW).events
    assert (event.occurred_at, event.applied) == (NOW, True)


def test_a_time_in_the_future_counts_as_now() -> None:
    state = kept(find(known(order(APPROVED)), seen(order(), 60 * 24 * 365), NOW))
    assert state.at == NOW
    assert told(find(state, seen(order(CONFIRMED), None), NOW).events) == ["status_changed"]


def test_what_is_read_again_unchanged_need_not_be_written() -> None:
    stock = InventoryPosition(item="I", location="L", available=Decimal(1), as_of=at(0))
    state = known(stock)
    again = InventoryPosition(item="I", location="L", available=Decimal("1.0"), as_of=at(9))
    assert find(state, seen(again, None), NOW).moved is False
    assert find(state, seen(again, 9), NOW).moved is True


@pytest.mark.parametrize(
    "record, changed",
    [
        (order(), ("gone",)),
        (Supplier(code="S-1", status=SupplierStatus.APPROVED), ("gone",)),
        (Item(sku="I", status=ItemStatus.ACTIVE), ("gone",)),
    ],
)
def test_a_record_that_is_gone_is_told_as_such(record: Record, changed: tuple[str, ...]) -> None:
    state = known(record)
    found = find(state, gone(ENTITY_OF[type(record)]), NOW)
    assert [e.data.changed for e in found.events] == [changed]
    after = kept(found)
    assert find(after, gone(ENTITY_OF[type(record)]), NOW).events == ()
    assert find(after, seen(record, 5), NOW).events == ()
    assert len(find(after, seen(record, 20), NOW).events) == 1


def test_figures_that_are_gone_are_zero_and_receipts_are_taken_back() -> None:
    forecast = Forecast(item="I", period_start=date(2026, 4, 6), quantity=Decimal(8))
    (event,) = find(known(forecast), gone(EntityName.FORECAST), NOW).events
    assert (event.data.quantity, event.data.previous_quantity) == (Decimal(0), Decimal(8))
    stock = InventoryPosition(item="I", location="L", available=Decimal(3))
    (event,) = find(known(stock), gone(EntityName.INVENTORY), NOW).events
    assert (event.data.available, event.data.previous_available) == (Decimal(0), Decimal(3))
    receipt = Receipt(number="R", lines=(ReceiptLine(item="I", quantity=Decimal(2)),))
    (event,) = find(known(receipt), gone(EntityName.RECEIPT), NOW).events
    assert [x.quantity for x in event.data.lines] == [Decimal(-2)]


def test_a_forecast_is_revised() -> None:
    before = Forecast(
        item="I", location="L", period_start=date(2026, 4, 6), quantity=Decimal(8), version="A"
    )
    state = known(before)
    found = find(state, seen(Forecast(quantity=Decimal(9)), 5), NOW)
    (event,) = found.events
    assert (event.data.previous_quantity, event.data.quantity) == (Decimal(8), Decimal(9))
    assert event.subjects == ("forecast:I|L|A|2026-04-06", "item:I", "location:L")
    (late,) = find(kept(found), seen(Forecast(quantity=Decimal(7)), 3), NOW).events
    assert (late.applied, late.data.quantity, late.data.previous_quantity) == (
        False,
        Decimal(7),
        Decimal(8),
    )


def test_stock_moves_and_recommendations_are_decided() -> None:
    stock = InventoryPosition(item="I", location="L", available=Decimal(3), on_hand=Decimal(4))
    (event,) = find(known(stock), seen(InventoryPosition(on_hand=Decimal(5)), 1), NOW).events
    assert (event.data.available, event.data.on_hand) == (Decimal(3), Decimal(5))
    proposed = ReplenishmentRecommendation(item="I", status=RecommendationStatus.PROPOSED)
    decided = ReplenishmentRecommendation(item="I", status=RecommendationStatus.REJECTED)
    (event,) = find(known(proposed), seen(decided, 1), NOW).events
    assert event.data.previous_status is RecommendationStatus.PROPOSED
    assert event.subjects == ("recommendation:77", "item:I")
    vanished = find(known(decided), gone(EntityName.RECOMMENDATION), NOW)
    assert (vanished.events, kept(vanished).gone) == ((), True)


def test_master_data_tells_which_columns_changed() -> None:
    before = Supplier(code="S", name="A", status=SupplierStatus.APPROVED, country="DE")
    after = Supplier(code="S", name="B", status=SupplierStatus.BLOCKED)
    (event,) = find(known(before), seen(after, 1), NOW).events
    assert event.data.changed == ("name", "status")
    (event,) = find(None, seen(Item(sku="I", name="N")), NOW).events
    assert event.data.changed == ("name", "sku")


def test_a_receipt_is_posted_once() -> None:
    receipt = Receipt(
        number="R",
        purchase_order="77",
        location="L",
        lines=(ReceiptLine(line_number=1, item="I", quantity=Decimal(2), unit="PCE"),),
    )
    found = find(None, seen(receipt), NOW)
    (event,) = found.events
    assert event.subjects == ("receipt:R", "purchase_order:77", "location:L", "item:I")
    assert find(kept(found), seen(receipt, 5), NOW).events == ()


def test_what_cannot_be_told_says_what_is_missing() -> None:
    with pytest.raises(InvalidInputError, match=r"^item: nothing can be told of a Forecast"):
        find(None, seen(Forecast(quantity=Decimal(1))), NOW)
    with pytest.raises(InvalidInputError, match="no events are told of it"):
        find(None, seen(Location(code="L")), NOW)
